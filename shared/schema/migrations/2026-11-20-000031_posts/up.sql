-- Counters stand in the row that they belong to, and only triggers write them. No index has them, and pages keep room, so
-- that counting makes no new index entries.
CREATE TABLE posts.posts (
    id bigint GENERATED ALWAYS AS IDENTITY
        CONSTRAINT posts_posts_pkey PRIMARY KEY,
    author_id bigint NOT NULL
        CONSTRAINT posts_posts_author_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    content text NOT NULL
        CONSTRAINT posts_posts_content_length CHECK (char_length(content) <= 500)
        -- The characters with Unicode's property White_Space.
        CONSTRAINT posts_posts_content_not_blank CHECK (btrim(content,
            E'\u0009\u000a\u000b\u000c\u000d\u0020\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008'
            '\u2009\u200a\u2028\u2029\u202f\u205f\u3000') <> ''),
    type text NOT NULL DEFAULT 'thoughts'
        CONSTRAINT posts_posts_type_known CHECK (type IN ('thoughts', 'media', 'milestones')),
    media_url text NOT NULL DEFAULT ''
        CONSTRAINT posts_posts_media_url_length CHECK (char_length(media_url) <= 500)
        CONSTRAINT posts_posts_media_url_scheme
            CHECK (media_url = '' OR media_url COLLATE "C" ~* '^https?://[^/?#\\\u0001-\u0020\u007f][^\\\u0001-\u0020\u007f]*$'),
    parent_id bigint
        CONSTRAINT posts_posts_parent_id_fkey REFERENCES posts.posts (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version bigint NOT NULL DEFAULT 1,
    likes_count bigint NOT NULL DEFAULT 0
        CONSTRAINT posts_posts_likes_count_not_negative CHECK (likes_count >= 0),
    comment_count bigint NOT NULL DEFAULT 0
        CONSTRAINT posts_posts_comment_count_not_negative CHECK (comment_count >= 0),
    shares_count bigint NOT NULL DEFAULT 0
        CONSTRAINT posts_posts_shares_count_not_negative CHECK (shares_count >= 0),
    -- For an index: most changes of the counter leave it as it is.
    is_shared boolean NOT NULL GENERATED ALWAYS AS (shares_count > 0) STORED,
    -- No thread is a circle.
    CONSTRAINT posts_posts_parent_before CHECK (parent_id < id)
) WITH (fillfactor = 85);

CREATE INDEX posts_posts_page ON posts.posts (created_at DESC, id DESC);
CREATE INDEX posts_posts_author_page ON posts.posts (author_id, created_at DESC, id DESC);
CREATE INDEX posts_posts_author_type_page ON posts.posts (author_id, type, created_at DESC, id DESC);
-- The same without replies.
CREATE INDEX posts_posts_author_top_page ON posts.posts (author_id, created_at DESC, id DESC) WHERE parent_id IS NULL;
CREATE INDEX posts_posts_author_type_top_page ON posts.posts (author_id, type, created_at DESC, id DESC)
    WHERE parent_id IS NULL;
-- The replies that a home timeline may have.
CREATE INDEX posts_posts_author_shared_replies_page ON posts.posts (author_id, created_at DESC, id DESC)
    WHERE parent_id IS NOT NULL AND is_shared;
CREATE INDEX posts_posts_replies_page ON posts.posts (parent_id, created_at DESC, id DESC);
-- Of an expression, not of a column: whenever something is counted, the whole row is written again.
CREATE INDEX posts_posts_search ON posts.posts USING gin (to_tsvector('pg_catalog.simple', content));

-- What a post said until it was changed to the next version.
CREATE TABLE posts.post_edits (
    post_id bigint
        CONSTRAINT posts_post_edits_post_id_fkey REFERENCES posts.posts (id) ON DELETE CASCADE,
    version bigint,
    content text NOT NULL,
    type text NOT NULL,
    media_url text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT posts_post_edits_pkey PRIMARY KEY (post_id, version)
);

-- The keys have the times with them, since whoever asks for a pair asks since when. They come last: of indexes that seem to
-- cost the same, since most posts have one like, PostgreSQL takes the last one made, and a page's would be walked from end to
-- end where a post has very many.
CREATE TABLE posts.likes (
    post_id bigint
        CONSTRAINT posts_likes_post_id_fkey REFERENCES posts.posts (id) ON DELETE CASCADE,
    user_id bigint
        CONSTRAINT posts_likes_user_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX posts_likes_post_page ON posts.likes (post_id, created_at DESC, user_id DESC);
CREATE INDEX posts_likes_user_page ON posts.likes (user_id, created_at DESC, post_id DESC);
ALTER TABLE posts.likes ADD CONSTRAINT posts_likes_pkey PRIMARY KEY (post_id, user_id) INCLUDE (created_at);

CREATE TABLE posts.shares (
    post_id bigint
        CONSTRAINT posts_shares_post_id_fkey REFERENCES posts.posts (id) ON DELETE CASCADE,
    user_id bigint
        CONSTRAINT posts_shares_user_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX posts_shares_page ON posts.shares (created_at DESC, post_id DESC);
CREATE INDEX posts_shares_post_page ON posts.shares (post_id, created_at DESC, user_id DESC);
CREATE INDEX posts_shares_user_page ON posts.shares (user_id, created_at DESC, post_id DESC);
ALTER TABLE posts.shares ADD CONSTRAINT posts_shares_pkey PRIMARY KEY (post_id, user_id) INCLUDE (created_at);

-- Whom a post names, and at which places of its content: from each of starts to the one of ends, in characters. created_at
-- is the post's, so that an index can serve the newest.
CREATE TABLE posts.mentions (
    post_id bigint
        CONSTRAINT posts_mentions_post_id_fkey REFERENCES posts.posts (id) ON DELETE CASCADE,
    user_id bigint
        CONSTRAINT posts_mentions_user_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    starts integer[] NOT NULL,
    ends integer[] NOT NULL,
    CONSTRAINT posts_mentions_pkey PRIMARY KEY (post_id, user_id),
    CONSTRAINT posts_mentions_places CHECK (cardinality(starts) > 0 AND cardinality(starts) = cardinality(ends))
);

CREATE INDEX posts_mentions_user_page ON posts.mentions (user_id, created_at DESC, post_id DESC);

CREATE TABLE posts.hashtags (
    post_id bigint
        CONSTRAINT posts_hashtags_post_id_fkey REFERENCES posts.posts (id) ON DELETE CASCADE,
    tag text
        CONSTRAINT posts_hashtags_tag_length CHECK (char_length(tag) BETWEEN 1 AND 300),
    created_at timestamptz NOT NULL,
    starts integer[] NOT NULL,
    ends integer[] NOT NULL,
    CONSTRAINT posts_hashtags_pkey PRIMARY KEY (post_id, tag),
    CONSTRAINT posts_hashtags_places CHECK (cardinality(starts) > 0 AND cardinality(starts) = cardinality(ends))
);

CREATE INDEX posts_hashtags_tag_page ON posts.hashtags (tag COLLATE "C", created_at DESC, post_id DESC);

-- Which request made which post. The post may be gone.
CREATE TABLE posts.requests (
    user_id bigint
        CONSTRAINT posts_requests_user_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    request_id uuid,
    fingerprint bytea NOT NULL
        CONSTRAINT posts_requests_fingerprint_length CHECK (octet_length(fingerprint) = 32),
    post_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT posts_requests_pkey PRIMARY KEY (user_id, request_id)
);

-- Whoever adds or removes something beneath a post takes this lock on the post first, in the same statement; answers the
-- post's author, or NULL when there is no such post. What is beneath a post is counted in its row at last, so that without
-- this lock an unlike and a deletion of the post would wait for each other.
--
-- FOR KEY SHARE would do, PostgreSQL lets its holders go on to the counter before a deletion that waits for them. But then
-- all who like a hot post meet at its counter, and each commit wakes all of them. With FOR NO KEY UPDATE they stand in a
-- line. Likes of one post by pgbench, a transaction each, PostgreSQL 15 on two busy cores that do not wait for the disk:
-- 1,450 instead of 1,010 a second from 16 clients, 730 instead of 260 from 64, at 1.2 instead of 3.3 ms of processor each.
-- Where they wait for the disk, no difference was seen. Advisory locks before it, in strict order: 400 and 290.
--
-- A function, so that a test can replace it and see what it is good for.
CREATE FUNCTION posts.post_lock(wanted_id bigint) RETURNS bigint
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT author_id FROM posts.posts WHERE id = wanted_id FOR NO KEY UPDATE;
END;

REVOKE EXECUTE ON FUNCTION posts.post_lock(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION posts.post_lock(bigint) TO kith_posts;
GRANT USAGE ON SEQUENCE posts.posts_id_seq TO kith_posts;
GRANT
    SELECT, DELETE, INSERT (id, author_id, content, type, media_url, parent_id),
    UPDATE (content, type, media_url, updated_at, version)
    ON posts.posts TO kith_posts;
GRANT SELECT, INSERT, DELETE ON posts.likes, posts.shares, posts.mentions, posts.hashtags TO kith_posts;
GRANT SELECT, INSERT ON posts.post_edits, posts.requests TO kith_posts;
