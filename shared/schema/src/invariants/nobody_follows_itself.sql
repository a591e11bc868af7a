SELECT follower_id, followed_id FROM social_graph.follows WHERE follower_id = followed_id
