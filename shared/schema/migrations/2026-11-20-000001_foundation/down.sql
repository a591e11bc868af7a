-- Everybody's right to create objects in public is not given back: PostgreSQL itself gives it no longer.
REVOKE SELECT ON public.__diesel_schema_migrations FROM kith_identity, kith_social_graph;
REVOKE USAGE ON SCHEMA public FROM kith_identity, kith_social_graph;

DROP SCHEMA social_graph;
DROP SCHEMA identity;
