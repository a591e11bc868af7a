SELECT array_agg(id ORDER BY id) AS user_ids
FROM identity.users
WHERE email IS NOT NULL
GROUP BY lower(email COLLATE "C")
HAVING count(*) > 1
