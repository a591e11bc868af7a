use kith_contracts::messaging::v1::{MuteConversationRequest, UnmuteConversationRequest};
use kith_testkit::TestApp;

use crate::support::{answer, conversation, refusal, send, three, two};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_muted_is_not_any_more_and_twice_is_no_mistake() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let conversation_id = send(&app, &alice, &bob, "hello").await.conversation_id;
    let request = MuteConversationRequest {
        conversation_id,
        ttl: None,
    };
    answer(app.messaging(&bob).mute_conversation(request).await);
    for _ in 0..2 {
        let request = UnmuteConversationRequest { conversation_id };
        let unmuted = answer(app.messaging(&bob).unmute_conversation(request).await);
        let unmuted = unmuted.conversation.expect("a conversation");
        assert_eq!(unmuted.mute, None);
        assert_eq!(unmuted, conversation(&app, &bob, &alice).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn others_conversations_are_not_there() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let id = send(&app, &alice, &bob, "hello").await.conversation_id;
    for (conversation_id, summary) in [
        (id, "NotFound CONVERSATION_NOT_FOUND []"),
        (id + 1, "NotFound CONVERSATION_NOT_FOUND []"),
        (0, "InvalidArgument ID_INVALID [conversation_id ID_INVALID]"),
    ] {
        let request = UnmuteConversationRequest { conversation_id };
        let refused = refusal(app.messaging(&carol).unmute_conversation(request).await);
        assert_eq!(refused.summary(), summary);
    }
}
