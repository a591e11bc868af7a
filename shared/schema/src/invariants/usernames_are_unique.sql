SELECT array_agg(id ORDER BY id) AS user_ids FROM identity.users GROUP BY lower(username COLLATE "C") HAVING count(*) > 1
