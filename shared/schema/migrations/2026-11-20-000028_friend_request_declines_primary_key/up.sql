-- As follows_primary_key.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS social_graph_friend_request_declines_pkey_next
    ON social_graph.friend_request_declines (from_user_id, to_user_id) INCLUDE (expires_at);
