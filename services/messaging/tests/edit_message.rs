use std::sync::Arc;

use kith_contracts::messaging::v1::{AcceptedSenders, DeleteMessageScope, EditMessageRequest};
use kith_testkit::{Refusal, TestApp, TestUser, count};
use tokio::task::JoinSet;

use crate::support::{
    accept, block, contents, deactivate, delete, mark, messages, refusal, send, three, try_edit, two, unblock,
};

async fn refused(app: &TestApp, user: &TestUser, message_id: i64, content: &str) -> String {
    let status = try_edit(app, user, message_id, content)
        .await
        .expect_err("a refusal");
    Refusal::of(&status).summary()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_see_what_a_message_says_now() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let message = send(&app, &alice, &bob, "helo").await;
    mark(&app, &bob, message.id).await;
    let edited = try_edit(&app, &alice, message.id, "hello")
        .await
        .expect("an edit");
    assert_eq!(
        (edited.content.as_str(), edited.seq, edited.is_read),
        ("hello", 1, true)
    );
    assert!(edited.edit_time.is_some() && edited.etag != message.etag);
    assert_eq!(edited.create_time, message.create_time);
    for user in [&alice, &bob] {
        let seen = messages(&app, user, message.conversation_id).await;
        assert_eq!(seen, std::slice::from_ref(&edited));
    }
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_say_the_same_again_changes_nothing() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let message = send(&app, &alice, &bob, "hello").await;
    let edited = try_edit(&app, &alice, message.id, "hello")
        .await
        .expect("an edit");
    assert_eq!(edited, message);
    assert_eq!(count(&app, "messaging.message_edits").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_sender_edits_and_to_others_there_is_nothing() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let message = send(&app, &alice, &bob, "hello").await;
    assert_eq!(
        refused(&app, &bob, message.id, "x").await,
        "PermissionDenied NOT_OWNER []"
    );
    assert_eq!(
        refused(&app, &carol, message.id, "x").await,
        "NotFound MESSAGE_NOT_FOUND []"
    );
    delete(&app, &alice, message.id, DeleteMessageScope::Caller).await;
    assert_eq!(
        refused(&app, &alice, message.id, "x").await,
        "NotFound MESSAGE_NOT_FOUND []"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_stays_so() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let message = send(&app, &alice, &bob, "hello").await;
    delete(&app, &alice, message.id, DeleteMessageScope::Both).await;
    assert_eq!(
        refused(&app, &alice, message.id, "x").await,
        "FailedPrecondition MESSAGE_DELETED []"
    );
    assert_eq!(
        contents(&messages(&app, &bob, message.conversation_id).await),
        [""]
    );
}

// Control: without the blocks in the decision, the edit was made.
#[tokio::test(flavor = "multi_thread")]
async fn a_block_by_either_stops_edits_and_a_setting_does_not() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let message = send(&app, &alice, &bob, "hello").await;
    for (blocker, blocked) in [(&alice, &bob), (&bob, &alice)] {
        block(&app, blocker, blocked).await;
        let refused = refused(&app, &alice, message.id, "x").await;
        assert_eq!(refused, "PermissionDenied INTERACTION_NOT_ALLOWED []");
        unblock(&app, blocker, blocked).await;
    }
    assert_eq!(count(&app, "messaging.message_edits").await, 0);
    accept(&app, &bob, AcceptedSenders::Friends).await;
    try_edit(&app, &alice, message.id, "hello!")
        .await
        .expect("an edit");
    deactivate(&app, &bob).await;
    assert_eq!(
        refused(&app, &alice, message.id, "x").await,
        "FailedPrecondition USER_INACTIVE []"
    );
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_another_version_is_refused() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let message = send(&app, &alice, &bob, "hello").await;
    let request = |content: &str| EditMessageRequest {
        message_id: message.id,
        content: content.to_owned(),
        etag: message.etag.clone(),
    };
    app.messaging(&alice)
        .edit_message(request("1"))
        .await
        .expect("an edit");
    let refused = refusal(app.messaging(&alice).edit_message(request("2")).await);
    assert_eq!(refused.summary(), "Aborted ETAG_MISMATCH []");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_together() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let request = EditMessageRequest {
        message_id: 0,
        content: "x".repeat(4001),
        etag: "x".to_owned(),
    };
    let refused = refusal(app.messaging(&alice).edit_message(request).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [message_id ID_INVALID, content FIELD_TOO_LONG, etag FIELD_MALFORMED]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_at_once_are_all_kept() {
    let app = Arc::new(TestApp::start().await);
    let (alice, bob) = two(&app).await;
    let message = send(&app, &alice, &bob, "hello").await;
    let mut edits = JoinSet::new();
    for number in 0..8 {
        let (app, alice) = (Arc::clone(&app), alice.clone());
        edits.spawn(async move {
            try_edit(&app, &alice, message.id, &number.to_string())
                .await
                .is_ok()
        });
    }
    assert_eq!(edits.join_all().await, [true; 8]);
    assert_eq!(
        count(&app, "messaging.message_edits WHERE started_at <= ended_at").await,
        8
    );
    app.database.assert_invariants().await;
}
