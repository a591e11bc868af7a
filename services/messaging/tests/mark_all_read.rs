use std::time::Duration;

use kith_contracts::messaging::v1::{MarkAllReadRequest, UnreadCount};
use kith_testkit::{TestApp, TestUser, Uncommitted, count};
use tonic::{Code, Request};

use crate::support::{answer, block, exactly, execute, messages, refusal, send, send_many, three, unread};

async fn mark_all(app: &TestApp, user: &TestUser, conversation_id: i64) -> UnreadCount {
    let request = MarkAllReadRequest { conversation_id };
    let marked = answer(app.messaging(user).mark_all_read(request).await);
    marked.unread_count.expect("a count")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_conversation_is_read_or_all() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let id = send_many(&app, &alice, &bob, 2).await[0].conversation_id;
    send_many(&app, &carol, &bob, 3).await;
    send(&app, &bob, &alice, "not bob's to read").await;
    assert_eq!(mark_all(&app, &bob, id).await, exactly(0));
    assert_eq!(unread(&app, &bob, 0).await, exactly(3));
    assert_eq!(mark_all(&app, &bob, 0).await, exactly(0));
    assert_eq!(mark_all(&app, &bob, 0).await, exactly(0));
    assert_eq!(unread(&app, &alice, 0).await, exactly(1));
    app.database.assert_invariants().await;
}

// Control: without the blocks in the statement that marks, both senders saw it.
#[tokio::test(flavor = "multi_thread")]
async fn senders_learn_of_it_but_for_those_behind_a_block() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol", "dave"]).await;
    let [alice, bob, carol, dave] = users.try_into().expect("four users");
    let by_alice = send(&app, &alice, &bob, "1").await;
    let by_carol = send(&app, &carol, &bob, "2").await;
    let by_dave = send(&app, &dave, &bob, "3").await;
    block(&app, &bob, &carol).await;
    block(&app, &dave, &bob).await;
    mark_all(&app, &bob, 0).await;
    assert!(messages(&app, &alice, by_alice.conversation_id).await[0].is_read);
    assert!(!messages(&app, &carol, by_carol.conversation_id).await[0].is_read);
    assert!(!messages(&app, &dave, by_dave.conversation_id).await[0].is_read);
    assert_eq!(unread(&app, &bob, 0).await, exactly(0));
    assert_eq!(count(&app, "messaging.members WHERE receipt_seq > 0").await, 1);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_conversations_are_not_there() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let id = send(&app, &alice, &bob, "hello").await.conversation_id;
    for (conversation_id, summary) in [
        (id, "NotFound CONVERSATION_NOT_FOUND []"),
        (id + 1, "NotFound CONVERSATION_NOT_FOUND []"),
        (-1, "InvalidArgument ID_INVALID [conversation_id ID_INVALID]"),
    ] {
        let request = MarkAllReadRequest { conversation_id };
        let refused = refusal(app.messaging(&carol).mark_all_read(request).await);
        assert_eq!(refused.summary(), summary);
    }
    assert_eq!(unread(&app, &bob, 0).await, exactly(1));
}

/// So many conversations in which one message is unread, with users who are made for it; the ids go up.
async fn many_unread(app: &TestApp, user: &TestUser, conversations: u32) {
    let user = user.id;
    let sql = format!(
        "INSERT INTO identity.users (username) SELECT 'peer' || number FROM generate_series(1, {conversations}) AS number;
        INSERT INTO identity.profiles (user_id) SELECT id FROM identity.users ON CONFLICT DO NOTHING;
        INSERT INTO messaging.conversations (low_user_id, high_user_id, last_seq)
            SELECT {user}, id, 1 FROM identity.users WHERE username LIKE 'peer%' ORDER BY id;
        INSERT INTO messaging.members (conversation_id, user_id, peer_id, received_seq)
            SELECT id, low_user_id, high_user_id, 1 FROM messaging.conversations
            UNION ALL SELECT id, high_user_id, low_user_id, 0 FROM messaging.conversations;
        INSERT INTO messaging.messages (conversation_id, seq, sender_id, receiver_id, content)
            SELECT id, 1, high_user_id, low_user_id, 'hello' FROM messaging.conversations"
    );
    execute(app, &sql).await;
}

/// A change of the user's side of its last conversation.
async fn change_of_the_last(app: &TestApp, user: &TestUser) -> Uncommitted {
    let last = format!(
        "UPDATE messaging.members SET muted_at = now() WHERE user_id = {user}
            AND conversation_id = (SELECT max(conversation_id) FROM messaging.members WHERE user_id = {user})",
        user = user.id
    );
    Uncommitted::begin(app, &last).await
}

const READ: &str = "messaging.members WHERE read_seq > 0";

/// In one statement for all, none would be read while the last one is waited for, and nobody could send into any.
#[tokio::test(flavor = "multi_thread")]
async fn very_many_conversations_are_read_a_thousand_at_a_time() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    many_unread(&app, &alice, 2001).await;
    let mut held = change_of_the_last(&app, &alice).await;
    let marking = async {
        assert_eq!(mark_all(&app, &alice, 0).await, exactly(0));
    };
    let others = async {
        held.until_somebody_waits().await;
        assert_eq!(count(&app, READ).await, 2000);
        held.commit().await;
    };
    tokio::join!(marking, others);
    assert_eq!(count(&app, READ).await, 2001);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_before_the_deadline_stays_so_and_a_repetition_reads_the_rest() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    many_unread(&app, &alice, 1001).await;
    let mut held = change_of_the_last(&app, &alice).await;
    let mut request = Request::new(MarkAllReadRequest::default());
    request.set_timeout(Duration::from_secs(8));
    let mut client = app.messaging(&alice);
    let (late, ()) = tokio::join!(client.mark_all_read(request), held.until_somebody_waits());
    assert_eq!(
        late.expect_err("no answer in time").code(),
        Code::DeadlineExceeded
    );
    held.commit().await;
    assert_eq!(unread(&app, &alice, 0).await, exactly(1));
    assert_eq!(mark_all(&app, &alice, 0).await, exactly(0));
}
