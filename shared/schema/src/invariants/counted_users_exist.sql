SELECT counts.user_id
FROM (
    SELECT user_id FROM social_graph.follow_counts
    UNION ALL
    SELECT user_id FROM social_graph.friend_counts
) AS counts
WHERE NOT EXISTS (SELECT FROM identity.users WHERE users.id = counts.user_id)
