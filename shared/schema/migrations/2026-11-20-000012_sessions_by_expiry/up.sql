-- What has expired is swept.
CREATE INDEX CONCURRENTLY IF NOT EXISTS identity_sessions_by_expiry ON identity.sessions (expires_at);
