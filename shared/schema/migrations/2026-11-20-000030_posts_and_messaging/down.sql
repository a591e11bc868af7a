REVOKE SELECT ON identity.accounts, social_graph.follow_edges, social_graph.block_edges, social_graph.friend_edges,
    social_graph.mute_edges FROM kith_posts, kith_messaging;
REVOKE USAGE ON SCHEMA identity, social_graph FROM kith_posts, kith_messaging;
DROP VIEW identity.handles;

REVOKE SELECT ON public.__diesel_schema_migrations FROM kith_posts, kith_messaging;
REVOKE USAGE ON SCHEMA public FROM kith_posts, kith_messaging;

DROP SCHEMA messaging;
DROP SCHEMA posts;
