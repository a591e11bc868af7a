use kith_contracts::messaging::v1::{MarkAllReadRequest, UnreadCount};
use kith_testkit::{TestApp, TestUser, count};

use crate::support::{answer, block, exactly, messages, refusal, send, send_many, three, unread};

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
