SELECT follower_id, followed_id
FROM social_graph.follows
WHERE NOT EXISTS (SELECT FROM identity.users WHERE users.id = follows.follower_id)
    OR NOT EXISTS (SELECT FROM identity.users WHERE users.id = follows.followed_id)
