CREATE TABLE identity.service_accounts (
    -- 1 is whoever holds a signing key and signs by hand, as `kith token` does: no account is called so.
    id bigint GENERATED ALWAYS AS IDENTITY (START WITH 2)
        CONSTRAINT identity_service_accounts_pkey PRIMARY KEY,
    name text NOT NULL
        CONSTRAINT identity_service_accounts_name_required CHECK (name <> '')
        CONSTRAINT identity_service_accounts_name_length CHECK (char_length(name) <= 100)
        CONSTRAINT identity_service_accounts_name_characters CHECK (name COLLATE "C" ~ '^[a-z0-9-]*$'),
    scopes text[] NOT NULL
        CONSTRAINT identity_service_accounts_scopes_count CHECK (cardinality(scopes) <= 50),
    secret_hash bytea NOT NULL
        CONSTRAINT identity_service_accounts_secret_hash_length CHECK (octet_length(secret_hash) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    secret_updated_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

CREATE UNIQUE INDEX identity_service_accounts_name_key ON identity.service_accounts (name);
CREATE INDEX identity_service_accounts_by_time ON identity.service_accounts (created_at DESC, id DESC);

GRANT SELECT, INSERT, UPDATE (secret_hash, secret_updated_at, revoked_at) ON identity.service_accounts
    TO kith_identity;
