use kith_contracts::messaging::v1::{DeleteMessageRequest, DeleteMessageScope};
use kith_testkit::{Refusal, TestApp, TestUser};

use crate::support::{
    block, contents, conversation, deactivate, delete, messages, refusal, send, send_many, three, try_delete,
    try_edit, two,
};

const BOTH: DeleteMessageScope = DeleteMessageScope::Both;
const CALLER: DeleteMessageScope = DeleteMessageScope::Caller;

async fn refused(app: &TestApp, user: &TestUser, id: i64, scope: DeleteMessageScope) -> String {
    let status = try_delete(app, user, id, scope, false)
        .await
        .expect_err("a refusal");
    Refusal::of(&status).summary()
}

#[tokio::test(flavor = "multi_thread")]
async fn for_both_the_place_stays_and_the_words_go() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let sent = send_many(&app, &alice, &bob, 2).await;
    try_edit(&app, &alice, sent[1].id, "3").await.expect("an edit");
    let before = conversation(&app, &bob, &alice).await;
    let left = delete(&app, &alice, sent[1].id, BOTH).await;
    assert_eq!(
        (left.seq, left.content.as_str(), left.delete_time.is_some()),
        (2, "", true)
    );
    for user in [&alice, &bob] {
        assert_eq!(messages(&app, user, left.conversation_id).await[0], left);
    }
    let after = conversation(&app, &bob, &alice).await;
    assert_eq!(
        (after.last_seq, after.active_time),
        (before.last_seq, before.active_time)
    );
    assert_eq!(send(&app, &bob, &alice, "4").await.seq, 3);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn for_oneself_it_is_gone_and_the_other_notices_nothing() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let sent = send_many(&app, &alice, &bob, 2).await;
    let before = conversation(&app, &alice, &bob).await;
    assert_eq!(delete(&app, &bob, sent[1].id, CALLER).await, sent[1]);
    assert_eq!(
        contents(&messages(&app, &bob, sent[0].conversation_id).await),
        ["1"]
    );
    assert_eq!(conversation(&app, &alice, &bob).await, before);
    assert_eq!(messages(&app, &alice, sent[0].conversation_id).await[0], sent[1]);
    assert_eq!(
        refused(&app, &bob, sent[1].id, CALLER).await,
        "NotFound MESSAGE_NOT_FOUND []"
    );
    // Both may hide it, each for itself.
    delete(&app, &alice, sent[1].id, CALLER).await;
    assert_eq!(
        contents(&messages(&app, &alice, sent[0].conversation_id).await),
        ["1"]
    );
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn for_both_only_the_sender_deletes_and_to_others_there_is_nothing() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let message = send(&app, &alice, &bob, "hello").await;
    assert_eq!(
        refused(&app, &bob, message.id, BOTH).await,
        "PermissionDenied NOT_OWNER []"
    );
    for scope in [BOTH, CALLER] {
        assert_eq!(
            refused(&app, &carol, message.id, scope).await,
            "NotFound MESSAGE_NOT_FOUND []"
        );
        let missing = try_delete(&app, &carol, message.id, scope, true).await;
        assert_eq!(missing.expect("a success"), None);
    }
    assert_eq!(
        contents(&messages(&app, &bob, message.conversation_id).await),
        ["hello"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_was_made_is_made_again_when_that_is_allowed() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let message = send(&app, &alice, &bob, "hello").await;
    let left = delete(&app, &alice, message.id, BOTH).await;
    assert_eq!(
        refused(&app, &alice, message.id, BOTH).await,
        "NotFound MESSAGE_NOT_FOUND []"
    );
    let again = try_delete(&app, &alice, message.id, BOTH, true).await;
    assert_eq!(again.expect("a success"), Some(left.clone()));
    // What is left can still be hidden.
    assert_eq!(delete(&app, &bob, message.id, CALLER).await, left);
    assert_eq!(
        try_delete(&app, &bob, message.id, CALLER, true)
            .await
            .expect("a success"),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_is_refused_because_of_a_block_or_of_who_is_inactive() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let sent = send_many(&app, &alice, &bob, 2).await;
    block(&app, &bob, &alice).await;
    deactivate(&app, &bob).await;
    delete(&app, &alice, sent[0].id, BOTH).await;
    delete(&app, &bob, sent[1].id, CALLER).await;
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_together() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (scope, reason) in [(0, "FIELD_REQUIRED"), (3, "FIELD_MALFORMED")] {
        let request = |message_id| DeleteMessageRequest {
            message_id,
            scope,
            allow_missing: true,
        };
        let refused = refusal(app.messaging(&alice).delete_message(request(7)).await);
        assert_eq!(
            refused.summary(),
            format!("InvalidArgument {reason} [scope {reason}]")
        );
        let refused = refusal(app.messaging(&alice).delete_message(request(0)).await);
        assert_eq!(
            refused.summary(),
            format!("InvalidArgument ID_INVALID [message_id ID_INVALID, scope {reason}]")
        );
    }
}
