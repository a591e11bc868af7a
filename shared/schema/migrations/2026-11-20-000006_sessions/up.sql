CREATE TABLE identity.sessions (
    id bigint GENERATED ALWAYS AS IDENTITY
        CONSTRAINT identity_sessions_pkey PRIMARY KEY,
    user_id bigint NOT NULL
        CONSTRAINT identity_sessions_user_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    device_label text NOT NULL DEFAULT ''
        CONSTRAINT identity_sessions_device_label_length CHECK (char_length(device_label) <= 100),
    address text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    refreshed_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

CREATE INDEX identity_sessions_by_user ON identity.sessions (user_id, created_at DESC, id DESC);

-- The rows of exchanged tokens stay as long as their session, so that a stolen one is known when it comes again.
CREATE TABLE identity.refresh_tokens (
    token_hash bytea
        CONSTRAINT identity_refresh_tokens_pkey PRIMARY KEY
        CONSTRAINT identity_refresh_tokens_token_hash_length CHECK (octet_length(token_hash) = 32),
    session_id bigint NOT NULL
        CONSTRAINT identity_refresh_tokens_session_id_fkey REFERENCES identity.sessions (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    rotated_at timestamptz
);

CREATE INDEX identity_refresh_tokens_by_session ON identity.refresh_tokens (session_id);
-- A session never has two live tokens, whatever the order of its refreshes.
CREATE UNIQUE INDEX identity_refresh_tokens_live_key ON identity.refresh_tokens (session_id) WHERE rotated_at IS NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON identity.sessions, identity.refresh_tokens TO kith_identity;
