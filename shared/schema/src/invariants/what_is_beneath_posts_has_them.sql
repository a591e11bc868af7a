SELECT 'reply' AS kind, id AS of, parent_id AS post_id FROM posts.posts
    WHERE parent_id IS NOT NULL AND NOT EXISTS (SELECT FROM posts.posts AS parents WHERE parents.id = posts.parent_id)
UNION ALL SELECT 'like', user_id, post_id FROM posts.likes WHERE post_id NOT IN (SELECT id FROM posts.posts)
UNION ALL SELECT 'share', user_id, post_id FROM posts.shares WHERE post_id NOT IN (SELECT id FROM posts.posts)
UNION ALL SELECT 'mention', user_id, post_id FROM posts.mentions WHERE post_id NOT IN (SELECT id FROM posts.posts)
UNION ALL SELECT 'hashtag', NULL, post_id FROM posts.hashtags WHERE post_id NOT IN (SELECT id FROM posts.posts)
UNION ALL SELECT 'edit', version, post_id FROM posts.post_edits WHERE post_id NOT IN (SELECT id FROM posts.posts)
