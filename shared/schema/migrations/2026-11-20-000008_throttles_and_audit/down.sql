DROP TABLE identity.audit_events, identity.throttles;
