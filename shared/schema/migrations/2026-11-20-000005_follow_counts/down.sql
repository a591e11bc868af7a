DROP TRIGGER social_graph_follows_counts_subtract ON social_graph.follows;
DROP TRIGGER social_graph_follows_counts_add ON social_graph.follows;
DROP FUNCTION social_graph.follow_counts_subtract();
DROP FUNCTION social_graph.follow_counts_add();
DROP TABLE social_graph.follow_counts;
