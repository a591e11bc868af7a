-- As follows_primary_key.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS social_graph_friendships_pkey_next
    ON social_graph.friendships (user_id, friend_id) INCLUDE (created_at);
