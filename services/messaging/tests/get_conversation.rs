use kith_contracts::messaging::v1::get_conversation_request::Key;
use kith_contracts::messaging::v1::{Conversation, DeleteMessageScope, GetConversationRequest};
use kith_testkit::{Refusal, TestApp, TestUser, count};
use tonic::Status;

use crate::support::{conversation, delete, delete_user, exactly, mark, send, send_many, three, two};

async fn get(app: &TestApp, user: &TestUser, key: Option<Key>) -> Result<Conversation, Status> {
    let got = app
        .messaging(user)
        .get_conversation(GetConversationRequest { key })
        .await?;
    Ok(got.into_inner().conversation.expect("a conversation"))
}

async fn refused(app: &TestApp, user: &TestUser, key: Option<Key>) -> Refusal {
    Refusal::of(&get(app, user, key).await.expect_err("a refusal"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_found_by_its_id_and_by_the_other() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let sent = send_many(&app, &alice, &bob, 2).await;
    mark(&app, &bob, sent[0].id).await;
    for (user, peer, unread, read_seq) in [(&alice, &bob, 0, 0), (&bob, &alice, 1, 1)] {
        let found = conversation(&app, user, peer).await;
        let by_id = get(&app, user, Some(Key::ConversationId(found.id))).await;
        assert_eq!(by_id.expect("a conversation"), found);
        assert_eq!(
            (found.peer_id, found.last_seq, found.read_seq),
            (peer.id, 2, read_seq)
        );
        assert_eq!(found.unread_count, Some(exactly(unread)));
        let last = found.last_message.expect("a message");
        assert_eq!(
            (last.content.as_str(), last.create_time),
            ("2", found.active_time)
        );
        assert_eq!(found.create_time, sent[0].create_time);
        assert!(found.mute.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_message_is_the_last_that_one_can_see() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let sent = send_many(&app, &alice, &bob, 2).await;
    delete(&app, &bob, sent[1].id, DeleteMessageScope::Caller).await;
    let last = |conversation: Conversation| conversation.last_message.map(|last| last.content);
    assert_eq!(last(conversation(&app, &bob, &alice).await).as_deref(), Some("1"));
    assert_eq!(last(conversation(&app, &alice, &bob).await).as_deref(), Some("2"));
    delete(&app, &alice, sent[1].id, DeleteMessageScope::Both).await;
    assert_eq!(last(conversation(&app, &alice, &bob).await).as_deref(), Some(""));
    delete(&app, &bob, sent[0].id, DeleteMessageScope::Caller).await;
    let empty = conversation(&app, &bob, &alice).await;
    assert_eq!((empty.last_message, empty.last_seq), (None, 2));
    assert_eq!(empty.unread_count, Some(exactly(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_learns_that_a_conversation_exists() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let id = send(&app, &alice, &bob, "hello").await.conversation_id;
    let mut refusals = Vec::new();
    for key in [
        Key::ConversationId(id),
        Key::ConversationId(id + 1),
        Key::PeerId(alice.id),
        Key::PeerId(i64::MAX),
    ] {
        let refused = refused(&app, &carol, Some(key)).await;
        refusals.push((refused.summary(), refused.message));
    }
    refusals.dedup();
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].0, "NotFound CONVERSATION_NOT_FOUND []");
    let own = refused(&app, &alice, Some(Key::PeerId(alice.id))).await;
    assert_eq!(own.reason, "CONVERSATION_NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_needed_and_a_good_one() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (key, summary) in [
        (None, "InvalidArgument FIELD_REQUIRED [key FIELD_REQUIRED]"),
        (
            Some(Key::ConversationId(0)),
            "InvalidArgument ID_INVALID [conversation_id ID_INVALID]",
        ),
        (
            Some(Key::PeerId(-1)),
            "InvalidArgument ID_INVALID [peer_id ID_INVALID]",
        ),
    ] {
        assert_eq!(refused(&app, &alice, key).await.summary(), summary);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_one_of_the_two_the_conversation_goes() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let id = send(&app, &alice, &bob, "hello").await.conversation_id;
    send(&app, &carol, &bob, "hello").await;
    delete_user(&app, &alice).await;
    let gone = refused(&app, &bob, Some(Key::ConversationId(id))).await;
    assert_eq!(gone.summary(), "NotFound CONVERSATION_NOT_FOUND []");
    assert_eq!(crate::support::unread(&app, &bob, 0).await, exactly(1));
    assert_eq!(count(&app, "messaging.messages").await, 1);
    app.database.assert_invariants().await;
}
