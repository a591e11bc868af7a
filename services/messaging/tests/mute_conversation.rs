use kith_contracts::messaging::v1::{Conversation, MuteConversationRequest};
use kith_testkit::{TestApp, TestUser};
use prost_types::Duration;

use crate::support::{answer, conversation, exactly, execute, refusal, send, three, two};

/// Mutes for so many seconds, or for good.
async fn mute(app: &TestApp, user: &TestUser, conversation_id: i64, seconds: Option<i64>) -> Conversation {
    let request = MuteConversationRequest {
        conversation_id,
        ttl: seconds.map(|seconds| Duration { seconds, nanos: 0 }),
    };
    let muted = answer(app.messaging(user).mute_conversation(request).await);
    muted.conversation.expect("a conversation")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_is_ones_own_and_messages_still_come_in() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let id = send(&app, &alice, &bob, "1").await.conversation_id;
    let muted = mute(&app, &bob, id, None).await;
    let begun = muted.mute.expect("a mute");
    assert!(begun.create_time.is_some() && begun.expire_time.is_none());
    assert_eq!(conversation(&app, &alice, &bob).await.mute, None);
    send(&app, &alice, &bob, "2").await;
    let later = conversation(&app, &bob, &alice).await;
    assert_eq!((later.mute, later.unread_count), (Some(begun), Some(exactly(2))));
}

// Control: with a beginning that always moves, the longer mute was a new one.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_mute_says_how_long_and_one_that_has_expired_is_none() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let id = send(&app, &alice, &bob, "1").await.conversation_id;
    let first = mute(&app, &bob, id, Some(3600)).await.mute.expect("a mute");
    let longer = mute(&app, &bob, id, Some(7200)).await.mute.expect("a mute");
    assert_eq!(first.create_time, longer.create_time);
    let seconds = |time: Option<prost_types::Timestamp>| time.expect("a time").seconds;
    assert!((3599..3700).contains(&(seconds(longer.expire_time) - seconds(first.expire_time))));
    let expired = "UPDATE messaging.members SET muted_at = now() - interval '2 h', mute_expires_at = now() - interval '1 h'
        WHERE muted_at IS NOT NULL";
    execute(&app, expired).await;
    assert_eq!(conversation(&app, &bob, &alice).await.mute, None);
    let anew = mute(&app, &bob, id, Some(60)).await.mute.expect("a mute");
    assert!(seconds(anew.create_time) >= seconds(first.create_time));
    assert_eq!(seconds(anew.expire_time) - seconds(anew.create_time), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn others_conversations_are_not_there_and_what_is_wrong_is_told_together() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let id = send(&app, &alice, &bob, "hello").await.conversation_id;
    for conversation_id in [id, id + 1] {
        let request = MuteConversationRequest {
            conversation_id,
            ttl: None,
        };
        let refused = refusal(app.messaging(&carol).mute_conversation(request).await);
        assert_eq!(refused.summary(), "NotFound CONVERSATION_NOT_FOUND []");
    }
    let request = MuteConversationRequest {
        conversation_id: 0,
        ttl: Some(Duration { seconds: 0, nanos: 0 }),
    };
    let refused = refusal(app.messaging(&carol).mute_conversation(request).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [conversation_id ID_INVALID, ttl DURATION_INVALID]"
    );
}
