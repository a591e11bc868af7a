SELECT edge.kind, edge.one, edge.other
FROM (
    SELECT 'block' AS kind, blocker_id AS one, blocked_id AS other FROM social_graph.blocks
    UNION ALL
    SELECT 'mute', muter_id, muted_id FROM social_graph.mutes
    UNION ALL
    SELECT 'request', from_user_id, to_user_id FROM social_graph.friend_requests
    UNION ALL
    SELECT 'decline', from_user_id, to_user_id FROM social_graph.friend_request_declines
    UNION ALL
    SELECT 'friendship', user_id, friend_id FROM social_graph.friendships
) AS edge
WHERE edge.one = edge.other
    OR NOT EXISTS (SELECT FROM identity.users WHERE users.id = edge.one)
    OR NOT EXISTS (SELECT FROM identity.users WHERE users.id = edge.other)
