//! Each rule lets the last good value through and refuses the first bad one under its own name.

use kith_postgres::Connection;
use kith_rules::{Rule, identity, social_graph};

use crate::support::{Database, execute, make_users, refusal};

/// User 1's row of a table. Users 2 and 3 exist too, and user 1 follows both; users 1 and 2 have a session each.
struct Row {
    conn: Connection,
    table: &'static str,
    condition: &'static str,
}

impl Row {
    async fn of(table: &'static str) -> Self {
        let mut conn = Database::scratch().await;
        make_users(&mut conn, 3).await;
        let others = "INSERT INTO identity.credentials VALUES (1, '$argon2id$v=19');
            INSERT INTO social_graph.follows (follower_id, followed_id) VALUES (1, 2), (1, 3);
            INSERT INTO identity.sessions (id, user_id, expires_at) OVERRIDING SYSTEM VALUE
                VALUES (1, 1, now()), (2, 2, now());
            INSERT INTO identity.refresh_tokens (token_hash, session_id) VALUES (sha256('1'), 1), (sha256('2'), 2);
            INSERT INTO identity.signing_keys (key_id, public_key, activated_at)
                VALUES ('1', sha256('1'), NULL), ('2', sha256('2'), now());
            INSERT INTO identity.service_accounts (id, name, scopes, secret_hash) OVERRIDING SYSTEM VALUE
                VALUES (1, 's1', '{}', sha256('1')), (2, 's2', '{}', sha256('2'));
            INSERT INTO identity.throttles VALUES ('1', now()), ('2', now());
            INSERT INTO identity.audit_events (id, type, minute) OVERRIDING SYSTEM VALUE
                VALUES (1, 'a', now()), (2, 'b', now())";
        execute(&mut conn, others).await;
        let condition = match table {
            "identity.users"
            | "identity.sessions"
            | "identity.service_accounts"
            | "identity.audit_events" => "id = 1",
            "identity.signing_keys" => "key_id = '1'",
            "identity.throttles" => "key = '1'",
            "identity.refresh_tokens" => "session_id = 1",
            "social_graph.follows" => "follower_id = 1 AND followed_id = 2",
            _ => "user_id = 1",
        };
        Self {
            conn,
            table,
            condition,
        }
    }

    /// What refuses to set `column` to `value`, an expression. The row stays as it is.
    async fn refusal(&mut self, column: &str, value: &str) -> String {
        let Self {
            conn,
            table,
            condition,
        } = self;
        execute(conn, "SAVEPOINT before").await;
        let refused = refusal(
            conn,
            &format!("UPDATE {table} SET {column} = {value} WHERE {condition}"),
        )
        .await;
        execute(conn, "ROLLBACK TO before").await;
        refused
    }

    async fn takes(&mut self, column: &str, values: &[&str]) {
        for value in values {
            assert_eq!(
                self.refusal(column, value).await,
                "not refused",
                "{column} = {value}"
            );
        }
    }

    async fn refuses(&mut self, column: &str, values: &[&str], rule: &Rule) {
        for value in values {
            assert_eq!(
                self.refusal(column, value).await,
                rule.constraint,
                "{column} = {value}"
            );
        }
    }
}

#[tokio::test]
async fn usernames() {
    let mut users = Row::of("identity.users").await;
    users
        .takes("username", &["repeat('a', 150)", "'azAZ09@.+-_'", "'U1'"])
        .await;
    users
        .refuses(
            "username",
            &["repeat('a', 151)"],
            &identity::USERS_USERNAME_LENGTH,
        )
        .await;
    users
        .refuses("username", &["''"], &identity::USERS_USERNAME_REQUIRED)
        .await;
    users
        .refuses("username", &["'U2'"], &identity::USERS_USERNAME_KEY)
        .await;
    let malformed = [
        r"E'name\n'",
        r"E'\nname'",
        r"E'na\nme'",
        "'a b'",
        "'a,b'",
        "'é'",
        "'²'",
    ];
    users
        .refuses("username", &malformed, &identity::USERS_USERNAME_CHARACTERS)
        .await;
}

