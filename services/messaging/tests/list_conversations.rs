use kith_contracts::messaging::v1::{Conversation, ListConversationsRequest};
use kith_testkit::{TestApp, TestUser};

use crate::support::{answer, conversation, exactly, mark, refusal, send, send_in_bulk, two};

async fn list(app: &TestApp, user: &TestUser, page_size: i32) -> Vec<Conversation> {
    let (mut conversations, mut token) = (Vec::new(), String::new());
    loop {
        let request = ListConversationsRequest {
            page_size,
            page_token: token,
        };
        let page = answer(app.messaging(user).list_conversations(request).await);
        conversations.extend(page.conversations);
        token = page.next_page_token;
        if token.is_empty() {
            return conversations;
        }
    }
}

fn peers(conversations: &[Conversation]) -> Vec<i64> {
    conversations
        .iter()
        .map(|conversation| conversation.peer_id)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn those_with_the_latest_messages_come_first_page_by_page() {
    let app = TestApp::start().await;
    // The one who lists has the lower id in some conversations, and the higher in others.
    let users = app.users(&["a", "b", "me", "c", "d"]).await;
    let [a, b, me, c, d] = users.try_into().expect("five users");
    for (from, to) in [(&a, &me), (&me, &b), (&c, &me), (&d, &me), (&me, &a), (&a, &b)] {
        send(&app, from, to, "hello").await;
    }
    for page_size in [1, 2, 100] {
        assert_eq!(
            peers(&list(&app, &me, page_size).await),
            [a.id, d.id, c.id, b.id],
            "{page_size}"
        );
    }
    assert_eq!(list(&app, &d, 0).await, [conversation(&app, &d, &me).await]);
    let mut one_by_one = Vec::new();
    for peer in [&a, &d, &c, &b] {
        one_by_one.push(conversation(&app, &me, peer).await);
    }
    assert_eq!(list(&app, &me, 0).await, one_by_one);
}

#[tokio::test(flavor = "multi_thread")]
async fn to_read_moves_nothing_and_unread_counts_are_capped() {
    let app = TestApp::start().await;
    let users = app.users(&["a", "b", "me"]).await;
    let [a, b, me] = users.try_into().expect("three users");
    send_in_bulk(&app, &a, &me, 1001).await;
    let message = send(&app, &b, &me, "hello").await;
    mark(&app, &me, message.id).await;
    let listed = list(&app, &me, 0).await;
    assert_eq!(peers(&listed), [b.id, a.id]);
    assert_eq!(listed[0].unread_count, Some(exactly(0)));
    let capped = listed[1].unread_count.expect("a count");
    assert_eq!((capped.count, capped.capped), (1000, true));
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_page_is_refused_and_none_is_empty() {
    let app = TestApp::start().await;
    let (alice, _) = two(&app).await;
    assert_eq!(list(&app, &alice, 0).await, []);
    let request = ListConversationsRequest {
        page_size: -1,
        page_token: "x".to_owned(),
    };
    let refused = refusal(app.messaging(&alice).list_conversations(request).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument PAGE_SIZE_INVALID [page_size PAGE_SIZE_INVALID, page_token PAGE_TOKEN_INVALID]"
    );
}
