-- The public halves. The private ones never come here: they are mounted into identity.
--
-- A key's state is told by its times: published, active (activated_at), retired (retired_at), removed (removed_at).
CREATE TABLE identity.signing_keys (
    key_id text
        CONSTRAINT identity_signing_keys_pkey PRIMARY KEY,
    public_key bytea NOT NULL
        CONSTRAINT identity_signing_keys_public_key_length CHECK (octet_length(public_key) = 32),
    published_at timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz,
    retired_at timestamptz
        CONSTRAINT identity_signing_keys_retired_once_active CHECK (retired_at IS NULL OR activated_at IS NOT NULL),
    -- A removed key keeps its row, so that it does not come back while it is still mounted.
    removed_at timestamptz
);

-- At most one key signs.
CREATE UNIQUE INDEX identity_signing_keys_active_key ON identity.signing_keys ((true))
    WHERE activated_at IS NOT NULL AND retired_at IS NULL AND removed_at IS NULL;

GRANT SELECT, INSERT, UPDATE (activated_at, retired_at, removed_at) ON identity.signing_keys TO kith_identity;
