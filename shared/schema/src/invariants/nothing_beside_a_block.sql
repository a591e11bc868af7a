SELECT edge.kind, edge.one, edge.other
FROM (
    SELECT 'follow' AS kind, follower_id AS one, followed_id AS other FROM social_graph.follows
    UNION ALL
    SELECT 'friendship', user_id, friend_id FROM social_graph.friendships
    UNION ALL
    SELECT 'request', from_user_id, to_user_id FROM social_graph.friend_requests
) AS edge
JOIN social_graph.blocks ON (blocker_id, blocked_id) IN ((edge.one, edge.other), (edge.other, edge.one))
