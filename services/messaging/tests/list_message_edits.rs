use kith_contracts::messaging::v1::{DeleteMessageScope, ListMessageEditsRequest, MessageEdit};
use kith_testkit::{TestApp, TestUser};

use crate::support::{answer, delete, refusal, send, three, try_edit, two};

async fn edits(app: &TestApp, user: &TestUser, message_id: i64) -> Vec<MessageEdit> {
    let (mut edits, mut token) = (Vec::new(), String::new());
    loop {
        let request = ListMessageEditsRequest {
            message_id,
            page_size: 2,
            page_token: token,
        };
        let page = answer(app.messaging(user).list_message_edits(request).await);
        edits.extend(page.edits);
        token = page.next_page_token;
        if token.is_empty() {
            return edits;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_can_read_what_a_message_said_and_when() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let message = send(&app, &alice, &bob, "1").await;
    assert_eq!(edits(&app, &bob, message.id).await, []);
    let mut edited = message.clone();
    for content in ["2", "3", "4"] {
        edited = try_edit(&app, &alice, message.id, content)
            .await
            .expect("an edit");
    }
    let said = edits(&app, &bob, message.id).await;
    let contents: Vec<&str> = said.iter().map(|edit| edit.content.as_str()).collect();
    assert_eq!(contents, ["3", "2", "1"]);
    assert_eq!(said[2].write_time, message.create_time);
    assert_eq!(
        (said[2].replace_time, said[0].replace_time),
        (said[1].write_time, edited.edit_time)
    );
    assert_eq!(edits(&app, &alice, message.id).await, said);
}

// Control: with a deletion that left the edits, they were still listed.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_what_is_deleted() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let message = send(&app, &alice, &bob, "1").await;
    try_edit(&app, &alice, message.id, "2").await.expect("an edit");
    delete(&app, &alice, message.id, DeleteMessageScope::Both).await;
    for user in [&alice, &bob] {
        assert_eq!(edits(&app, user, message.id).await, []);
    }
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_others_there_is_nothing_and_a_bad_page_is_refused() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let message = send(&app, &alice, &bob, "1").await;
    let request = |message_id, page_size| ListMessageEditsRequest {
        message_id,
        page_size,
        page_token: String::new(),
    };
    for id in [message.id, message.id + 1] {
        let refused = refusal(app.messaging(&carol).list_message_edits(request(id, 0)).await);
        assert_eq!(refused.summary(), "NotFound MESSAGE_NOT_FOUND []");
    }
    let refused = refusal(app.messaging(&carol).list_message_edits(request(0, -1)).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [message_id ID_INVALID, page_size PAGE_SIZE_INVALID]"
    );
}
