SELECT id, from_user_id, to_user_id
FROM social_graph.friend_requests
JOIN social_graph.friendships ON user_id = from_user_id AND friend_id = to_user_id
