CREATE INDEX identity_users_by_time ON identity.users (date_joined DESC, id DESC);

-- What a user is found by: each of its names in lower case, in the byte order that a prefix is a range of.
CREATE TABLE identity.user_names (
    name text COLLATE "C" NOT NULL,
    user_id bigint NOT NULL
        CONSTRAINT identity_user_names_user_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    CONSTRAINT identity_user_names_pkey PRIMARY KEY (name, user_id)
);

CREATE INDEX identity_user_names_by_user ON identity.user_names (user_id);

CREATE FUNCTION identity.names_of(username text, first_name text, last_name text) RETURNS SETOF text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT lower(name)
    FROM unnest(ARRAY[username, first_name, last_name, btrim(first_name || ' ' || last_name)]) AS name
    WHERE name <> ''
$$;

CREATE FUNCTION identity.user_names_keep() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM identity.user_names WHERE user_id = NEW.id;
    END IF;
    INSERT INTO identity.user_names (name, user_id)
    SELECT name, NEW.id FROM identity.names_of(NEW.username, NEW.first_name, NEW.last_name) AS name;
    RETURN NULL;
END
$$;

CREATE TRIGGER user_names_on_insert AFTER INSERT ON identity.users
    FOR EACH ROW EXECUTE FUNCTION identity.user_names_keep();
CREATE TRIGGER user_names_on_update AFTER UPDATE OF username, first_name, last_name ON identity.users
    FOR EACH ROW
    WHEN ((OLD.username, OLD.first_name, OLD.last_name) IS DISTINCT FROM (NEW.username, NEW.first_name, NEW.last_name))
    EXECUTE FUNCTION identity.user_names_keep();

INSERT INTO identity.user_names (name, user_id)
SELECT name, id FROM identity.users, identity.names_of(username, first_name, last_name) AS name;

REVOKE EXECUTE ON FUNCTION identity.names_of(text, text, text), identity.user_names_keep() FROM PUBLIC;
GRANT SELECT ON identity.user_names TO kith_identity;
