SELECT 'message' AS kind, messages.id, sender_id AS user_id FROM messaging.messages
WHERE NOT EXISTS (
    SELECT FROM messaging.members
    WHERE members.conversation_id = messages.conversation_id AND user_id = sender_id AND peer_id = receiver_id
)
UNION ALL
SELECT 'edit', message_id, version FROM messaging.message_edits
WHERE message_id NOT IN (SELECT id FROM messaging.messages)
UNION ALL
SELECT 'request', message_id, user_id FROM messaging.requests WHERE user_id NOT IN (SELECT id FROM identity.users)
UNION ALL
SELECT 'settings', NULL, user_id FROM messaging.settings WHERE user_id NOT IN (SELECT id FROM identity.users)
