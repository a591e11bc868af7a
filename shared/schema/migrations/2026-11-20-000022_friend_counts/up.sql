-- As follow_counts, and apart from them: calls that touch only follows, or only friendships, never meet in a count.

CREATE TABLE social_graph.friend_counts (
    user_id bigint
        CONSTRAINT social_graph_friend_counts_pkey PRIMARY KEY
        CONSTRAINT social_graph_friend_counts_user_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    friends bigint NOT NULL
        CONSTRAINT social_graph_friend_counts_friends_not_negative CHECK (friends >= 0)
);

GRANT SELECT ON social_graph.friend_counts TO kith_social_graph;

CREATE FUNCTION social_graph.friend_counts_add() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    user_ids bigint[];
    new_friends bigint[];
BEGIN
    SELECT array_agg(changes.user_id), array_agg(changes.friends)
    INTO user_ids, new_friends
    FROM (SELECT user_id, count(*) AS friends FROM added GROUP BY user_id) AS changes;

    INSERT INTO social_graph.friend_counts AS counts (user_id, friends)
    SELECT changes.user_id, changes.friends
    FROM unnest(user_ids, new_friends) AS changes (user_id, friends)
    ORDER BY changes.user_id
    ON CONFLICT (user_id) DO UPDATE SET friends = counts.friends + excluded.friends;

    RETURN NULL;
END
$$;

-- Only ever updates: a user who is being deleted has no counts any more, and must not get any. The mirror deletes the rows
-- of such a user's friends one by one, each in a statement of its own.
CREATE FUNCTION social_graph.friend_counts_subtract() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    user_ids bigint[];
    lost_friends bigint[];
BEGIN
    SELECT array_agg(changes.user_id), array_agg(changes.friends)
    INTO user_ids, lost_friends
    FROM (SELECT user_id, count(*) AS friends FROM removed GROUP BY user_id) AS changes;

    -- A statement of its own: the joined update would visit the rows in an order that the planner chooses.
    PERFORM FROM social_graph.friend_counts AS counts
    WHERE counts.user_id = ANY (user_ids)
    ORDER BY counts.user_id
    FOR NO KEY UPDATE;

    UPDATE social_graph.friend_counts AS counts
    SET friends = counts.friends - changes.friends
    FROM unnest(user_ids, lost_friends) AS changes (user_id, friends)
    WHERE counts.user_id = changes.user_id;

    RETURN NULL;
END
$$;

CREATE TRIGGER social_graph_friendships_counts_add
    AFTER INSERT ON social_graph.friendships
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION social_graph.friend_counts_add();

CREATE TRIGGER social_graph_friendships_counts_subtract
    AFTER DELETE ON social_graph.friendships
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION social_graph.friend_counts_subtract();

-- Why this is exact while friendships begin and end stands at follow_counts_repair, in the migration counter_repair.
CREATE FUNCTION social_graph.friend_counts_lock(user_ids bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    missing bigint[] := ARRAY(
        SELECT wanted.user_id FROM unnest(user_ids) AS wanted (user_id)
        WHERE NOT EXISTS (SELECT FROM social_graph.friend_counts AS counts WHERE counts.user_id = wanted.user_id)
    );
    wanted_id bigint;
BEGIN
    PERFORM FROM social_graph.friendships WHERE user_id = ANY (missing) FOR KEY SHARE;

    FOR wanted_id IN SELECT DISTINCT wanted.user_id FROM unnest(user_ids) AS wanted (user_id) ORDER BY wanted.user_id LOOP
        BEGIN
            -- A row that is there is locked, and nothing is written.
            INSERT INTO social_graph.friend_counts AS counts (user_id, friends) VALUES (wanted_id, 0)
            ON CONFLICT (user_id) DO UPDATE SET friends = counts.friends WHERE false;
        EXCEPTION WHEN foreign_key_violation THEN
            -- The user is gone meanwhile, and its friendships with it.
            NULL;
        END;
    END LOOP;
END
$$;

CREATE FUNCTION social_graph.friend_counts_repair(user_ids bigint[])
RETURNS TABLE (user_id bigint, counted_friends bigint, actual_friends bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM social_graph.friend_counts_lock(user_ids);

    RETURN QUERY
    WITH accounts AS MATERIALIZED (
        SELECT id FROM identity.accounts WHERE id = ANY (user_ids)
    ), compared AS MATERIALIZED (
        SELECT
            counts.user_id, accounts.id IS NOT NULL AS is_user, counts.friends,
            (SELECT count(*) FROM social_graph.friendships WHERE user_id = counts.user_id) AS actual_friends
        FROM social_graph.friend_counts AS counts
        LEFT JOIN accounts ON accounts.id = counts.user_id
        WHERE counts.user_id = ANY (user_ids)
    ), drifts AS MATERIALIZED (
        SELECT * FROM compared WHERE NOT is_user OR friends <> actual_friends
    ), updated AS (
        UPDATE social_graph.friend_counts AS counts
        SET friends = drifts.actual_friends
        FROM drifts WHERE counts.user_id = drifts.user_id AND drifts.is_user
    ), deleted AS (
        DELETE FROM social_graph.friend_counts AS counts
        USING drifts WHERE counts.user_id = drifts.user_id AND NOT drifts.is_user
    )
    SELECT user_id, friends, actual_friends FROM drifts ORDER BY user_id;
END
$$;

REVOKE EXECUTE ON FUNCTION
    social_graph.friend_counts_add(), social_graph.friend_counts_subtract(),
    social_graph.friend_counts_lock(bigint[]), social_graph.friend_counts_repair(bigint[])
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION social_graph.friend_counts_repair(bigint[]) TO kith_social_graph;
