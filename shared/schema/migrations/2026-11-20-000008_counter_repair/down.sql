DROP FUNCTION social_graph.follow_counts_repair(bigint[]);
DROP FUNCTION social_graph.follow_counts_lock(bigint[]);
