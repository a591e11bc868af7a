SELECT coalesce(wanted.user_id, kept.user_id) AS user_id, wanted.name AS missing, kept.name AS surplus
FROM (
    SELECT DISTINCT id AS user_id, lower(names.name) COLLATE "C" AS name
    FROM identity.users
    CROSS JOIN LATERAL (VALUES (username), (first_name), (last_name), (btrim(first_name || ' ' || last_name))) AS names (name)
    WHERE names.name <> ''
) AS wanted
FULL JOIN identity.user_names AS kept ON kept.user_id = wanted.user_id AND kept.name = wanted.name
WHERE wanted.user_id IS NULL OR kept.user_id IS NULL
