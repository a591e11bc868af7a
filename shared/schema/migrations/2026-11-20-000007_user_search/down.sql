DROP TRIGGER user_names_on_update ON identity.users;
DROP TRIGGER user_names_on_insert ON identity.users;
DROP FUNCTION identity.user_names_keep();
DROP TABLE identity.user_names;
DROP FUNCTION identity.names_of(text, text, text);
DROP INDEX identity.identity_users_by_time;
