DROP TABLE social_graph.friendships, social_graph.friend_request_declines, social_graph.friend_requests;
DROP FUNCTION social_graph.friendships_guard();
DROP FUNCTION social_graph.friend_requests_guard();
DROP FUNCTION social_graph.sender_lock(bigint);
