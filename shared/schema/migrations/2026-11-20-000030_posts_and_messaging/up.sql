-- The schemas of two more services, and what these may know from the others. Their tables come in steps of their own.
CREATE SCHEMA posts;
CREATE SCHEMA messaging;

GRANT USAGE ON SCHEMA posts TO kith_posts;
GRANT USAGE ON SCHEMA messaging TO kith_messaging;

-- Services read which migrations are there, to know whether they may serve.
GRANT USAGE ON SCHEMA public TO kith_posts, kith_messaging;
GRANT SELECT ON public.__diesel_schema_migrations TO kith_posts, kith_messaging;

-- Published: who is meant by a name in a text. The key is the one that the index of unique usernames has.
CREATE VIEW identity.handles AS
    SELECT id, lower(username COLLATE "C") AS username_key, is_active FROM identity.users;

GRANT USAGE ON SCHEMA identity, social_graph TO kith_posts, kith_messaging;
GRANT SELECT ON identity.accounts, social_graph.follow_edges, social_graph.block_edges TO kith_posts, kith_messaging;
GRANT SELECT ON identity.handles, social_graph.mute_edges TO kith_posts;
GRANT SELECT ON social_graph.friend_edges TO kith_messaging;
