SELECT user_id, counts.friends, counted.friends AS true_friends
FROM social_graph.friend_counts AS counts
FULL JOIN (
    SELECT user_id, count(*) AS friends FROM social_graph.friendships GROUP BY user_id
) AS counted USING (user_id)
WHERE coalesce(counts.friends, 0) <> coalesce(counted.friends, 0)
