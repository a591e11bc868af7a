SELECT coalesce(users.id, profiles.user_id) AS user_id
FROM identity.users
FULL JOIN identity.profiles ON profiles.user_id = users.id
WHERE users.id IS NULL OR profiles.user_id IS NULL
