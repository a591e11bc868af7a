-- The pair lock: whoever changes what two users are to each other takes it, and whoever only adds something that a block
-- would cut takes it shared. A transaction that waited for it must look at the rows in a statement after the one that
-- waited, since only that one's snapshot is newer than the lock.
--
-- The functions are apart from each other, so that a test can replace one and see what it is good for.

CREATE FUNCTION social_graph.pair_key(one bigint, other bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN hashint8extended(least(one, other), hashint8extended(greatest(one, other), 0));

CREATE FUNCTION social_graph.pair_lock(one bigint, other bigint) RETURNS void
LANGUAGE sql
RETURN pg_advisory_xact_lock(social_graph.pair_key(one, other));

CREATE FUNCTION social_graph.pair_lock_shared(one bigint, other bigint) RETURNS void
LANGUAGE sql
RETURN pg_advisory_xact_lock_shared(social_graph.pair_key(one, other));

CREATE TABLE social_graph.blocks (
    blocker_id bigint
        CONSTRAINT social_graph_blocks_blocker_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    blocked_id bigint
        CONSTRAINT social_graph_blocks_blocked_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT social_graph_blocks_pkey PRIMARY KEY (blocker_id, blocked_id),
    CONSTRAINT social_graph_blocks_no_self_block CHECK (blocker_id <> blocked_id)
);

CREATE INDEX social_graph_blocks_page ON social_graph.blocks (blocker_id, created_at DESC, blocked_id DESC);
CREATE INDEX social_graph_blocks_by_blocked ON social_graph.blocks (blocked_id);

CREATE TABLE social_graph.mutes (
    muter_id bigint
        CONSTRAINT social_graph_mutes_muter_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    muted_id bigint
        CONSTRAINT social_graph_mutes_muted_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    CONSTRAINT social_graph_mutes_pkey PRIMARY KEY (muter_id, muted_id),
    CONSTRAINT social_graph_mutes_no_self_mute CHECK (muter_id <> muted_id),
    CONSTRAINT social_graph_mutes_expires_later CHECK (expires_at > created_at)
);

CREATE INDEX social_graph_mutes_page ON social_graph.mutes (muter_id, created_at DESC, muted_id DESC);
CREATE INDEX social_graph_mutes_by_muted ON social_graph.mutes (muted_id);

CREATE FUNCTION social_graph.is_blocked(one bigint, other bigint) RETURNS boolean
LANGUAGE sql STABLE
RETURN EXISTS (SELECT FROM social_graph.blocks WHERE blocker_id = one AND blocked_id = other)
    OR EXISTS (SELECT FROM social_graph.blocks WHERE blocker_id = other AND blocked_id = one);

-- Who blocks by the service has the lock already; this is for whoever blocks in another way.
CREATE FUNCTION social_graph.blocks_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM social_graph.pair_lock(NEW.blocker_id, NEW.blocked_id);
    RETURN NEW;
END
$$;

CREATE TRIGGER social_graph_blocks_guard BEFORE INSERT ON social_graph.blocks
    FOR EACH ROW EXECUTE FUNCTION social_graph.blocks_guard();

CREATE FUNCTION social_graph.follows_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM social_graph.pair_lock_shared(NEW.follower_id, NEW.followed_id);
    IF social_graph.is_blocked(NEW.follower_id, NEW.followed_id) THEN
        RAISE EXCEPTION 'a block stands between the two users'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'social_graph_follows_not_blocked';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER social_graph_follows_guard BEFORE INSERT ON social_graph.follows
    FOR EACH ROW EXECUTE FUNCTION social_graph.follows_guard();

REVOKE EXECUTE ON FUNCTION
    social_graph.pair_key(bigint, bigint), social_graph.pair_lock(bigint, bigint),
    social_graph.pair_lock_shared(bigint, bigint), social_graph.is_blocked(bigint, bigint),
    social_graph.blocks_guard(), social_graph.follows_guard()
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    social_graph.pair_key(bigint, bigint), social_graph.pair_lock(bigint, bigint),
    social_graph.pair_lock_shared(bigint, bigint), social_graph.is_blocked(bigint, bigint)
    TO kith_social_graph;
GRANT SELECT, INSERT, DELETE ON social_graph.blocks TO kith_social_graph;
GRANT SELECT, INSERT, DELETE, UPDATE (created_at, expires_at) ON social_graph.mutes TO kith_social_graph;
