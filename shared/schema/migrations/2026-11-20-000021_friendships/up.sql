CREATE TABLE social_graph.friend_requests (
    id bigint GENERATED ALWAYS AS IDENTITY
        CONSTRAINT social_graph_friend_requests_pkey PRIMARY KEY,
    from_user_id bigint NOT NULL
        CONSTRAINT social_graph_friend_requests_from_user_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    to_user_id bigint NOT NULL
        CONSTRAINT social_graph_friend_requests_to_user_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    note text NOT NULL DEFAULT ''
        CONSTRAINT social_graph_friend_requests_note_length CHECK (char_length(note) <= 200),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT social_graph_friend_requests_no_self_request CHECK (from_user_id <> to_user_id)
);

-- Of two users at most one asks.
CREATE UNIQUE INDEX social_graph_friend_requests_pair_key
    ON social_graph.friend_requests (least(from_user_id, to_user_id), greatest(from_user_id, to_user_id));
CREATE INDEX social_graph_friend_requests_sent_page
    ON social_graph.friend_requests (from_user_id, created_at DESC, id DESC);
CREATE INDEX social_graph_friend_requests_received_page
    ON social_graph.friend_requests (to_user_id, created_at DESC, id DESC);

-- Who may not ask whom until when. A row that has expired means nothing.
CREATE TABLE social_graph.friend_request_declines (
    from_user_id bigint
        CONSTRAINT social_graph_friend_request_declines_from_user_id_fkey
        REFERENCES identity.users (id) ON DELETE CASCADE,
    to_user_id bigint
        CONSTRAINT social_graph_friend_request_declines_to_user_id_fkey
        REFERENCES identity.users (id) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    CONSTRAINT social_graph_friend_request_declines_pkey PRIMARY KEY (from_user_id, to_user_id),
    CONSTRAINT social_graph_friend_request_declines_no_self_decline CHECK (from_user_id <> to_user_id)
);

CREATE INDEX social_graph_friend_request_declines_by_decliner ON social_graph.friend_request_declines (to_user_id);

-- Two rows for each friendship. The mirror holds them together: one alone fails at commit, and when one goes, so does the
-- other.
CREATE TABLE social_graph.friendships (
    user_id bigint
        CONSTRAINT social_graph_friendships_user_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    friend_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT social_graph_friendships_pkey PRIMARY KEY (user_id, friend_id),
    CONSTRAINT social_graph_friendships_no_self_friendship CHECK (user_id <> friend_id),
    CONSTRAINT social_graph_friendships_mirror_fkey
        FOREIGN KEY (friend_id, user_id) REFERENCES social_graph.friendships (user_id, friend_id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX social_graph_friendships_page ON social_graph.friendships (user_id, created_at DESC, friend_id DESC);

-- Taken after the pair's lock, and before the sender's open requests are counted: two requests of one user to different
-- users do not meet in a pair's lock.
CREATE FUNCTION social_graph.sender_lock(sender_id bigint) RETURNS void
LANGUAGE sql
RETURN pg_advisory_xact_lock(hashint8extended(sender_id, 1));

CREATE FUNCTION social_graph.friend_requests_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM social_graph.pair_lock_shared(NEW.from_user_id, NEW.to_user_id);
    IF social_graph.is_blocked(NEW.from_user_id, NEW.to_user_id) THEN
        RAISE EXCEPTION 'a block stands between the two users'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'social_graph_friend_requests_not_blocked';
    END IF;
    IF EXISTS (SELECT FROM social_graph.friendships WHERE user_id = NEW.from_user_id AND friend_id = NEW.to_user_id) THEN
        RAISE EXCEPTION 'the two users are friends'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'social_graph_friend_requests_not_friends';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER social_graph_friend_requests_guard BEFORE INSERT ON social_graph.friend_requests
    FOR EACH ROW EXECUTE FUNCTION social_graph.friend_requests_guard();

CREATE FUNCTION social_graph.friendships_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM social_graph.pair_lock_shared(NEW.user_id, NEW.friend_id);
    IF social_graph.is_blocked(NEW.user_id, NEW.friend_id) THEN
        RAISE EXCEPTION 'a block stands between the two users'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'social_graph_friendships_not_blocked';
    END IF;
    IF EXISTS (
        SELECT FROM social_graph.friend_requests
        WHERE least(from_user_id, to_user_id) = least(NEW.user_id, NEW.friend_id)
            AND greatest(from_user_id, to_user_id) = greatest(NEW.user_id, NEW.friend_id)
    ) THEN
        RAISE EXCEPTION 'the request between the two users is still there'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'social_graph_friendships_no_request';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER social_graph_friendships_guard BEFORE INSERT ON social_graph.friendships
    FOR EACH ROW EXECUTE FUNCTION social_graph.friendships_guard();

REVOKE EXECUTE ON FUNCTION
    social_graph.sender_lock(bigint), social_graph.friend_requests_guard(), social_graph.friendships_guard()
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION social_graph.sender_lock(bigint) TO kith_social_graph;
GRANT SELECT, INSERT, DELETE ON social_graph.friend_requests, social_graph.friendships TO kith_social_graph;
GRANT SELECT, INSERT, DELETE, UPDATE (expires_at) ON social_graph.friend_request_declines TO kith_social_graph;
