SELECT
    id, likes_count, coalesce(likes.rows, 0) AS true_likes, comment_count, coalesce(replies.rows, 0) AS true_comments,
    shares_count, coalesce(shares.rows, 0) AS true_shares
FROM posts.posts
LEFT JOIN (SELECT post_id, count(*) AS rows FROM posts.likes GROUP BY post_id) AS likes ON likes.post_id = id
LEFT JOIN (SELECT parent_id, count(*) AS rows FROM posts.posts GROUP BY parent_id) AS replies ON replies.parent_id = id
LEFT JOIN (SELECT post_id, count(*) AS rows FROM posts.shares GROUP BY post_id) AS shares ON shares.post_id = id
WHERE likes_count <> coalesce(likes.rows, 0) OR comment_count <> coalesce(replies.rows, 0)
    OR shares_count <> coalesce(shares.rows, 0)
