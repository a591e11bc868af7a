DROP INDEX CONCURRENTLY IF EXISTS social_graph.social_graph_mutes_pkey_next;
