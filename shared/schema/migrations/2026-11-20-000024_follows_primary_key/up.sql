-- What the primary key becomes. With all that is read of a pair in it, no plan finds the pair sooner by walking all edges of
-- one of the two, in the index that has them by time. It takes no lock that reads or writes wait for.
-- Until it is the primary key, of two that insert the same row at the same moment one may be refused in its name, which no
-- build knows.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS social_graph_follows_pkey_next
    ON social_graph.follows (follower_id, followed_id) INCLUDE (created_at);
