DROP TRIGGER social_graph_follows_guard ON social_graph.follows;
DROP FUNCTION social_graph.follows_guard();
DROP FUNCTION social_graph.is_blocked(bigint, bigint);
DROP TABLE social_graph.mutes;
DROP TABLE social_graph.blocks;
DROP FUNCTION social_graph.blocks_guard();
DROP FUNCTION social_graph.pair_lock_shared(bigint, bigint);
DROP FUNCTION social_graph.pair_lock(bigint, bigint);
DROP FUNCTION social_graph.pair_key(bigint, bigint);
