use kith_contracts::messaging::v1::{DeleteMessageScope, ListMessagesRequest, ListMessagesResponse};
use kith_testkit::{TestApp, TestUser};

use crate::support::{answer, block, contents, delete, messages, refusal, send, send_many, three, two};

async fn page(
    app: &TestApp,
    user: &TestUser,
    conversation_id: i64,
    after_seq: Option<i64>,
    page_token: &str,
) -> ListMessagesResponse {
    let request = ListMessagesRequest {
        conversation_id,
        after_seq,
        page_size: 2,
        page_token: page_token.to_owned(),
    };
    answer(app.messaging(user).list_messages(request).await)
}

/// All pages.
async fn walk(
    app: &TestApp,
    user: &TestUser,
    conversation_id: i64,
    after_seq: Option<i64>,
) -> Vec<Vec<String>> {
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let page = page(app, user, conversation_id, after_seq, &token).await;
        pages.push(page.messages.into_iter().map(|message| message.content).collect());
        token = page.next_page_token;
        if token.is_empty() {
            return pages;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn newest_first_and_forward_from_a_seq_page_by_page() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let id = send_many(&app, &alice, &bob, 5).await[0].conversation_id;
    for user in [&alice, &bob] {
        assert_eq!(
            walk(&app, user, id, None).await,
            [vec!["5", "4"], vec!["3", "2"], vec!["1"]]
        );
        assert_eq!(
            walk(&app, user, id, Some(0)).await,
            [vec!["1", "2"], vec!["3", "4"], vec!["5"]]
        );
        assert_eq!(walk(&app, user, id, Some(3)).await, [["4", "5"]]);
        assert_eq!(walk(&app, user, id, Some(5)).await, [[""; 0]]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_caught_up_gets_what_comes_then() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let first = send(&app, &alice, &bob, "1").await;
    let last = page(&app, &bob, first.conversation_id, Some(0), "")
        .await
        .messages[0]
        .seq;
    send(&app, &bob, &alice, "2").await;
    assert_eq!(walk(&app, &bob, first.conversation_id, Some(last)).await, [["2"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_for_both_keeps_its_place_and_what_is_hidden_does_not() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let sent = send_many(&app, &alice, &bob, 3).await;
    delete(&app, &alice, sent[1].id, DeleteMessageScope::Both).await;
    delete(&app, &bob, sent[2].id, DeleteMessageScope::Caller).await;
    let id = sent[0].conversation_id;
    assert_eq!(contents(&messages(&app, &alice, id).await), ["3", "", "1"]);
    let seen = messages(&app, &bob, id).await;
    assert_eq!(contents(&seen), ["", "1"]);
    assert_eq!((seen[0].seq, seen[0].delete_time.is_some()), (2, true));
    assert_eq!(walk(&app, &bob, id, Some(1)).await, [[""]]);
}

// Control: without the caller among the conditions, a conversation of others was listed.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_learns_that_a_conversation_exists() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let message = send(&app, &alice, &bob, "hello").await;
    block(&app, &alice, &carol).await;
    let mut refusals = Vec::new();
    for conversation_id in [message.conversation_id, message.conversation_id + 1] {
        for after_seq in [None, Some(0)] {
            let request = ListMessagesRequest {
                conversation_id,
                after_seq,
                ..Default::default()
            };
            let refused = refusal(app.messaging(&carol).list_messages(request).await);
            refusals.push((refused.summary(), refused.message, refused.metadata.len()));
        }
    }
    refusals.dedup();
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].0, "NotFound CONVERSATION_NOT_FOUND []");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_together_and_a_token_is_for_its_arguments() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let id = send_many(&app, &alice, &bob, 3).await[0].conversation_id;
    let forward = page(&app, &alice, id, Some(0), "").await.next_page_token;
    let request = ListMessagesRequest {
        conversation_id: 0,
        after_seq: Some(-1),
        page_size: -1,
        page_token: forward.clone(),
    };
    let refused = refusal(app.messaging(&alice).list_messages(request).await);
    let fields = "conversation_id ID_INVALID, after_seq FIELD_MALFORMED, page_size PAGE_SIZE_INVALID, page_token PAGE_TOKEN_INVALID";
    assert_eq!(
        refused.summary(),
        format!("InvalidArgument ID_INVALID [{fields}]")
    );
    let request = ListMessagesRequest {
        conversation_id: id,
        page_token: forward,
        ..Default::default()
    };
    let refused = refusal(app.messaging(&alice).list_messages(request).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument PAGE_TOKEN_INVALID [page_token PAGE_TOKEN_INVALID]"
    );
}
