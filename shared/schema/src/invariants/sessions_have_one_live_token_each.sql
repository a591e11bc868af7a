SELECT sessions.id AS session_id, count(token_hash) AS live_tokens
FROM identity.sessions
LEFT JOIN identity.refresh_tokens ON session_id = sessions.id AND rotated_at IS NULL
GROUP BY sessions.id
HAVING count(token_hash) <> 1
