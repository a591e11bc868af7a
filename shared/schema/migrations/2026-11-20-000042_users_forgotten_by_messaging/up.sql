-- A user's conversations go with the user by foreign keys. Those lock the user first and the conversations then, and all
-- conversations before any member; but whoever sends has its conversation first, and then its own user, under whom its request
-- is written; and whoever marks several conversations has members of one before those of the next. So each deletion of a user
-- who was just then sending, or marking, was a deadlock, and took a second longer for it.
--
-- Hence whoever deletes a user calls this first, in the same transaction. Conversations go in the order of their ids, each with
-- all beneath it; then there is none left that the user's own deletion could want. Counters of other schemas, which the user's
-- deletion locks, are not locked while messages go, of which there may be millions.

-- Nobody makes a conversation with a user who has this lock. Functions, so that a test can replace them and see what they are
-- good for.
CREATE FUNCTION messaging.user_lock(wanted_id bigint) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT pg_advisory_xact_lock(hashint8extended(wanted_id, 1));
END;

CREATE FUNCTION messaging.user_lock_shared(wanted_id bigint) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT pg_advisory_xact_lock_shared(hashint8extended(wanted_id, 1));
END;

CREATE FUNCTION messaging.conversations_hold_users() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM messaging.user_lock_shared(least(NEW.low_user_id, NEW.high_user_id));
    PERFORM messaging.user_lock_shared(greatest(NEW.low_user_id, NEW.high_user_id));
    RETURN NEW;
END
$$;

CREATE TRIGGER messaging_conversations_hold_users BEFORE INSERT ON messaging.conversations
    FOR EACH ROW EXECUTE FUNCTION messaging.conversations_hold_users();

-- Published for identity, which alone deletes users.
CREATE FUNCTION messaging.user_forget(forgotten_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    conversation_id bigint;
BEGIN
    PERFORM messaging.user_lock(forgotten_id);
    -- In a statement after the lock's, whose snapshot has what came while it waited.
    FOR conversation_id IN
        SELECT id FROM messaging.conversations WHERE low_user_id = forgotten_id
        UNION ALL
        SELECT id FROM messaging.conversations WHERE high_user_id = forgotten_id
        ORDER BY id
    LOOP
        DELETE FROM messaging.conversations WHERE id = conversation_id;
    END LOOP;
END
$$;

REVOKE EXECUTE ON FUNCTION
    messaging.user_lock(bigint), messaging.user_lock_shared(bigint), messaging.conversations_hold_users(),
    messaging.user_forget(bigint)
    FROM PUBLIC;
GRANT USAGE ON SCHEMA messaging TO kith_identity;
GRANT EXECUTE ON FUNCTION messaging.user_forget(bigint) TO kith_identity;
