SELECT user_id
FROM social_graph.follow_counts
WHERE NOT EXISTS (SELECT FROM identity.users WHERE users.id = follow_counts.user_id)
