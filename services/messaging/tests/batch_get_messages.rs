use kith_contracts::messaging::v1::BatchGetMessagesRequest;
use kith_contracts::messaging::v1::batch_get_messages_result::Outcome;
use kith_testkit::{Refusal, TestApp};

use crate::support::{answer, refusal, send, three};

#[tokio::test(flavor = "multi_thread")]
async fn each_id_has_its_own_outcome_in_its_place() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let (own, others) = (
        send(&app, &alice, &bob, "1").await,
        send(&app, &bob, &carol, "2").await,
    );
    let message_ids = vec![own.id, others.id, 0, own.id];
    let request = BatchGetMessagesRequest { message_ids };
    let results = answer(app.messaging(&alice).batch_get_messages(request).await).results;
    let shown = results.into_iter().map(|result| match result.outcome {
        Some(Outcome::Message(message)) => message.content,
        Some(Outcome::Error(status)) => Refusal::of_item(&status).summary(),
        None => String::new(),
    });
    let expected = [
        "1",
        "NotFound MESSAGE_NOT_FOUND []",
        "InvalidArgument ID_INVALID [message_ids[2] ID_INVALID]",
        "1",
    ];
    assert_eq!(shown.collect::<Vec<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_at_most_a_hundred_ids() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let request = |ids| BatchGetMessagesRequest {
        message_ids: vec![7; ids],
    };
    answer(app.messaging(&alice).batch_get_messages(request(100)).await);
    let refused = refusal(app.messaging(&alice).batch_get_messages(request(101)).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument BATCH_TOO_LARGE [message_ids BATCH_TOO_LARGE]"
    );
}