#[tokio::test]
async fn email_addresses() {
    let mut users = Row::of("identity.users").await;
    users
        .takes(
            "email",
            &["NULL", "'a@b'", "'a@' || repeat('é', 252)", "'é\u{a0}@b'"],
        )
        .await;
    users
        .refuses(
            "email",
            &["'a@' || repeat('é', 253)"],
            &identity::USERS_EMAIL_LENGTH,
        )
        .await;
    let malformed = [
        "''",
        "'a'",
        "'@b'",
        "'a@'",
        "'a@b@c'",
        "'a @b'",
        r"E'a@b\n'",
        r"E'\na@b'",
        r"E'a@\x01b'",
        r"E'a@\x7f'",
    ];
    users
        .refuses("email", &malformed, &identity::USERS_EMAIL_FORMAT)
        .await;
}

#[tokio::test]
async fn email_addresses_are_unique_without_regard_to_ascii_case() {
    let mut users = Row::of("identity.users").await;
    execute(
        &mut users.conn,
        "UPDATE identity.users SET email = 'A@é.org' WHERE id = 2",
    )
    .await;
    users.takes("email", &["'a@É.org'"]).await;
    users
        .refuses("email", &["'a@é.ORG'"], &identity::USERS_EMAIL_KEY)
        .await;
}

#[tokio::test]
async fn names() {
    let mut users = Row::of("identity.users").await;
    for (column, rule) in [
        ("first_name", &identity::USERS_FIRST_NAME_LENGTH),
        ("last_name", &identity::USERS_LAST_NAME_LENGTH),
    ] {
        users.takes(column, &["''", "repeat('é', 150)"]).await;
        users.refuses(column, &["repeat('é', 151)"], rule).await;
    }
}

#[tokio::test]
async fn texts_of_profiles() {
    let mut profiles = Row::of("identity.profiles").await;
    profiles.takes("bio", &["''", "repeat('é', 500)"]).await;
    profiles
        .refuses("bio", &["repeat('é', 501)"], &identity::PROFILES_BIO_LENGTH)
        .await;
    profiles.takes("location", &["''", "repeat('é', 100)"]).await;
    profiles
        .refuses(
            "location",
            &["repeat('é', 101)"],
            &identity::PROFILES_LOCATION_LENGTH,
        )
        .await;
}

#[tokio::test]
async fn urls_of_profiles() {
    // The last one has a long s, whose upper case is S.
    let others = [
        "'kith.org'",
        "'ftp://kith.org'",
        "' http://kith.org'",
        "'javascript:alert(1)'",
        "'httpſ://kith.org'",
    ];
    let mut profiles = Row::of("identity.profiles").await;
    profiles
        .takes(
            "avatar_url",
            &["''", "'HTTPS://kith.org'", "'http://' || repeat('é', 493)"],
        )
        .await;
    profiles
        .refuses("avatar_url", &others, &identity::PROFILES_AVATAR_URL_SCHEME)
        .await;
    let long = ["'http://' || repeat('é', 494)"];
    profiles
        .refuses("avatar_url", &long, &identity::PROFILES_AVATAR_URL_LENGTH)
        .await;
    profiles
        .takes(
            "website_url",
            &["''", "'HTTPS://kith.org'", "'http://' || repeat('é', 193)"],
        )
        .await;
    profiles
        .refuses("website_url", &others, &identity::PROFILES_WEBSITE_URL_SCHEME)
        .await;
    let long = ["'http://' || repeat('é', 194)"];
    profiles
        .refuses("website_url", &long, &identity::PROFILES_WEBSITE_URL_LENGTH)
        .await;
}

#[tokio::test]
async fn owners_of_profiles() {
    let mut profiles = Row::of("identity.profiles").await;
    profiles
        .refuses("user_id", &["4"], &identity::PROFILES_USER_ID_FKEY)
        .await;
    profiles
        .refuses("user_id", &["2"], &identity::PROFILES_PKEY)
        .await;
}

#[tokio::test]
async fn owners_of_credentials() {
    let mut credentials = Row::of("identity.credentials").await;
    credentials
        .refuses("user_id", &["4"], &identity::CREDENTIALS_USER_ID_FKEY)
        .await;
    execute(
        &mut credentials.conn,
        "INSERT INTO identity.credentials VALUES (2, '$argon2id$v=19')",
    )
    .await;
    credentials
        .refuses("user_id", &["2"], &identity::CREDENTIALS_PKEY)
        .await;
}

