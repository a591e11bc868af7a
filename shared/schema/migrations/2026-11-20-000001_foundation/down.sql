REVOKE SELECT ON public.__diesel_schema_migrations FROM kith_identity, kith_social_graph;
REVOKE USAGE ON SCHEMA public FROM kith_identity, kith_social_graph;

DROP SCHEMA social_graph;
DROP SCHEMA identity;
