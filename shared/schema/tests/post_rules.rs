//! Posts and what is beneath them: each rule lets the last good row through and refuses the first bad one under its own
//! name.

use kith_postgres::Connection;
use kith_rules::Rule;
use kith_rules::posts::*;

use crate::support::{Database, execute, make_users, refusal};

/// Users 1 to 3, and post 10 of the first with everything that a post can have.
async fn world() -> Connection {
    let mut conn = Database::scratch().await;
    make_users(&mut conn, 3).await;
    let rows =
        "INSERT INTO posts.posts (id, author_id, content) OVERRIDING SYSTEM VALUE VALUES (10, 1, 'hello');
        INSERT INTO posts.post_edits VALUES (10, 1, 'helo', 'thoughts', '', now());
        INSERT INTO posts.likes VALUES (10, 1);
        INSERT INTO posts.shares VALUES (10, 1);
        INSERT INTO posts.mentions VALUES (10, 1, now(), '{0}', '{1}');
        INSERT INTO posts.hashtags VALUES (10, 'kith', now(), '{0}', '{1}');
        INSERT INTO posts.requests VALUES (1, '00000000-0000-0000-0000-000000000001', sha256('1'), 10)";
    execute(&mut conn, rows).await;
    conn
}

/// What refuses a statement. Nothing is kept.
async fn refusal_of(conn: &mut Connection, statement: &str) -> String {
    execute(conn, "SAVEPOINT before").await;
    let refused = refusal(conn, statement).await;
    execute(conn, "ROLLBACK TO before").await;
    refused
}

async fn assert_refused(table: &str, rows: &[(&str, &Rule)]) {
    let conn = &mut world().await;
    for (values, rule) in rows {
        let insert = format!("INSERT INTO posts.{table} OVERRIDING SYSTEM VALUE VALUES ({values})");
        assert_eq!(refusal_of(conn, &insert).await, rule.constraint, "{values}");
    }
}

async fn assert_taken(table: &str, rows: &[&str]) {
    let conn = &mut world().await;
    for values in rows {
        let insert = format!("INSERT INTO posts.{table} OVERRIDING SYSTEM VALUE VALUES ({values})");
        assert_eq!(refusal_of(conn, &insert).await, "not refused", "{values}");
    }
}

/// What refuses to set a column of the post.
async fn assert_column(column: &str, taken: &[&str], refused: &[(&str, &Rule)]) {
    let conn = &mut world().await;
    for value in taken {
        let update = format!("UPDATE posts.posts SET {column} = {value}");
        assert_eq!(
            refusal_of(conn, &update).await,
            "not refused",
            "{column} = {value}"
        );
    }
    for (value, rule) in refused {
        let update = format!("UPDATE posts.posts SET {column} = {value}");
        assert_eq!(
            refusal_of(conn, &update).await,
            rule.constraint,
            "{column} = {value}"
        );
    }
}

#[tokio::test]
async fn contents() {
    let spaces = "E'\\t\\n\\u000b\\f\\r \\u0085\\u00a0\\u1680\\u2000\\u2001\\u2002\\u2003\\u2004\\u2005\\u2006\\u2007\\u2008\
        \\u2009\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'";
    let taken = ["repeat('😀', 500)", "' x '", r"E'\u200b'"];
    let refused = [
        ("repeat('é', 501)", &POSTS_CONTENT_LENGTH),
        ("''", &POSTS_CONTENT_NOT_BLANK),
        (spaces, &POSTS_CONTENT_NOT_BLANK),
    ];
    assert_column("content", &taken, &refused).await;
}

#[tokio::test]
async fn types() {
    let taken = ["'thoughts'", "'media'", "'milestones'"];
    let refused = [("''", &POSTS_TYPE_KNOWN), ("'Media'", &POSTS_TYPE_KNOWN)];
    assert_column("type", &taken, &refused).await;
}

#[tokio::test]
async fn media_urls() {
    let taken = ["''", "'HTTPS://kith.org/a?b#c'", "'http://' || repeat('é', 493)"];
    let mut refused = vec![("'http://' || repeat('é', 494)", &POSTS_MEDIA_URL_LENGTH)];
    for url in [
        "'kith.org'",
        "'ftp://kith.org'",
        "'http://'",
        "'http:///kith.org'",
        "' http://kith.org'",
        "'http://kith.org/a b'",
        r"'http://kith.org\a'",
        r"E'http://kith.org/\u007f'",
    ] {
        refused.push((url, &POSTS_MEDIA_URL_SCHEME));
    }
    assert_column("media_url", &taken, &refused).await;
}

