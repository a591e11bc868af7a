//! Each rule lets the last good value through and refuses the first bad one under its own name.

use kith_rules::{Rule, identity, social_graph};

use crate::support::{Database, execute, make_users, refusal};

const NOTHING: &str = "not refused";

/// Sets a column of `table`, in the row of user 1, to each value, and compares what refuses it.
async fn assert_refusals(table: &str, cases: &[(&str, &str, Option<&Rule>)]) {
    let database = Database::migrated().await;
    let conn = &mut database.owner().await;
    make_users(conn, 3).await;
    execute(
        conn,
        "INSERT INTO identity.credentials VALUES (1, '$argon2id$v=19')",
    )
    .await;
    execute(
        conn,
        "INSERT INTO social_graph.follows (follower_id, followed_id) VALUES (1, 2), (1, 3)",
    )
    .await;
    for (column, value, rule) in cases {
        let key = match table {
            "identity.users" => "id",
            "social_graph.follows" => "followed_id = 2 AND follower_id",
            _ => "user_id",
        };
        let refused = refusal(
            conn,
            &format!("UPDATE {table} SET {column} = {value} WHERE {key} = 1"),
        )
        .await;
        assert_eq!(
            refused,
            rule.map_or(NOTHING, |rule| rule.constraint),
            "{column} = {value}"
        );
    }
}

#[tokio::test]
async fn usernames() {
    let cases = [
        ("username", "repeat('a', 150)", None),
        (
            "username",
            "repeat('a', 151)",
            Some(&identity::USERS_USERNAME_LENGTH),
        ),
        ("username", "''", Some(&identity::USERS_USERNAME_REQUIRED)),
        ("username", "'azAZ09@.+-_'", None),
        (
            "username",
            r"E'name\n'",
            Some(&identity::USERS_USERNAME_CHARACTERS),
        ),
        (
            "username",
            r"E'\nname'",
            Some(&identity::USERS_USERNAME_CHARACTERS),
        ),
        ("username", "'a b'", Some(&identity::USERS_USERNAME_CHARACTERS)),
        ("username", "'é'", Some(&identity::USERS_USERNAME_CHARACTERS)),
        ("username", "'²'", Some(&identity::USERS_USERNAME_CHARACTERS)),
        ("username", "'U2'", Some(&identity::USERS_USERNAME_KEY)),
        ("id", "DEFAULT", None),
    ];
    assert_refusals("identity.users", &cases).await;
}

#[tokio::test]
async fn email_addresses() {
    let malformed = Some(&identity::USERS_EMAIL_FORMAT);
    let cases = [
        ("email", "'@' || repeat('é', 252) || 'a'", malformed),
        ("email", "'a@' || repeat('é', 252)", None),
        (
            "email",
            "'a@' || repeat('é', 253)",
            Some(&identity::USERS_EMAIL_LENGTH),
        ),
        ("email", "NULL", None),
        ("email", "''", malformed),
        ("email", "'a'", malformed),
        ("email", "'a@'", malformed),
        ("email", "'a@b@c'", malformed),
        ("email", "'a @b'", malformed),
        ("email", r"E'a@b\n'", malformed),
        ("email", r"E'a@\x01b'", malformed),
        ("email", r"E'a@\x7fb'", malformed),
    ];
    assert_refusals("identity.users", &cases).await;
}

#[tokio::test]
async fn email_addresses_are_unique_without_regard_to_ascii_case() {
    let database = Database::migrated().await;
    let conn = &mut database.owner().await;
    execute(
        conn,
        "INSERT INTO identity.users (username, email) VALUES ('a', 'A@é.org'), ('b', 'a@É.org')",
    )
    .await;
    let taken = refusal(
        conn,
        "INSERT INTO identity.users (username, email) VALUES ('c', 'a@é.ORG')",
    )
    .await;
    assert_eq!(taken, identity::USERS_EMAIL_KEY.constraint);
}

