SELECT conversations.id AS conversation_id, last_seq, first, last, messages, active_at, sent_at
FROM messaging.conversations
LEFT JOIN (
    SELECT conversation_id, min(seq) AS first, max(seq) AS last, count(DISTINCT seq) AS messages, max(created_at) AS sent_at
    FROM messaging.messages GROUP BY conversation_id
) AS numbered ON conversation_id = conversations.id
WHERE (last_seq, 1, last_seq, active_at) IS DISTINCT FROM (last, first, messages, sent_at)
