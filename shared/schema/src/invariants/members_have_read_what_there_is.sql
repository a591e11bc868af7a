SELECT conversation_id, user_id, received_seq, received, read_seq, receipt_seq
FROM messaging.members
CROSS JOIN LATERAL (
    SELECT coalesce(max(seq), 0) AS received FROM messaging.messages
    WHERE messages.conversation_id = members.conversation_id AND sender_id = peer_id AND receiver_id = user_id
) AS counted
JOIN messaging.conversations ON id = conversation_id
WHERE received_seq <> received OR receipt_seq < 0 OR receipt_seq > read_seq OR read_seq > last_seq
