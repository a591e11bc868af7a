-- One row for whoever made an attempt lately, as a bucket that fills with time: it is full again at full_at, so rows of
-- the past mean nothing.
--
-- UNLOGGED: an attempt then waits for no disk, and what a crash of the server forgets is a few minutes of patience.
CREATE UNLOGGED TABLE identity.throttles (
    key text
        CONSTRAINT identity_throttles_pkey PRIMARY KEY,
    full_at timestamptz NOT NULL
);

CREATE INDEX identity_throttles_by_time ON identity.throttles (full_at);

-- Without foreign keys: what happened stays when those whom it happened to go.
CREATE TABLE identity.audit_events (
    id bigint GENERATED ALWAYS AS IDENTITY
        CONSTRAINT identity_audit_events_pkey PRIMARY KEY,
    type text NOT NULL,
    actor text NOT NULL DEFAULT '',
    service text NOT NULL DEFAULT '',
    subject text NOT NULL DEFAULT '',
    address text NOT NULL DEFAULT '',
    request_id text NOT NULL DEFAULT '',
    count bigint NOT NULL DEFAULT 1
        CONSTRAINT identity_audit_events_count_positive CHECK (count > 0),
    -- The minute of events that are counted; NULL for all others.
    minute timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX identity_audit_events_counted_key
    ON identity.audit_events (type, subject, address, actor, service, minute) WHERE minute IS NOT NULL;
CREATE INDEX identity_audit_events_by_time ON identity.audit_events (created_at DESC, id DESC);
CREATE INDEX identity_audit_events_by_subject ON identity.audit_events (subject, created_at DESC, id DESC);

GRANT SELECT, INSERT, UPDATE, DELETE ON identity.throttles TO kith_identity;
-- Counted events are counted on; beyond that the service adds to the log and changes nothing in it.
GRANT SELECT, INSERT, UPDATE (count, updated_at) ON identity.audit_events TO kith_identity;
