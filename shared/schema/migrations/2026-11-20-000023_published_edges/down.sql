DROP VIEW social_graph.mute_edges, social_graph.block_edges, social_graph.friend_edges, social_graph.follow_edges;
