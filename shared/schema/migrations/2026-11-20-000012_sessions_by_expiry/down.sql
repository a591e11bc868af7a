DROP INDEX CONCURRENTLY IF EXISTS identity.identity_sessions_by_expiry;
