use kith_contracts::messaging::v1::{DeleteMessageScope, ListSentMessagesRequest};
use kith_testkit::{TestApp, TestUser};

use crate::support::{answer, delete, refusal, send, three};

async fn sent(app: &TestApp, user: &TestUser) -> Vec<String> {
    let (mut sent, mut token) = (Vec::new(), String::new());
    loop {
        let request = ListSentMessagesRequest {
            page_size: 2,
            page_token: token,
        };
        let page = answer(app.messaging(user).list_sent_messages(request).await);
        sent.extend(page.messages.into_iter().map(|message| message.content));
        token = page.next_page_token;
        if token.is_empty() {
            return sent;
        }
    }
}

// Control: without the condition on what is hidden, it came back.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_has_sent_to_anybody_newest_first() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let mut ids = Vec::new();
    for (to, content) in [(&bob, "1"), (&carol, "2"), (&bob, "3"), (&bob, "4")] {
        ids.push(send(&app, &alice, to, content).await.id);
    }
    send(&app, &bob, &alice, "5").await;
    assert_eq!(sent(&app, &alice).await, ["4", "3", "2", "1"]);
    delete(&app, &alice, ids[1], DeleteMessageScope::Caller).await;
    delete(&app, &bob, ids[2], DeleteMessageScope::Caller).await;
    delete(&app, &alice, ids[3], DeleteMessageScope::Both).await;
    assert_eq!(sent(&app, &alice).await, ["", "3", "1"]);
    assert_eq!(sent(&app, &carol).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_page_is_refused() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let request = ListSentMessagesRequest {
        page_size: -1,
        page_token: "x".to_owned(),
    };
    let refused = refusal(app.messaging(&alice).list_sent_messages(request).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument PAGE_SIZE_INVALID [page_size PAGE_SIZE_INVALID, page_token PAGE_TOKEN_INVALID]"
    );
}
