DROP INDEX CONCURRENTLY IF EXISTS social_graph.social_graph_blocks_pkey_next;
