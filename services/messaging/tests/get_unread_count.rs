use kith_contracts::messaging::v1::{DeleteMessageScope, GetUnreadCountRequest, UnreadCount};
use kith_testkit::TestApp;

use crate::support::{
    conversation, delete, exactly, mark, messages, refusal, send, send_in_bulk, send_many, three, two, unread,
};

const CAPPED: UnreadCount = UnreadCount {
    count: 1000,
    capped: true,
};

#[tokio::test(flavor = "multi_thread")]
async fn unread_is_what_others_have_written_since_the_mark() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let sent = send_many(&app, &alice, &bob, 3).await;
    let other = send(&app, &carol, &bob, "hello").await;
    send(&app, &bob, &alice, "not unread to bob").await;
    assert_eq!(unread(&app, &bob, 0).await, exactly(4));
    mark(&app, &bob, sent[0].id).await;
    for (id, count) in [(0, 3), (sent[0].conversation_id, 2), (other.conversation_id, 1)] {
        assert_eq!(unread(&app, &bob, id).await, exactly(count));
    }
    assert_eq!(unread(&app, &alice, 0).await, exactly(1));
    assert_eq!(unread(&app, &carol, 0).await, exactly(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_is_not_unread() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let sent = send_many(&app, &alice, &bob, 4).await;
    delete(&app, &alice, sent[0].id, DeleteMessageScope::Both).await;
    delete(&app, &bob, sent[1].id, DeleteMessageScope::Caller).await;
    // The sender's own hiding changes nothing for the receiver.
    delete(&app, &alice, sent[2].id, DeleteMessageScope::Caller).await;
    let id = sent[0].conversation_id;
    assert_eq!(unread(&app, &bob, id).await, exactly(2));
    assert_eq!(unread(&app, &bob, 0).await, exactly(2));
    assert_eq!(
        conversation(&app, &bob, &alice).await.unread_count,
        Some(exactly(2))
    );
    let listed = messages(&app, &bob, id).await;
    let listed = listed
        .iter()
        .filter(|message| !message.is_read && message.delete_time.is_none());
    assert_eq!(listed.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_exact_to_a_thousand_and_capped_above() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let last = send_in_bulk(&app, &alice, &bob, 1000).await;
    let id = conversation(&app, &bob, &alice).await.id;
    assert_eq!(
        (unread(&app, &bob, 0).await, unread(&app, &bob, id).await),
        (exactly(1000), exactly(1000))
    );
    send(&app, &carol, &bob, "hello").await;
    assert_eq!(
        (unread(&app, &bob, 0).await, unread(&app, &bob, id).await),
        (CAPPED, exactly(1000))
    );
    let next = send(&app, &alice, &bob, "one more").await;
    assert_eq!(unread(&app, &bob, id).await, CAPPED);
    let ahead = messages(&app, &bob, id).await[50].id;
    assert_eq!(
        (next.seq, mark(&app, &bob, ahead).await.unread_count),
        (last + 1, Some(exactly(50)))
    );
    assert_eq!(unread(&app, &bob, 0).await, exactly(51));
}

#[tokio::test(flavor = "multi_thread")]
async fn others_conversations_are_not_there() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let id = send(&app, &alice, &bob, "hello").await.conversation_id;
    for (conversation_id, summary) in [
        (id, "NotFound CONVERSATION_NOT_FOUND []"),
        (id + 1, "NotFound CONVERSATION_NOT_FOUND []"),
        (-1, "InvalidArgument ID_INVALID [conversation_id ID_INVALID]"),
    ] {
        let request = GetUnreadCountRequest { conversation_id };
        let refused = refusal(app.messaging(&carol).get_unread_count(request).await);
        assert_eq!(refused.summary(), summary);
    }
}
