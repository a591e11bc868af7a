-- A user without a row has set nothing.
CREATE TABLE messaging.settings (
    user_id bigint
        CONSTRAINT messaging_settings_pkey PRIMARY KEY
        CONSTRAINT messaging_settings_user_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    accepted_senders text NOT NULL DEFAULT 'everyone'
        CONSTRAINT messaging_settings_accepted_senders_known
            CHECK (accepted_senders IN ('everyone', 'followers', 'friends')),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version bigint NOT NULL DEFAULT 1
);

GRANT
    SELECT, INSERT (user_id, accepted_senders, version), UPDATE (accepted_senders, updated_at, version)
    ON messaging.settings TO kith_messaging;

-- Published: who may write to whom, for those who foretell it. Users who are not in it accept everyone.
CREATE VIEW messaging.accepted_senders AS SELECT user_id, accepted_senders AS senders FROM messaging.settings;

GRANT USAGE ON SCHEMA messaging TO kith_social_graph;
GRANT SELECT ON messaging.accepted_senders TO kith_social_graph;
