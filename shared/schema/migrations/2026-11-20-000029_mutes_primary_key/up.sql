-- As follows_primary_key.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS social_graph_mutes_pkey_next
    ON social_graph.mutes (muter_id, muted_id) INCLUDE (created_at, expires_at);
