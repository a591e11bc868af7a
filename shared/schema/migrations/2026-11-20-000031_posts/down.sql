DROP FUNCTION posts.post_lock(bigint);
DROP TABLE posts.requests;
DROP TABLE posts.hashtags;
DROP TABLE posts.mentions;
DROP TABLE posts.shares;
DROP TABLE posts.likes;
DROP TABLE posts.post_edits;
DROP TABLE posts.posts;
