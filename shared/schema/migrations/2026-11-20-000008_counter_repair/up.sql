-- Sets counts to what the rows of follows say, while follows begin and end. Why that is exact, under READ COMMITTED:
--
-- A transaction that begins or ends a follow of a user changes the row first, and the user's counts after it. From then
-- on it holds the row lock of the counts until it ends. So where we hold that lock, another transaction either
-- * has ended: the snapshot of the next statement sees its row as well as its change of the counts; or
-- * has yet to change the counts: it cannot commit before us, so that no snapshot of ours sees its row, and its change
--   is added to what we set, since an UPDATE that waited goes on from the newest version of the row.
-- So we lock, count in a statement of its own, whose snapshot is newer than the lock, and set what we counted.
--
-- Counts that are missing are one more kind of drift, and there is nothing to lock then. Whoever begins a follow
-- inserts the counts, as we do: of two, one waits for the other, which is as good as the lock. But whoever ends a follow
-- only updates, and does not wait for a row that it cannot see. So we keep the follows of such a user from ending, by key
-- share locks, before we insert. Of a follow that is not there yet for these locks, the counts are: they were inserted
-- with it, so whoever ends it finds them and waits.
--
-- Locks are taken as those who begin and end follows take them: follows, then counts in the order of user_id.

CREATE FUNCTION social_graph.follow_counts_lock(user_ids bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    missing bigint[] := ARRAY(
        SELECT wanted.user_id FROM unnest(user_ids) AS wanted (user_id)
        WHERE NOT EXISTS (SELECT FROM social_graph.follow_counts AS counts WHERE counts.user_id = wanted.user_id)
    );
    wanted_id bigint;
BEGIN
    PERFORM FROM social_graph.follows WHERE follower_id = ANY (missing) OR followed_id = ANY (missing) FOR KEY SHARE;

    FOR wanted_id IN SELECT DISTINCT wanted.user_id FROM unnest(user_ids) AS wanted (user_id) ORDER BY wanted.user_id LOOP
        BEGIN
            -- A row that is there is locked, and nothing is written.
            INSERT INTO social_graph.follow_counts AS counts (user_id, followers, following) VALUES (wanted_id, 0, 0)
            ON CONFLICT (user_id) DO UPDATE SET followers = counts.followers WHERE false;
        EXCEPTION WHEN foreign_key_violation THEN
            -- The user is gone meanwhile, and its follows with it.
            NULL;
        END;
    END LOOP;
END
$$;

-- Answers what it found wrong: what the counts were, and what they are now. Counts of nobody are deleted. It runs with the
-- owner's rights, since services have none to write counts.
CREATE FUNCTION social_graph.follow_counts_repair(user_ids bigint[])
RETURNS TABLE (
    user_id bigint, counted_followers bigint, counted_following bigint, actual_followers bigint, actual_following bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM social_graph.follow_counts_lock(user_ids);

    RETURN QUERY
    WITH accounts AS MATERIALIZED (
        SELECT id FROM identity.accounts WHERE id = ANY (user_ids)
    ), compared AS MATERIALIZED (
        SELECT
            counts.user_id, accounts.id IS NOT NULL AS is_user, counts.followers, counts.following,
            (SELECT count(*) FROM social_graph.follows WHERE followed_id = counts.user_id) AS actual_followers,
            (SELECT count(*) FROM social_graph.follows WHERE follower_id = counts.user_id) AS actual_following
        FROM social_graph.follow_counts AS counts
        LEFT JOIN accounts ON accounts.id = counts.user_id
        WHERE counts.user_id = ANY (user_ids)
    ), drifts AS MATERIALIZED (
        SELECT * FROM compared
        WHERE NOT is_user OR (followers, following) <> (actual_followers, actual_following)
    ), updated AS (
        UPDATE social_graph.follow_counts AS counts
        SET followers = drifts.actual_followers, following = drifts.actual_following
        FROM drifts WHERE counts.user_id = drifts.user_id AND drifts.is_user
    ), deleted AS (
        DELETE FROM social_graph.follow_counts AS counts
        USING drifts WHERE counts.user_id = drifts.user_id AND NOT drifts.is_user
    )
    SELECT user_id, followers, following, actual_followers, actual_following FROM drifts ORDER BY user_id;
END
$$;

REVOKE EXECUTE ON FUNCTION social_graph.follow_counts_lock(bigint[]), social_graph.follow_counts_repair(bigint[])
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION social_graph.follow_counts_repair(bigint[]) TO kith_social_graph;
