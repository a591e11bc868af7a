REVOKE USAGE ON SCHEMA messaging FROM kith_social_graph;
DROP VIEW messaging.accepted_senders;
DROP TABLE messaging.settings;
