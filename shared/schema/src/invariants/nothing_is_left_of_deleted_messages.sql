SELECT id, content, deleted_at, (SELECT count(*) FROM messaging.message_edits WHERE message_id = id) AS edits
FROM messaging.messages
WHERE (content IS NULL) <> (deleted_at IS NOT NULL)
    OR (deleted_at IS NOT NULL AND EXISTS (SELECT FROM messaging.message_edits WHERE message_id = id))
