CREATE TABLE social_graph.follows (
    follower_id bigint
        CONSTRAINT social_graph_follows_follower_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    followed_id bigint
        CONSTRAINT social_graph_follows_followed_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT social_graph_follows_pkey PRIMARY KEY (follower_id, followed_id)
);

-- The pages of "whom does A follow" and "who follows B", newest first. Each also leads a foreign key.
CREATE INDEX social_graph_follows_following_page
    ON social_graph.follows (follower_id, created_at DESC, followed_id DESC);
CREATE INDEX social_graph_follows_followers_page
    ON social_graph.follows (followed_id, created_at DESC, follower_id DESC);

-- Who follows whom never changes in a row: a follow begins and ends. The right to one column is what row locks need.
GRANT SELECT, INSERT, DELETE, UPDATE (created_at) ON social_graph.follows TO kith_social_graph;