#[tokio::test]
async fn authors_and_parents() {
    assert_taken("posts", &["11, 2, 'x', DEFAULT, DEFAULT, 10"]).await;
    let rows = [
        ("10, 1, 'x'", &POSTS_PKEY),
        ("11, 4, 'x'", &POSTS_AUTHOR_ID_FKEY),
        ("11, 1, 'x', DEFAULT, DEFAULT, 9", &POSTS_PARENT_ID_FKEY),
        ("11, 1, 'x', DEFAULT, DEFAULT, 11", &POSTS_PARENT_BEFORE),
        ("9, 1, 'x', DEFAULT, DEFAULT, 10", &POSTS_PARENT_BEFORE),
    ];
    assert_refused("posts", &rows).await;
}

#[tokio::test]
async fn counters() {
    for (column, rule) in [
        ("likes_count", &POSTS_LIKES_COUNT_NOT_NEGATIVE),
        ("comment_count", &POSTS_COMMENT_COUNT_NOT_NEGATIVE),
        ("shares_count", &POSTS_SHARES_COUNT_NOT_NEGATIVE),
    ] {
        assert_column(column, &["0", "1"], &[("-1", rule)]).await;
    }
}

#[tokio::test]
async fn edits() {
    assert_taken("post_edits", &["10, 2, 'x', 'media', '', now()"]).await;
    let rows = [
        ("10, 1, 'x', 'media', '', now()", &POST_EDITS_PKEY),
        ("9, 1, 'x', 'media', '', now()", &POST_EDITS_POST_ID_FKEY),
    ];
    assert_refused("post_edits", &rows).await;
}

#[tokio::test]
async fn likes_and_shares() {
    assert_taken("likes", &["10, 2"]).await;
    let likes = [
        ("10, 1", &LIKES_PKEY),
        ("9, 1", &LIKES_POST_ID_FKEY),
        ("10, 4", &LIKES_USER_ID_FKEY),
    ];
    assert_refused("likes", &likes).await;
    assert_taken("shares", &["10, 2"]).await;
    let shares = [
        ("10, 1", &SHARES_PKEY),
        ("9, 1", &SHARES_POST_ID_FKEY),
        ("10, 4", &SHARES_USER_ID_FKEY),
    ];
    assert_refused("shares", &shares).await;
}

#[tokio::test]
async fn mentions() {
    assert_taken("mentions", &["10, 2, now(), '{0,7}', '{3,10}'"]).await;
    let rows = [
        ("10, 1, now(), '{0}', '{1}'", &MENTIONS_PKEY),
        ("9, 1, now(), '{0}', '{1}'", &MENTIONS_POST_ID_FKEY),
        ("10, 4, now(), '{0}', '{1}'", &MENTIONS_USER_ID_FKEY),
        ("10, 2, now(), '{}', '{}'", &MENTIONS_PLACES),
        ("10, 2, now(), '{0,7}', '{3}'", &MENTIONS_PLACES),
    ];
    assert_refused("mentions", &rows).await;
}

#[tokio::test]
async fn hashtags() {
    assert_taken("hashtags", &["10, repeat('é', 300), now(), '{0}', '{101}'"]).await;
    let rows = [
        ("10, 'kith', now(), '{0}', '{1}'", &HASHTAGS_PKEY),
        ("9, 'kith', now(), '{0}', '{1}'", &HASHTAGS_POST_ID_FKEY),
        ("10, '', now(), '{0}', '{1}'", &HASHTAGS_TAG_LENGTH),
        ("10, repeat('a', 301), now(), '{0}', '{1}'", &HASHTAGS_TAG_LENGTH),
        ("10, 'a', now(), '{}', '{}'", &HASHTAGS_PLACES),
        ("10, 'a', now(), '{0}', '{1,2}'", &HASHTAGS_PLACES),
    ];
    assert_refused("hashtags", &rows).await;
}

#[tokio::test]
async fn requests() {
    // The post may be gone.
    assert_taken(
        "requests",
        &["1, '00000000-0000-0000-0000-000000000002', sha256('1'), 9"],
    )
    .await;
    let rows = [
        (
            "1, '00000000-0000-0000-0000-000000000001', sha256('2'), 11",
            &REQUESTS_PKEY,
        ),
        (
            "4, '00000000-0000-0000-0000-000000000001', sha256('1'), 10",
            &REQUESTS_USER_ID_FKEY,
        ),
        (
            "1, '00000000-0000-0000-0000-000000000002', substr(sha256('1'), 2), 10",
            &REQUESTS_FINGERPRINT_LENGTH,
        ),
    ];
    assert_refused("requests", &rows).await;
}
