-- Counters of posts: how many like, reply to and share each. Whoever counts has aggregated what its statement changed into
-- arrays, since Citus cannot see a transition table in a statement on its own tables.
--
-- Rows are locked in the order of their ids. A post that is being deleted is not there any more, and needs no counters.
CREATE FUNCTION posts.counts_add(post_ids bigint[], likes bigint[], comments bigint[], shares bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF cardinality(post_ids) > 1 THEN
        -- A statement of its own: the joined update would visit the rows in an order that the planner chooses.
        PERFORM FROM posts.posts WHERE id = ANY (post_ids) ORDER BY id FOR NO KEY UPDATE;
    END IF;

    UPDATE posts.posts
    SET likes_count = likes_count + coalesce(changes.likes, 0),
        comment_count = comment_count + coalesce(changes.comments, 0),
        shares_count = shares_count + coalesce(changes.shares, 0)
    FROM unnest(post_ids, likes, comments, shares) AS changes (post_id, likes, comments, shares)
    WHERE id = changes.post_id;
END
$$;

-- A post that goes takes its likes and shares along by a statement for each table, mostly of no rows: of 30,000 replies that
-- went with their post, that took a third of the time.
CREATE FUNCTION posts.likes_count() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    post_ids bigint[];
    changes bigint[];
BEGIN
    SELECT array_agg(post_id), array_agg(CASE TG_OP WHEN 'INSERT' THEN rows ELSE -rows END)
    INTO post_ids, changes
    FROM (SELECT post_id, count(*) AS rows FROM changed GROUP BY post_id) AS counted;
    IF post_ids IS NOT NULL THEN
        PERFORM posts.counts_add(post_ids, changes, NULL, NULL);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION posts.comments_count() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    post_ids bigint[];
    changes bigint[];
BEGIN
    SELECT array_agg(parent_id), array_agg(CASE TG_OP WHEN 'INSERT' THEN rows ELSE -rows END)
    INTO post_ids, changes
    FROM (
        SELECT parent_id, count(*) AS rows FROM changed WHERE parent_id IS NOT NULL GROUP BY parent_id
    ) AS counted;
    IF post_ids IS NOT NULL THEN
        PERFORM posts.counts_add(post_ids, NULL, changes, NULL);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION posts.shares_count() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    post_ids bigint[];
    changes bigint[];
BEGIN
    SELECT array_agg(post_id), array_agg(CASE TG_OP WHEN 'INSERT' THEN rows ELSE -rows END)
    INTO post_ids, changes
    FROM (SELECT post_id, count(*) AS rows FROM changed GROUP BY post_id) AS counted;
    IF post_ids IS NOT NULL THEN
        PERFORM posts.counts_add(post_ids, NULL, NULL, changes);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER posts_likes_count_add AFTER INSERT ON posts.likes
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION posts.likes_count();
CREATE TRIGGER posts_likes_count_subtract AFTER DELETE ON posts.likes
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION posts.likes_count();
CREATE TRIGGER posts_posts_count_add AFTER INSERT ON posts.posts
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION posts.comments_count();
CREATE TRIGGER posts_posts_count_subtract AFTER DELETE ON posts.posts
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION posts.comments_count();
CREATE TRIGGER posts_shares_count_add AFTER INSERT ON posts.shares
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION posts.shares_count();
CREATE TRIGGER posts_shares_count_subtract AFTER DELETE ON posts.shares
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION posts.shares_count();

-- Sets counters to what the rows say, while rows come and go, and answers what it found wrong. Why that is exact, under READ
-- COMMITTED: whoever adds or removes rows beneath a post changes its counters in the same transaction, after the rows, and
-- holds the post's row lock from then on. Where we hold that lock, another transaction either has ended, and the snapshot of
-- the next statement sees its rows and its change of the counters; or it has yet to change the counters, and cannot commit
-- before us: no snapshot of ours sees its rows, and its change is added to what we set.
CREATE FUNCTION posts.counts_repair(post_ids bigint[])
RETURNS TABLE (
    post_id bigint, counted_likes bigint, counted_comments bigint, counted_shares bigint,
    actual_likes bigint, actual_comments bigint, actual_shares bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM posts.posts WHERE id = ANY (post_ids) ORDER BY id FOR NO KEY UPDATE;

    RETURN QUERY
    WITH compared AS MATERIALIZED (
        SELECT
            id, likes_count, comment_count, shares_count,
            (SELECT count(*) FROM posts.likes WHERE likes.post_id = posts.id) AS actual_likes,
            (SELECT count(*) FROM posts.posts AS replies WHERE replies.parent_id = posts.id) AS actual_comments,
            (SELECT count(*) FROM posts.shares WHERE shares.post_id = posts.id) AS actual_shares
        FROM posts.posts
        WHERE id = ANY (post_ids)
    ), drifts AS MATERIALIZED (
        SELECT * FROM compared
        WHERE (likes_count, comment_count, shares_count) <> (actual_likes, actual_comments, actual_shares)
    ), updated AS (
        UPDATE posts.posts
        SET likes_count = drifts.actual_likes, comment_count = drifts.actual_comments, shares_count = drifts.actual_shares
        FROM drifts WHERE posts.id = drifts.id
    )
    SELECT id, likes_count, comment_count, shares_count, actual_likes, actual_comments, actual_shares
    FROM drifts ORDER BY id;
END
$$;

REVOKE EXECUTE ON FUNCTION
    posts.counts_add(bigint[], bigint[], bigint[], bigint[]), posts.likes_count(), posts.comments_count(),
    posts.shares_count(), posts.counts_repair(bigint[])
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION posts.counts_repair(bigint[]) TO kith_posts;
