DROP FUNCTION social_graph.friend_counts_repair(bigint[]);
DROP FUNCTION social_graph.friend_counts_lock(bigint[]);
DROP TRIGGER social_graph_friendships_counts_subtract ON social_graph.friendships;
DROP TRIGGER social_graph_friendships_counts_add ON social_graph.friendships;
DROP FUNCTION social_graph.friend_counts_subtract();
DROP FUNCTION social_graph.friend_counts_add();
DROP TABLE social_graph.friend_counts;
