SELECT user_id
FROM identity.credentials
WHERE NOT EXISTS (SELECT FROM identity.users WHERE users.id = credentials.user_id)
