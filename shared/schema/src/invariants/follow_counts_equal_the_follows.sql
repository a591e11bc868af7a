SELECT user_id, counts.followers, counts.following, counted.followers AS true_followers, counted.following AS true_following
FROM social_graph.follow_counts AS counts
FULL JOIN (
    SELECT ends.user_id, sum(ends.followers) AS followers, sum(ends.following) AS following
    FROM (
        SELECT followed_id AS user_id, 1 AS followers, 0 AS following FROM social_graph.follows
        UNION ALL
        SELECT follower_id, 0, 1 FROM social_graph.follows
    ) AS ends
    GROUP BY ends.user_id
) AS counted USING (user_id)
WHERE coalesce(counts.followers, 0) <> coalesce(counted.followers, 0)
    OR coalesce(counts.following, 0) <> coalesce(counted.following, 0)
