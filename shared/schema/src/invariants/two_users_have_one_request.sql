SELECT array_agg(id ORDER BY id) AS request_ids
FROM social_graph.friend_requests
GROUP BY least(from_user_id, to_user_id), greatest(from_user_id, to_user_id)
HAVING count(*) > 1