#[tokio::test]
async fn password_hashes() {
    let mut credentials = Row::of("identity.credentials").await;
    credentials
        .takes("password_hash", &["'$argon2id$v=19$m=19456'"])
        .await;
    let others = ["''", "'secret'", "'$argon2i$v=19'", "'argon2id'"];
    credentials
        .refuses(
            "password_hash",
            &others,
            &identity::CREDENTIALS_PASSWORD_HASH_ALGORITHM,
        )
        .await;
}

#[tokio::test]
async fn sessions() {
    let mut sessions = Row::of("identity.sessions").await;
    sessions.takes("device_label", &["''", "repeat('é', 100)"]).await;
    sessions
        .refuses(
            "device_label",
            &["repeat('é', 101)"],
            &identity::SESSIONS_DEVICE_LABEL_LENGTH,
        )
        .await;
    sessions.takes("user_id", &["3"]).await;
    sessions
        .refuses("user_id", &["4"], &identity::SESSIONS_USER_ID_FKEY)
        .await;
    let again = "INSERT INTO identity.sessions (id, user_id, expires_at) OVERRIDING SYSTEM VALUE VALUES (1, 3, now())";
    assert_eq!(
        refusal(&mut sessions.conn, again).await,
        identity::SESSIONS_PKEY.constraint
    );
}

#[tokio::test]
async fn hashes_of_refresh_tokens() {
    let mut tokens = Row::of("identity.refresh_tokens").await;
    tokens.takes("token_hash", &["sha256('3')"]).await;
    tokens
        .refuses(
            "token_hash",
            &[r"'\x'", "substr(sha256('3'), 2)", r"sha256('3') || '\x00'"],
            &identity::REFRESH_TOKENS_TOKEN_HASH_LENGTH,
        )
        .await;
    tokens
        .refuses("token_hash", &["sha256('2')"], &identity::REFRESH_TOKENS_PKEY)
        .await;
}

#[tokio::test]
async fn sessions_of_refresh_tokens() {
    let mut tokens = Row::of("identity.refresh_tokens").await;
    tokens
        .refuses("session_id", &["3"], &identity::REFRESH_TOKENS_SESSION_ID_FKEY)
        .await;
    tokens
        .refuses("session_id", &["2"], &identity::REFRESH_TOKENS_LIVE_KEY)
        .await;
    // Of exchanged ones a session may have many.
    execute(
        &mut tokens.conn,
        "UPDATE identity.refresh_tokens SET rotated_at = now()",
    )
    .await;
    tokens.takes("session_id", &["2"]).await;
}

#[tokio::test]
async fn signing_keys() {
    let mut keys = Row::of("identity.signing_keys").await;
    keys.refuses("key_id", &["'2'"], &identity::SIGNING_KEYS_PKEY)
        .await;
    keys.refuses(
        "public_key",
        &[r"'\x'", "substr(sha256('3'), 2)", r"sha256('3') || '\x00'"],
        &identity::SIGNING_KEYS_PUBLIC_KEY_LENGTH,
    )
    .await;
    keys.refuses(
        "retired_at",
        &["now()"],
        &identity::SIGNING_KEYS_RETIRED_ONCE_ACTIVE,
    )
    .await;
    keys.refuses("activated_at", &["now()"], &identity::SIGNING_KEYS_ACTIVE_KEY)
        .await;
    // One that was active stands in nobody's way.
    for ended in ["retired_at", "removed_at"] {
        let end = format!("UPDATE identity.signing_keys SET {ended} = now() WHERE key_id = '2'");
        execute(&mut keys.conn, "SAVEPOINT active").await;
        execute(&mut keys.conn, &end).await;
        keys.takes("activated_at", &["now()"]).await;
        execute(&mut keys.conn, "ROLLBACK TO active").await;
    }
}

