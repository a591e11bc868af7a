DROP TABLE social_graph.follows;
