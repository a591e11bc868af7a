//! Every rule of schema `messaging` that no request can break refuses what would break it, under its own name.

use kith_postgres::Connection;
use kith_rules::{Rule, messaging};

use crate::support::{Database, execute, make_users, refusal};

/// Users 1 to 4. The first two have conversation 1 with a message each, the second and the third conversation 2 without any.
async fn talked() -> Connection {
    let mut conn = Database::scratch().await;
    make_users(&mut conn, 4).await;
    let rows = "
        ALTER TABLE messaging.conversations ALTER id RESTART WITH 100;
        ALTER TABLE messaging.messages ALTER id RESTART WITH 100;
        INSERT INTO messaging.conversations (id, low_user_id, high_user_id, last_seq) OVERRIDING SYSTEM VALUE
            VALUES (1, 1, 2, 2), (2, 2, 3, 0);
        INSERT INTO messaging.members (conversation_id, user_id, peer_id) VALUES (1, 1, 2), (1, 2, 1), (2, 2, 3), (2, 3, 2);
        INSERT INTO messaging.messages (id, conversation_id, seq, sender_id, receiver_id, content) OVERRIDING SYSTEM VALUE
            VALUES (1, 1, 1, 1, 2, 'hello'), (2, 1, 2, 2, 1, 'hello')";
    execute(&mut conn, rows).await;
    conn
}

async fn assert_refused(conn: &mut Connection, statement: &str, rule: &Rule) {
    execute(conn, "SAVEPOINT before").await;
    assert_eq!(refusal(conn, statement).await, rule.constraint, "{statement}");
    execute(conn, "ROLLBACK TO before").await;
}

#[tokio::test]
async fn a_conversation_is_of_two_users_in_their_order_and_once() {
    let conn = &mut talked().await;
    let of = |low, high| {
        format!("INSERT INTO messaging.conversations (low_user_id, high_user_id) VALUES ({low}, {high})")
    };
    assert_refused(conn, &of(2, 1), &messaging::CONVERSATIONS_LOW_BEFORE_HIGH).await;
    assert_refused(conn, &of(1, 2), &messaging::CONVERSATIONS_PAIR_KEY).await;
    let negative = "UPDATE messaging.conversations SET last_seq = -1 WHERE id = 1";
    assert_refused(conn, negative, &messaging::CONVERSATIONS_LAST_SEQ_NOT_NEGATIVE).await;
}

#[tokio::test]
async fn its_members_are_those_two_and_both() {
    let conn = &mut talked().await;
    execute(
        conn,
        "INSERT INTO messaging.conversations (id, low_user_id, high_user_id) OVERRIDING SYSTEM VALUE VALUES (3, 1, 4)",
    )
    .await;
    let members = |values: &str| {
        format!("INSERT INTO messaging.members (conversation_id, user_id, peer_id) VALUES {values}")
    };
    for (values, rule) in [
        ("(3, 1, 3), (3, 3, 1)", &messaging::MEMBERS_CONVERSATION_FKEY),
        ("(9, 1, 4), (9, 4, 1)", &messaging::MEMBERS_CONVERSATION_FKEY),
        ("(3, 1, 4)", &messaging::MEMBERS_MIRROR_FKEY),
        ("(1, 1, 2), (1, 2, 1)", &messaging::MEMBERS_PKEY),
    ] {
        assert_refused(conn, &members(values), rule).await;
    }
    assert_eq!(
        refusal(conn, &members("(3, 1, 4), (3, 4, 1)")).await,
        "not refused"
    );
}

#[tokio::test]
async fn pointers_and_mutes_make_sense() {
    let conn = &mut talked().await;
    for (change, rule) in [
        (
            "read_seq = -1, receipt_seq = -1",
            &messaging::MEMBERS_READ_SEQ_NOT_NEGATIVE,
        ),
        ("receipt_seq = -1", &messaging::MEMBERS_RECEIPT_SEQ_NOT_NEGATIVE),
        ("receipt_seq = 1", &messaging::MEMBERS_RECEIPT_AFTER_READ),
        (
            "muted_at = now(), mute_expires_at = now()",
            &messaging::MEMBERS_MUTE_EXPIRES_LATER,
        ),
        ("mute_expires_at = now()", &messaging::MEMBERS_MUTE_BEGINS),
    ] {
        let statement = format!("UPDATE messaging.members SET {change} WHERE conversation_id = 1");
        assert_refused(conn, &statement, rule).await;
    }
}

#[tokio::test]
async fn a_message_is_from_one_member_to_the_other_and_has_a_place_of_its_own() {
    let conn = &mut talked().await;
    for (values, rule) in [
        ("1, 2, 1, 2, 'x'", &messaging::MESSAGES_SEQ_KEY),
        ("1, 0, 1, 2, 'x'", &messaging::MESSAGES_SEQ_POSITIVE),
        ("1, 3, 1, 3, 'x'", &messaging::MESSAGES_MEMBERS_FKEY),
        ("1, 3, 3, 2, 'x'", &messaging::MESSAGES_MEMBERS_FKEY),
        ("1, 3, 1, 1, 'x'", &messaging::MESSAGES_MEMBERS_FKEY),
        ("2, 1, 1, 2, 'x'", &messaging::MESSAGES_MEMBERS_FKEY),
        ("1, 3, 1, 2, NULL", &messaging::MESSAGES_CONTENT_UNTIL_DELETED),
    ] {
        let statement = format!(
            "INSERT INTO messaging.messages (conversation_id, seq, sender_id, receiver_id, content) VALUES ({values})"
        );
        assert_refused(conn, &statement, rule).await;
    }
    let still_said = "UPDATE messaging.messages SET deleted_at = now() WHERE id = 1";
    assert_refused(conn, still_said, &messaging::MESSAGES_CONTENT_UNTIL_DELETED).await;
}

#[tokio::test]
async fn edits_and_requests_belong_to_what_is_there_and_are_there_once() {
    let conn = &mut talked().await;
    execute(
        conn,
        "INSERT INTO messaging.message_edits VALUES (1, 1, 'helo', now());
        INSERT INTO messaging.requests VALUES (1, '8c1f7f0e-6b0e-4bb6-9b5e-0a4c3c0f7d11', sha256('1'), 1)",
    )
    .await;
    let edit = |values: &str| format!("INSERT INTO messaging.message_edits VALUES ({values}, 'x', now())");
    assert_refused(conn, &edit("1, 1"), &messaging::MESSAGE_EDITS_PKEY).await;
    assert_refused(conn, &edit("9, 1"), &messaging::MESSAGE_EDITS_MESSAGE_ID_FKEY).await;
    let request = |user: i32, fingerprint: &str| {
        format!(
            "INSERT INTO messaging.requests
            VALUES ({user}, '8c1f7f0e-6b0e-4bb6-9b5e-0a4c3c0f7d11', {fingerprint}, 2)"
        )
    };
    assert_refused(conn, &request(1, "sha256('2')"), &messaging::REQUESTS_PKEY).await;
    assert_refused(
        conn,
        &request(9, "sha256('2')"),
        &messaging::REQUESTS_USER_ID_FKEY,
    )
    .await;
    assert_refused(
        conn,
        &request(2, "'short'"),
        &messaging::REQUESTS_FINGERPRINT_LENGTH,
    )
    .await;
    assert_eq!(refusal(conn, &request(2, "sha256('2')")).await, "not refused");
}
