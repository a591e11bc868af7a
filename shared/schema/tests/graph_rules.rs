//! Friendships, requests, blocks and mutes: each rule lets the last good row through and refuses the first bad one under
//! its own name.

use kith_postgres::Connection;
use kith_rules::Rule;
use kith_rules::social_graph::*;

use crate::support::{Database, execute, make_users, refusal};

/// Users 1 to 6. 1 and 2 are friends, 1 has asked 3, was declined by 4, blocks 5, and mutes 2.
async fn world() -> Connection {
    let mut conn = Database::scratch().await;
    make_users(&mut conn, 6).await;
    let rows = "INSERT INTO social_graph.friendships VALUES (1, 2), (2, 1);
        INSERT INTO social_graph.friend_requests (from_user_id, to_user_id) VALUES (1, 3);
        INSERT INTO social_graph.friend_request_declines VALUES (1, 4, now());
        INSERT INTO social_graph.blocks VALUES (1, 5);
        INSERT INTO social_graph.mutes VALUES (1, 2);
        SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED";
    execute(&mut conn, rows).await;
    conn
}

/// What refuses the values of a new row. Nothing is kept.
async fn refusal_of(conn: &mut Connection, table: &str, values: &str) -> String {
    execute(conn, "SAVEPOINT before").await;
    let insert = format!("INSERT INTO social_graph.{table} VALUES ({values})");
    let refused = refusal(conn, &insert).await;
    execute(conn, "ROLLBACK TO before").await;
    refused
}

async fn assert_refused(table: &str, rows: &[(&str, &Rule)]) {
    let conn = &mut world().await;
    for (values, rule) in rows {
        assert_eq!(refusal_of(conn, table, values).await, rule.constraint, "{values}");
    }
}

async fn assert_taken(table: &str, rows: &[&str]) {
    let conn = &mut world().await;
    for values in rows {
        assert_eq!(refusal_of(conn, table, values).await, "not refused", "{values}");
    }
}

#[tokio::test]
async fn blocks() {
    assert_taken("blocks", &["5, 1", "1, 2", "3, 1"]).await;
    let rows = [
        ("1, 5", &BLOCKS_PKEY),
        ("1, 1", &BLOCKS_NO_SELF_BLOCK),
        ("7, 1", &BLOCKS_BLOCKER_ID_FKEY),
        ("1, 7", &BLOCKS_BLOCKED_ID_FKEY),
    ];
    assert_refused("blocks", &rows).await;
}

#[tokio::test]
async fn mutes() {
    assert_taken(
        "mutes",
        &["2, 1", "1, 5", "1, 3, now(), now() + interval '1 microsecond'"],
    )
    .await;
    let rows = [
        ("1, 2", &MUTES_PKEY),
        ("1, 1", &MUTES_NO_SELF_MUTE),
        ("7, 1", &MUTES_MUTER_ID_FKEY),
        ("1, 7", &MUTES_MUTED_ID_FKEY),
        ("1, 3, now(), now()", &MUTES_EXPIRES_LATER),
    ];
    assert_refused("mutes", &rows).await;
}

#[tokio::test]
async fn friend_requests() {
    let note = |length: usize| format!("DEFAULT, 3, 4, repeat('é', {length})");
    assert_taken("friend_requests", &["DEFAULT, 4, 1", &note(200)]).await;
    let rows = [
        ("DEFAULT, 1, 3", &FRIEND_REQUESTS_PAIR_KEY),
        ("DEFAULT, 3, 1", &FRIEND_REQUESTS_PAIR_KEY),
        ("DEFAULT, 3, 3", &FRIEND_REQUESTS_NO_SELF_REQUEST),
        ("DEFAULT, 7, 1", &FRIEND_REQUESTS_FROM_USER_ID_FKEY),
        ("DEFAULT, 1, 7", &FRIEND_REQUESTS_TO_USER_ID_FKEY),
        (&note(201), &FRIEND_REQUESTS_NOTE_LENGTH),
        ("DEFAULT, 1, 5", &FRIEND_REQUESTS_NOT_BLOCKED),
        ("DEFAULT, 5, 1", &FRIEND_REQUESTS_NOT_BLOCKED),
        ("DEFAULT, 1, 2", &FRIEND_REQUESTS_NOT_FRIENDS),
        ("DEFAULT, 2, 1", &FRIEND_REQUESTS_NOT_FRIENDS),
    ];
    assert_refused("friend_requests", &rows).await;
    let again = "INSERT INTO social_graph.friend_requests OVERRIDING SYSTEM VALUE
        SELECT id, 5, 6 FROM social_graph.friend_requests";
    assert_eq!(
        refusal(&mut world().await, again).await,
        FRIEND_REQUESTS_PKEY.constraint
    );
}

#[tokio::test]
async fn declines() {
    assert_taken("friend_request_declines", &["4, 1, now()"]).await;
    let rows = [
        ("1, 4, now()", &FRIEND_REQUEST_DECLINES_PKEY),
        ("1, 1, now()", &FRIEND_REQUEST_DECLINES_NO_SELF_DECLINE),
        ("7, 1, now()", &FRIEND_REQUEST_DECLINES_FROM_USER_ID_FKEY),
        ("1, 7, now()", &FRIEND_REQUEST_DECLINES_TO_USER_ID_FKEY),
    ];
    assert_refused("friend_request_declines", &rows).await;
}

#[tokio::test]
async fn friendships() {
    assert_taken("friendships", &["3, 4), (4, 3"]).await;
    let rows = [
        ("1, 2", &FRIENDSHIPS_PKEY),
        ("3, 3", &FRIENDSHIPS_NO_SELF_FRIENDSHIP),
        ("7, 3", &FRIENDSHIPS_USER_ID_FKEY),
        ("1, 5", &FRIENDSHIPS_NOT_BLOCKED),
        ("5, 1", &FRIENDSHIPS_NOT_BLOCKED),
        ("1, 3", &FRIENDSHIPS_NO_REQUEST),
        ("3, 1", &FRIENDSHIPS_NO_REQUEST),
    ];
    assert_refused("friendships", &rows).await;
}

#[tokio::test]
async fn half_a_friendship_is_refused_when_it_is_checked() {
    let conn = &mut world().await;
    execute(conn, "INSERT INTO social_graph.friendships VALUES (3, 4)").await;
    let check = "SET CONSTRAINTS ALL IMMEDIATE";
    assert_eq!(refusal(conn, check).await, FRIENDSHIPS_MIRROR_FKEY.constraint);
}

#[tokio::test]
async fn with_one_half_goes_the_other() {
    let conn = &mut world().await;
    execute(conn, "DELETE FROM social_graph.friendships WHERE user_id = 2").await;
    let left = crate::support::strings(conn, "SELECT user_id FROM social_graph.friendships").await;
    assert_eq!(left, [""; 0]);
}

#[tokio::test]
async fn follows_of_who_is_blocked_or_blocks() {
    assert_taken("follows", &["1, 2", "2, 1"]).await;
    let rows = [("1, 5", &FOLLOWS_NOT_BLOCKED), ("5, 1", &FOLLOWS_NOT_BLOCKED)];
    assert_refused("follows", &rows).await;
}

#[tokio::test]
async fn friend_counts() {
    let rows = [
        ("1, 0", &FRIEND_COUNTS_PKEY),
        ("3, -1", &FRIEND_COUNTS_FRIENDS_NOT_NEGATIVE),
        ("7, 0", &FRIEND_COUNTS_USER_ID_FKEY),
    ];
    assert_taken("friend_counts", &["3, 0"]).await;
    assert_refused("friend_counts", &rows).await;
}
