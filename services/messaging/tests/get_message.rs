use kith_contracts::messaging::v1::{DeleteMessageScope, GetMessageRequest, Message};
use kith_testkit::{Refusal, TestApp, TestUser};
use tonic::Status;

use crate::support::{delete, mark, send, three, two};

async fn get(app: &TestApp, user: &TestUser, message_id: i64) -> Result<Message, Status> {
    let got = app
        .messaging(user)
        .get_message(GetMessageRequest { message_id })
        .await?;
    Ok(got.into_inner().message.expect("a message"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_read_by_both_and_by_nobody_else() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let message = send(&app, &alice, &bob, "hello").await;
    for user in [&alice, &bob] {
        assert_eq!(get(&app, user, message.id).await.expect("a message"), message);
    }
    let others = get(&app, &carol, message.id).await.expect_err("a refusal");
    let nobodys = get(&app, &carol, message.id + 1).await.expect_err("a refusal");
    assert_eq!(Refusal::of(&others).summary(), "NotFound MESSAGE_NOT_FOUND []");
    assert_eq!(others.message(), nobodys.message());
    let invalid = get(&app, &carol, 0).await.expect_err("a refusal");
    assert_eq!(
        Refusal::of(&invalid).summary(),
        "InvalidArgument ID_INVALID [message_id ID_INVALID]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_sees_that_it_was_read() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let message = send(&app, &alice, &bob, "hello").await;
    mark(&app, &bob, message.id).await;
    for user in [&alice, &bob] {
        let read = get(&app, user, message.id).await.expect("a message");
        assert!(read.is_read);
        assert_eq!(read.etag, message.etag);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_has_deleted_for_itself_is_still_there_for_the_other() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let message = send(&app, &alice, &bob, "hello").await;
    delete(&app, &alice, message.id, DeleteMessageScope::Caller).await;
    let refused = get(&app, &alice, message.id).await.expect_err("a refusal");
    assert_eq!(Refusal::of(&refused).summary(), "NotFound MESSAGE_NOT_FOUND []");
    assert_eq!(get(&app, &bob, message.id).await.expect("a message"), message);
}