#[tokio::test]
async fn names() {
    let cases = [
        ("first_name", "repeat('é', 150)", None),
        (
            "first_name",
            "repeat('é', 151)",
            Some(&identity::USERS_FIRST_NAME_LENGTH),
        ),
        ("last_name", "repeat('é', 150)", None),
        (
            "last_name",
            "repeat('é', 151)",
            Some(&identity::USERS_LAST_NAME_LENGTH),
        ),
    ];
    assert_refusals("identity.users", &cases).await;
}

#[tokio::test]
async fn profiles() {
    let (avatar, website) = (
        &identity::PROFILES_AVATAR_URL_SCHEME,
        &identity::PROFILES_WEBSITE_URL_SCHEME,
    );
    let cases = [
        ("bio", "repeat('é', 500)", None),
        ("bio", "repeat('é', 501)", Some(&identity::PROFILES_BIO_LENGTH)),
        ("location", "repeat('é', 100)", None),
        (
            "location",
            "repeat('é', 101)",
            Some(&identity::PROFILES_LOCATION_LENGTH),
        ),
        ("avatar_url", "'http://' || repeat('é', 493)", None),
        (
            "avatar_url",
            "'http://' || repeat('é', 494)",
            Some(&identity::PROFILES_AVATAR_URL_LENGTH),
        ),
        ("website_url", "'http://' || repeat('é', 193)", None),
        (
            "website_url",
            "'http://' || repeat('é', 194)",
            Some(&identity::PROFILES_WEBSITE_URL_LENGTH),
        ),
        ("avatar_url", "''", None),
        ("avatar_url", "'HTTPS://kith'", None),
        ("avatar_url", "'ftp://kith'", Some(avatar)),
        ("avatar_url", "' http://kith'", Some(avatar)),
        ("website_url", "'HTTPS://kith'", None),
        ("website_url", "'javascript:alert(1)'", Some(website)),
        // A long s, whose upper case is S.
        ("website_url", "'httpſ://kith'", Some(website)),
        ("user_id", "4", Some(&identity::PROFILES_USER_ID_FKEY)),
        ("user_id", "2", Some(&identity::PROFILES_PKEY)),
    ];
    assert_refusals("identity.profiles", &cases).await;
}

#[tokio::test]
async fn credentials() {
    let cases = [
        (
            "password_hash",
            "'$argon2i$v=19'",
            Some(&identity::CREDENTIALS_PASSWORD_HASH_ALGORITHM),
        ),
        (
            "password_hash",
            "'secret'",
            Some(&identity::CREDENTIALS_PASSWORD_HASH_ALGORITHM),
        ),
        ("user_id", "4", Some(&identity::CREDENTIALS_USER_ID_FKEY)),
    ];
    assert_refusals("identity.credentials", &cases).await;
}

#[tokio::test]
async fn follows() {
    let cases = [
        ("followed_id", "1", Some(&social_graph::FOLLOWS_NO_SELF_FOLLOW)),
        ("followed_id", "3", Some(&social_graph::FOLLOWS_PKEY)),
        ("followed_id", "4", Some(&social_graph::FOLLOWS_FOLLOWED_ID_FKEY)),
        ("follower_id", "4", Some(&social_graph::FOLLOWS_FOLLOWER_ID_FKEY)),
        ("follower_id", "3", None),
    ];
    assert_refusals("social_graph.follows", &cases).await;
}

#[tokio::test]
async fn follow_counts() {
    let cases = [
        (
            "followers",
            "-1",
            Some(&social_graph::FOLLOW_COUNTS_FOLLOWERS_NOT_NEGATIVE),
        ),
        (
            "following",
            "-1",
            Some(&social_graph::FOLLOW_COUNTS_FOLLOWING_NOT_NEGATIVE),
        ),
        ("user_id", "2", Some(&social_graph::FOLLOW_COUNTS_PKEY)),
        ("user_id", "4", Some(&social_graph::FOLLOW_COUNTS_USER_ID_FKEY)),
    ];
    assert_refusals("social_graph.follow_counts", &cases).await;
}
