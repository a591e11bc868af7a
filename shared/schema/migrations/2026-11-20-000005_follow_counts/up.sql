CREATE TABLE social_graph.follow_counts (
    user_id bigint
        CONSTRAINT social_graph_follow_counts_pkey PRIMARY KEY
        CONSTRAINT social_graph_follow_counts_user_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    followers bigint NOT NULL
        CONSTRAINT social_graph_follow_counts_followers_not_negative CHECK (followers >= 0),
    following bigint NOT NULL
        CONSTRAINT social_graph_follow_counts_following_not_negative CHECK (following >= 0)
);

GRANT SELECT ON social_graph.follow_counts TO kith_social_graph;

-- Both functions run once for a statement, and with the owner's rights: a cascade from identity.users runs with rights
-- on nothing here. They gather the transition table into arrays first, since Citus cannot see it in a statement on its
-- own tables, and touch the counts in the order of user_id, so that two of them cannot wait for each other in a circle.

CREATE FUNCTION social_graph.follow_counts_add() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    user_ids bigint[];
    new_followers bigint[];
    new_following bigint[];
BEGIN
    SELECT array_agg(changes.user_id), array_agg(changes.followers), array_agg(changes.following)
    INTO user_ids, new_followers, new_following
    FROM (
        SELECT ends.user_id, sum(ends.followers) AS followers, sum(ends.following) AS following
        FROM (
            SELECT followed_id AS user_id, 1 AS followers, 0 AS following FROM added
            UNION ALL
            SELECT follower_id, 0, 1 FROM added
        ) AS ends
        GROUP BY ends.user_id
    ) AS changes;

    INSERT INTO social_graph.follow_counts AS counts (user_id, followers, following)
    SELECT changes.user_id, changes.followers, changes.following
    FROM unnest(user_ids, new_followers, new_following) AS changes (user_id, followers, following)
    ORDER BY changes.user_id
    ON CONFLICT (user_id) DO UPDATE
    SET followers = counts.followers + excluded.followers, following = counts.following + excluded.following;

    RETURN NULL;
END
$$;

-- Only ever updates: a user who is being deleted has no counts any more, and must not get any.
CREATE FUNCTION social_graph.follow_counts_subtract() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    user_ids bigint[];
    lost_followers bigint[];
    lost_following bigint[];
BEGIN
    SELECT array_agg(changes.user_id), array_agg(changes.followers), array_agg(changes.following)
    INTO user_ids, lost_followers, lost_following
    FROM (
        SELECT ends.user_id, sum(ends.followers) AS followers, sum(ends.following) AS following
        FROM (
            SELECT followed_id AS user_id, 1 AS followers, 0 AS following FROM removed
            UNION ALL
            SELECT follower_id, 0, 1 FROM removed
        ) AS ends
        GROUP BY ends.user_id
    ) AS changes;

    -- A statement of its own: the joined update would visit the rows in an order that the planner chooses.
    PERFORM FROM social_graph.follow_counts AS counts
    WHERE counts.user_id = ANY (user_ids)
    ORDER BY counts.user_id
    FOR NO KEY UPDATE;

    UPDATE social_graph.follow_counts AS counts
    SET followers = counts.followers - changes.followers, following = counts.following - changes.following
    FROM unnest(user_ids, lost_followers, lost_following) AS changes (user_id, followers, following)
    WHERE counts.user_id = changes.user_id;

    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION social_graph.follow_counts_add(), social_graph.follow_counts_subtract() FROM PUBLIC;

CREATE TRIGGER social_graph_follows_counts_add
    AFTER INSERT ON social_graph.follows
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION social_graph.follow_counts_add();

CREATE TRIGGER social_graph_follows_counts_subtract
    AFTER DELETE ON social_graph.follows
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION social_graph.follow_counts_subtract();

-- After the triggers: making them locked out every writer, so what is there now is counted exactly once.
INSERT INTO social_graph.follow_counts (user_id, followers, following)
SELECT ends.user_id, sum(ends.followers), sum(ends.following)
FROM (
    SELECT followed_id AS user_id, 1 AS followers, 0 AS following FROM social_graph.follows
    UNION ALL
    SELECT follower_id, 0, 1 FROM social_graph.follows
) AS ends
GROUP BY ends.user_id;
