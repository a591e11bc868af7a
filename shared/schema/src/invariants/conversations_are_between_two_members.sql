SELECT conversations.id AS conversation_id, low_user_id, high_user_id, members
FROM messaging.conversations
LEFT JOIN (
    SELECT conversation_id, array_agg(ARRAY[user_id, peer_id] ORDER BY user_id) AS members
    FROM messaging.members GROUP BY conversation_id
) AS sides ON conversation_id = conversations.id
WHERE members IS DISTINCT FROM ARRAY[[low_user_id, high_user_id], [high_user_id, low_user_id]]
    OR low_user_id >= high_user_id
    OR 2 <> (SELECT count(*) FROM identity.users WHERE id IN (low_user_id, high_user_id))
UNION ALL
SELECT conversation_id, user_id, peer_id, NULL FROM messaging.members
WHERE conversation_id NOT IN (SELECT id FROM messaging.conversations)
UNION ALL
SELECT min(id), low_user_id, high_user_id, NULL FROM messaging.conversations
GROUP BY low_user_id, high_user_id HAVING count(*) > 1
