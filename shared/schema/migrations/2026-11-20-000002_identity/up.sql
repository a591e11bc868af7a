-- COLLATE "C" in a rule or an index means: ASCII alone, whatever the database's locale makes of other letters.

CREATE TABLE identity.users (
    id bigint GENERATED ALWAYS AS IDENTITY
        CONSTRAINT identity_users_pkey PRIMARY KEY,
    username text NOT NULL
        CONSTRAINT identity_users_username_required CHECK (username <> '')
        CONSTRAINT identity_users_username_length CHECK (char_length(username) <= 150)
        CONSTRAINT identity_users_username_characters CHECK (username COLLATE "C" ~ '^[A-Za-z0-9@.+_-]*$'),
    email text
        CONSTRAINT identity_users_email_length CHECK (char_length(email) <= 254)
        CONSTRAINT identity_users_email_format
            CHECK (email COLLATE "C" ~ '^[^@\u0001-\u0020\u007f]+@[^@\u0001-\u0020\u007f]+$'),
    first_name text NOT NULL DEFAULT ''
        CONSTRAINT identity_users_first_name_length CHECK (char_length(first_name) <= 150),
    last_name text NOT NULL DEFAULT ''
        CONSTRAINT identity_users_last_name_length CHECK (char_length(last_name) <= 150),
    is_active boolean NOT NULL DEFAULT true,
    date_joined timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version bigint NOT NULL DEFAULT 1
);

CREATE UNIQUE INDEX identity_users_username_key ON identity.users (lower(username COLLATE "C"));
CREATE UNIQUE INDEX identity_users_email_key ON identity.users (lower(email COLLATE "C"));

CREATE TABLE identity.credentials (
    user_id bigint
        CONSTRAINT identity_credentials_pkey PRIMARY KEY
        CONSTRAINT identity_credentials_user_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    password_hash text NOT NULL
        CONSTRAINT identity_credentials_password_hash_algorithm CHECK (password_hash LIKE '$argon2id$%')
);

CREATE TABLE identity.profiles (
    user_id bigint
        CONSTRAINT identity_profiles_pkey PRIMARY KEY
        CONSTRAINT identity_profiles_user_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    bio text NOT NULL DEFAULT ''
        CONSTRAINT identity_profiles_bio_length CHECK (char_length(bio) <= 500),
    avatar_url text NOT NULL DEFAULT ''
        CONSTRAINT identity_profiles_avatar_url_length CHECK (char_length(avatar_url) <= 500)
        CONSTRAINT identity_profiles_avatar_url_scheme
            CHECK (avatar_url = '' OR avatar_url COLLATE "C" ~* '^https?://[^/?#\\\u0001-\u0020\u007f][^\\\u0001-\u0020\u007f]*$'),
    location text NOT NULL DEFAULT ''
        CONSTRAINT identity_profiles_location_length CHECK (char_length(location) <= 100),
    website_url text NOT NULL DEFAULT ''
        CONSTRAINT identity_profiles_website_url_length CHECK (char_length(website_url) <= 200)
        CONSTRAINT identity_profiles_website_url_scheme
            CHECK (website_url = '' OR website_url COLLATE "C" ~* '^https?://[^/?#\\\u0001-\u0020\u007f][^\\\u0001-\u0020\u007f]*$'),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version bigint NOT NULL DEFAULT 1
);

GRANT SELECT, INSERT, UPDATE, DELETE ON identity.users, identity.credentials, identity.profiles TO kith_identity;

-- Published: what other services may know of an account in their own statements.
CREATE VIEW identity.accounts AS SELECT id, is_active FROM identity.users;

GRANT USAGE ON SCHEMA identity TO kith_social_graph;
GRANT SELECT ON identity.accounts TO kith_social_graph;
