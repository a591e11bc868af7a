SELECT one.user_id, one.friend_id, one.created_at, mirror.created_at AS mirrored_at
FROM social_graph.friendships AS one
LEFT JOIN social_graph.friendships AS mirror ON mirror.user_id = one.friend_id AND mirror.friend_id = one.user_id
WHERE mirror.created_at IS DISTINCT FROM one.created_at