#[tokio::test]
async fn service_accounts() {
    let mut accounts = Row::of("identity.service_accounts").await;
    accounts
        .takes("name", &["repeat('a', 100)", "'azby-09'", "'-'"])
        .await;
    accounts
        .refuses("name", &["''"], &identity::SERVICE_ACCOUNTS_NAME_REQUIRED)
        .await;
    accounts
        .refuses(
            "name",
            &["repeat('a', 101)"],
            &identity::SERVICE_ACCOUNTS_NAME_LENGTH,
        )
        .await;
    accounts
        .refuses(
            "name",
            &["'A'", "'a b'", "'é'", r"E'a\n'", "'a_b'"],
            &identity::SERVICE_ACCOUNTS_NAME_CHARACTERS,
        )
        .await;
    accounts
        .refuses("name", &["'s2'"], &identity::SERVICE_ACCOUNTS_NAME_KEY)
        .await;
    accounts.takes("scopes", &["array_fill('a'::text, '{50}')"]).await;
    accounts
        .refuses(
            "scopes",
            &["array_fill('a'::text, '{51}')"],
            &identity::SERVICE_ACCOUNTS_SCOPES_COUNT,
        )
        .await;
    accounts
        .refuses(
            "secret_hash",
            &[r"'\x'", "substr(sha256('3'), 2)"],
            &identity::SERVICE_ACCOUNTS_SECRET_HASH_LENGTH,
        )
        .await;
    let again =
        "INSERT INTO identity.service_accounts (id, name, scopes, secret_hash) OVERRIDING SYSTEM VALUE
        VALUES (1, 's3', '{}', sha256('3'))";
    assert_eq!(
        refusal(&mut accounts.conn, again).await,
        identity::SERVICE_ACCOUNTS_PKEY.constraint
    );
}

#[tokio::test]
async fn throttles() {
    let mut throttles = Row::of("identity.throttles").await;
    throttles
        .refuses("key", &["'2'"], &identity::THROTTLES_PKEY)
        .await;
}

#[tokio::test]
async fn audit_events() {
    let mut events = Row::of("identity.audit_events").await;
    events
        .refuses("count", &["0", "-1"], &identity::AUDIT_EVENTS_COUNT_POSITIVE)
        .await;
    events
        .refuses("type", &["'b'"], &identity::AUDIT_EVENTS_COUNTED_KEY)
        .await;
    // What is not counted happens as often as it likes.
    execute(&mut events.conn, "UPDATE identity.audit_events SET minute = NULL").await;
    events.takes("type", &["'b'"]).await;
    let again = "INSERT INTO identity.audit_events (id, type) OVERRIDING SYSTEM VALUE VALUES (1, 'c')";
    assert_eq!(
        refusal(&mut events.conn, again).await,
        identity::AUDIT_EVENTS_PKEY.constraint
    );
}

#[tokio::test]
async fn names_that_users_are_found_by() {
    let mut names = Row::of("identity.user_names").await;
    names
        .refuses("user_id", &["4"], &identity::USER_NAMES_USER_ID_FKEY)
        .await;
    execute(&mut names.conn, "INSERT INTO identity.user_names VALUES ('x', 1)").await;
    names.refuses("name", &["'x'"], &identity::USER_NAMES_PKEY).await;
}

#[tokio::test]
async fn follows() {
    let mut follows = Row::of("social_graph.follows").await;
    follows.takes("follower_id", &["3"]).await;
    follows
        .refuses("followed_id", &["1"], &social_graph::FOLLOWS_NO_SELF_FOLLOW)
        .await;
    follows
        .refuses("followed_id", &["3"], &social_graph::FOLLOWS_PKEY)
        .await;
    follows
        .refuses("followed_id", &["4"], &social_graph::FOLLOWS_FOLLOWED_ID_FKEY)
        .await;
    follows
        .refuses("follower_id", &["4"], &social_graph::FOLLOWS_FOLLOWER_ID_FKEY)
        .await;
}

#[tokio::test]
async fn follow_counts() {
    let mut counts = Row::of("social_graph.follow_counts").await;
    counts
        .refuses(
            "followers",
            &["-1"],
            &social_graph::FOLLOW_COUNTS_FOLLOWERS_NOT_NEGATIVE,
        )
        .await;
    counts
        .refuses(
            "following",
            &["-1"],
            &social_graph::FOLLOW_COUNTS_FOLLOWING_NOT_NEGATIVE,
        )
        .await;
    counts
        .refuses("user_id", &["2"], &social_graph::FOLLOW_COUNTS_PKEY)
        .await;
    counts
        .refuses("user_id", &["4"], &social_graph::FOLLOW_COUNTS_USER_ID_FKEY)
        .await;
}
