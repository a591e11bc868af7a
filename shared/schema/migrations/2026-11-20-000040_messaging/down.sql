DROP FUNCTION messaging.unread(bigint, bigint, bigint);
DROP TABLE messaging.requests;
DROP TABLE messaging.message_edits;
DROP TABLE messaging.messages;
DROP TABLE messaging.members;
DROP TABLE messaging.conversations;
