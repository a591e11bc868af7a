use kith_contracts::messaging::v1::{DeleteMessageScope, ListReceivedMessagesRequest};
use kith_testkit::{TestApp, TestUser};

use crate::support::{answer, delete, refusal, send, three};

async fn received(app: &TestApp, user: &TestUser) -> Vec<String> {
    let (mut received, mut token) = (Vec::new(), String::new());
    loop {
        let request = ListReceivedMessagesRequest {
            page_size: 2,
            page_token: token,
        };
        let page = answer(app.messaging(user).list_received_messages(request).await);
        received.extend(page.messages.into_iter().map(|message| message.content));
        token = page.next_page_token;
        if token.is_empty() {
            return received;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_to_one_by_anybody_newest_first() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let mut ids = Vec::new();
    for (from, content) in [(&bob, "1"), (&carol, "2"), (&bob, "3"), (&bob, "4")] {
        ids.push(send(&app, from, &alice, content).await.id);
    }
    send(&app, &alice, &bob, "5").await;
    assert_eq!(received(&app, &alice).await, ["4", "3", "2", "1"]);
    delete(&app, &alice, ids[1], DeleteMessageScope::Caller).await;
    delete(&app, &bob, ids[2], DeleteMessageScope::Caller).await;
    delete(&app, &bob, ids[3], DeleteMessageScope::Both).await;
    assert_eq!(received(&app, &alice).await, ["", "3", "1"]);
    assert_eq!(received(&app, &carol).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_page_is_refused() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let request = ListReceivedMessagesRequest {
        page_size: -1,
        page_token: "x".to_owned(),
    };
    let refused = refusal(app.messaging(&alice).list_received_messages(request).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument PAGE_SIZE_INVALID [page_size PAGE_SIZE_INVALID, page_token PAGE_TOKEN_INVALID]"
    );
}
