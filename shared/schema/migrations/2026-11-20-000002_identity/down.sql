REVOKE USAGE ON SCHEMA identity FROM kith_social_graph;

DROP VIEW identity.accounts;
DROP TABLE identity.profiles;
DROP TABLE identity.credentials;
DROP TABLE identity.users;
