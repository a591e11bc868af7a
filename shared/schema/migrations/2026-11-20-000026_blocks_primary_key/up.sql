-- As follows_primary_key.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS social_graph_blocks_pkey_next
    ON social_graph.blocks (blocker_id, blocked_id) INCLUDE (created_at);
