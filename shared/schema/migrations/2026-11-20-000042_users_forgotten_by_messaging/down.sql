REVOKE USAGE ON SCHEMA messaging FROM kith_identity;
DROP TRIGGER messaging_conversations_hold_users ON messaging.conversations;
DROP FUNCTION
    messaging.user_forget(bigint), messaging.conversations_hold_users(), messaging.user_lock(bigint),
    messaging.user_lock_shared(bigint);
