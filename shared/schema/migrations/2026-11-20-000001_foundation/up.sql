-- One schema for each service. A service's role reaches its own schema, and elsewhere only what is granted by name.
CREATE SCHEMA identity;
CREATE SCHEMA social_graph;

-- Databases that were made by a PostgreSQL older than 15 still let everybody create objects here.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

GRANT USAGE ON SCHEMA identity TO kith_identity;
GRANT USAGE ON SCHEMA social_graph TO kith_social_graph;

-- Services read which migrations are there, to know whether they may serve.
GRANT USAGE ON SCHEMA public TO kith_identity, kith_social_graph;
GRANT SELECT ON public.__diesel_schema_migrations TO kith_identity, kith_social_graph;
