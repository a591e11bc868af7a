-- What the index of pages becomes: with all that a page reads in it, as the next primary key has it, it stays the cheapest
-- for pages. It is made before that key, since of two that cost the same the planner takes the newer one.
CREATE INDEX CONCURRENTLY IF NOT EXISTS social_graph_mutes_page_next
    ON social_graph.mutes (muter_id, created_at DESC, muted_id DESC) INCLUDE (expires_at);
