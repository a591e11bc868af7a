use kith_contracts::messaging::v1::{DeleteMessageScope, SearchMessagesRequest, SearchMessagesResponse};
use kith_testkit::{TestApp, TestUser};

use crate::support::{answer, contents, delete, execute, refusal, send, send_in_bulk, three, try_edit};

async fn page(
    app: &TestApp,
    user: &TestUser,
    query: &str,
    conversation_id: i64,
    page_token: &str,
) -> SearchMessagesResponse {
    let request = SearchMessagesRequest {
        query: query.to_owned(),
        conversation_id,
        page_size: 2,
        page_token: page_token.to_owned(),
    };
    answer(app.messaging(user).search_messages(request).await)
}

/// What is found on all pages, and how many pages there were.
async fn search(app: &TestApp, user: &TestUser, query: &str, conversation_id: i64) -> (Vec<String>, usize) {
    let (mut found, mut pages, mut token) = (Vec::new(), 0, String::new());
    loop {
        let page = page(app, user, query, conversation_id, &token).await;
        found.extend(contents(&page.messages).into_iter().map(str::to_owned));
        pages += 1;
        token = page.next_page_token;
        if token.is_empty() {
            return (found, pages);
        }
    }
}

// Control: compared as they are written, what is written otherwise was not found.
#[tokio::test(flavor = "multi_thread")]
async fn own_messages_with_a_text_newest_first_whatever_its_case() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let id = send(&app, &alice, &bob, "See you at the H\u{c4}FEN")
        .await
        .conversation_id;
    send(&app, &bob, &alice, "which h\u{e4}fen?").await;
    send(&app, &alice, &carol, "100 % h\u{e4}fen_").await;
    send(&app, &bob, &carol, "alice and her h\u{e4}fen").await;
    let all = [
        "100 % h\u{e4}fen_",
        "which h\u{e4}fen?",
        "See you at the H\u{c4}FEN",
    ];
    assert_eq!(
        search(&app, &alice, "h\u{e4}FEN", 0).await,
        (all.map(str::to_owned).to_vec(), 2)
    );
    assert_eq!(search(&app, &alice, "h\u{e4}fen", id).await.0, all[1..]);
    for (query, found) in [("%", 1), ("_", 1), ("\\", 0), ("you at", 1)] {
        assert_eq!(search(&app, &alice, query, 0).await.0.len(), found, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_or_said_before_is_not_found() {
    let app = TestApp::start().await;
    let (alice, bob, _) = three(&app).await;
    let mut ids = Vec::new();
    for content in ["word 1", "word 2", "word 3", "word 4"] {
        ids.push(send(&app, &alice, &bob, content).await.id);
    }
    delete(&app, &alice, ids[0], DeleteMessageScope::Both).await;
    delete(&app, &alice, ids[1], DeleteMessageScope::Caller).await;
    try_edit(&app, &alice, ids[2], "something else")
        .await
        .expect("an edit");
    assert_eq!(search(&app, &alice, "word", 0).await.0, ["word 4"]);
    assert_eq!(search(&app, &bob, "word", 0).await.0, ["word 4", "word 2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_looks_at_ten_thousand_messages_and_the_next_goes_on_from_there() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let id = send(&app, &bob, &carol, "not alice's").await.conversation_id + 1;
    send_in_bulk(&app, &alice, &bob, 10_001).await;
    execute(
        &app,
        &format!(
            "UPDATE messaging.messages SET content = 'the first word' WHERE sender_id = {} AND seq = 1",
            alice.id
        ),
    )
    .await;
    for conversation_id in [0, id] {
        let first = page(&app, &bob, "first word", conversation_id, "").await;
        assert_eq!(first.messages, []);
        let then = page(&app, &bob, "first word", conversation_id, &first.next_page_token).await;
        assert_eq!(contents(&then.messages), ["the first word"]);
        assert_eq!(then.next_page_token, "");
        let first = page(&app, &bob, "message 10001", conversation_id, "").await;
        assert_eq!(contents(&first.messages), ["message 10001"]);
        let then = page(
            &app,
            &bob,
            "message 10001",
            conversation_id,
            &first.next_page_token,
        )
        .await;
        assert_eq!((then.messages, then.next_page_token.as_str()), (vec![], ""));
    }
    assert_eq!(search(&app, &carol, "message", 0).await, (vec![], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn others_conversations_are_not_there_and_what_is_wrong_is_told_together() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let id = send(&app, &alice, &bob, "hello").await.conversation_id;
    let request = |query: &str, conversation_id, page_token: &str| SearchMessagesRequest {
        query: query.to_owned(),
        conversation_id,
        page_size: 0,
        page_token: page_token.to_owned(),
    };
    for id in [id, id + 1] {
        let refused = refusal(
            app.messaging(&carol)
                .search_messages(request("hello", id, ""))
                .await,
        );
        assert_eq!(refused.summary(), "NotFound CONVERSATION_NOT_FOUND []");
    }
    for (query, reason) in [
        (" ", "FIELD_REQUIRED"),
        (&"x".repeat(201), "FIELD_TOO_LONG"),
        ("a\0", "FIELD_CONTAINS_NUL"),
    ] {
        let refused = refusal(
            app.messaging(&carol)
                .search_messages(request(query, -1, "x"))
                .await,
        );
        assert_eq!(
            refused.summary(),
            format!(
                "InvalidArgument {reason} [query {reason}, conversation_id ID_INVALID, page_token PAGE_TOKEN_INVALID]"
            )
        );
    }
}
