DROP TABLE identity.audit_events;
DROP TABLE identity.throttles;
