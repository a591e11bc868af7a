use std::sync::Arc;

use kith_contracts::messaging::v1::{
    AcceptedSenders, DeleteMessageScope, GetMessageRequest, SendMessageRequest,
};
use kith_contracts::social_graph::v1::{
    CheckInteractionRequest, Interaction, InteractionAction, InteractionDecision,
};
use kith_testkit::{Refusal, TestApp, TestUser, Uncommitted, count};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::{
    accept, answer, befriend, block, contents, conversation, deactivate, delete, delete_user, exactly,
    execute, follow, messages, refusal, send, send_many, three, try_edit, try_send, two, unread,
};

const ID: &str = "8c1f7f0e-6b0e-4bb6-9b5e-0a4c3c0f7d11";

#[tokio::test(flavor = "multi_thread")]
async fn the_first_message_makes_the_conversation() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let content = "\u{1f600}".repeat(4000);
    let message = send(&app, &alice, &bob, &content).await;
    assert_eq!((message.sender_id, message.receiver_id), (alice.id, bob.id));
    assert_eq!((message.seq, message.content.as_str()), (1, content.as_str()));
    assert!(message.id > 0 && message.create_time.is_some() && !message.is_read);
    assert!(message.edit_time.is_none() && message.delete_time.is_none());
    let (own, other) = (
        conversation(&app, &alice, &bob).await,
        conversation(&app, &bob, &alice).await,
    );
    assert_eq!(
        (own.id, other.id),
        (message.conversation_id, message.conversation_id)
    );
    assert_eq!(
        (own.unread_count, other.unread_count),
        (Some(exactly(0)), Some(exactly(1)))
    );
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_write_into_one_conversation_and_learn_what_they_have_not_read() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    send_many(&app, &alice, &bob, 2).await;
    let sent = answer(try_send(&app, &bob, &alice, "3", "").await);
    assert_eq!(sent.unread_count, Some(exactly(2)));
    let message = sent.message.expect("a message");
    assert_eq!(message.seq, 3);
    for user in [&alice, &bob] {
        assert_eq!(
            contents(&messages(&app, user, message.conversation_id).await),
            ["3", "2", "1"]
        );
    }
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_together() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let request = SendMessageRequest {
        receiver_id: 0,
        content: " \u{2003}".to_owned(),
        request_id: "1".to_owned(),
    };
    let refused = refusal(app.messaging(&alice).send_message(request).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [receiver_id ID_INVALID, content FIELD_REQUIRED, request_id FIELD_MALFORMED]"
    );
    let refused = refusal(try_send(&app, &bob, &bob, "hello", "").await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument SELF_MESSAGE [receiver_id SELF_MESSAGE]"
    );
    assert_eq!(count(&app, "messaging.conversations").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_to_nobody_or_to_the_deactivated() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    delete_user(&app, &carol).await;
    let missing = refusal(try_send(&app, &alice, &carol, "hello", ID).await);
    assert_eq!(missing.summary(), "NotFound USER_NOT_FOUND []");
    let gone = refusal(try_send(&app, &carol, &alice, "hello", ID).await);
    assert_eq!(gone.summary(), "NotFound USER_NOT_FOUND []");
    deactivate(&app, &bob).await;
    for (from, to) in [(&alice, &bob), (&bob, &alice)] {
        let refused = refusal(try_send(&app, from, to, "hello", ID).await);
        assert_eq!(refused.summary(), "FailedPrecondition USER_INACTIVE []");
    }
    // What was refused leaves nothing: not even a request that were taken.
    assert_eq!(count(&app, "messaging.conversations").await, 0);
    assert_eq!(count(&app, "messaging.requests").await, 0);
}

// Control: without the look for the request, the repetition was told of the block.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_again_sends_nothing_again() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let first = answer(try_send(&app, &alice, &bob, "hello", ID).await);
    assert!(!first.replayed);
    let message = first.message.expect("a message");
    try_edit(&app, &alice, message.id, "hello!")
        .await
        .expect("an edit");
    // Replays come before any policy.
    block(&app, &bob, &alice).await;
    accept(&app, &bob, AcceptedSenders::Friends).await;
    let again = answer(try_send(&app, &alice, &bob, "hello", ID).await);
    assert!(again.replayed);
    let replayed = again.message.expect("a message");
    assert_eq!((replayed.id, replayed.content.as_str()), (message.id, "hello!"));
    assert_eq!(count(&app, "messaging.messages").await, 1);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_is_for_one_request_of_one_user() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    answer(try_send(&app, &alice, &bob, "hello", ID).await);
    for (to, content) in [(&bob, "hello!"), (&carol, "hello")] {
        let refused = refusal(try_send(&app, &alice, to, content, ID).await);
        assert_eq!(refused.summary(), "FailedPrecondition REQUEST_ID_REUSED []");
    }
    let others = answer(try_send(&app, &bob, &alice, "hello", &ID.to_uppercase()).await);
    assert!(!others.replayed);
    assert_eq!(count(&app, "messaging.conversations").await, 1);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_been_deleted_is_not_sent_again() {
    for scope in [DeleteMessageScope::Both, DeleteMessageScope::Caller] {
        let app = TestApp::start().await;
        let (alice, bob) = two(&app).await;
        let message = answer(try_send(&app, &alice, &bob, "hello", ID).await).message;
        delete(&app, &alice, message.expect("a message").id, scope).await;
        let refused = refusal(try_send(&app, &alice, &bob, "hello", ID).await);
        assert_eq!(refused.summary(), "NotFound RESOURCE_DELETED []");
        delete_user(&app, &bob).await;
        let refused = refusal(try_send(&app, &alice, &bob, "hello", ID).await);
        assert_eq!(refused.summary(), "NotFound RESOURCE_DELETED []");
        assert_eq!(count(&app, "messaging.messages").await, 0);
        app.database.assert_invariants().await;
    }
}

/// Callers that are released together. How many were told that they had sent it, and how many that somebody had.
async fn at_once(
    app: &Arc<TestApp>,
    calls: Vec<(TestUser, TestUser, String)>,
) -> (usize, usize, Vec<Refusal>) {
    let barrier = Arc::new(Barrier::new(calls.len()));
    let mut tasks = JoinSet::new();
    for (from, to, request_id) in calls {
        let (app, barrier) = (Arc::clone(app), Arc::clone(&barrier));
        tasks.spawn(async move {
            barrier.wait().await;
            try_send(&app, &from, &to, "hello", &request_id).await
        });
    }
    let (mut sent, mut replayed, mut refused) = (0, 0, Vec::new());
    for outcome in tasks.join_all().await {
        match outcome {
            Ok(answer) if answer.get_ref().replayed => replayed += 1,
            Ok(_) => sent += 1,
            Err(status) => refused.push(Refusal::of(&status)),
        }
    }
    (sent, replayed, refused)
}

// Control: without the lock on the conversation, which nobody but one gets, seven were told REQUEST_ID_REUSED.
#[tokio::test(flavor = "multi_thread")]
async fn of_one_request_sent_many_times_at_once_exactly_one_sends() {
    let app = Arc::new(TestApp::start().await);
    let (alice, bob) = two(&app).await;
    send(&app, &bob, &alice, "hello").await;
    let mut holder = Uncommitted::begin(&app, HOLD).await;
    let calls = {
        let (app, calls) = (Arc::clone(&app), vec![(alice, bob, ID.to_owned()); 8]);
        tokio::spawn(async move { at_once(&app, calls).await })
    };
    holder.until_so_many_wait(8).await;
    holder.commit().await;
    let (sent, replayed, refused) = calls.await.expect("calls");
    assert_eq!((sent, replayed, refused.len()), (1, 7, 0), "{refused:?}");
    assert_eq!(count(&app, "messaging.messages").await, 2);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_request_id_to_two_users_at_once_one_is_refused() {
    let app = Arc::new(TestApp::start().await);
    let (alice, bob, carol) = three(&app).await;
    for round in 0..10_u8 {
        let id = uuid(round);
        let calls = vec![
            (alice.clone(), bob.clone(), id.clone()),
            (alice.clone(), carol.clone(), id),
        ];
        let (sent, replayed, refused) = at_once(&app, calls).await;
        assert_eq!((sent, replayed, refused.len()), (1, 0, 1));
        assert_eq!(refused[0].reason, "REQUEST_ID_REUSED");
    }
    app.database.assert_invariants().await;
}

fn uuid(round: u8) -> String {
    format!("8c1f7f0e-6b0e-4bb6-9b5e-0a4c3c0f7d{round:02x}")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_write_to_each_other_for_the_first_time_at_once_get_one_conversation() {
    let app = Arc::new(TestApp::start().await);
    let (alice, bob) = two(&app).await;
    let pairs = [(&alice, &bob), (&bob, &alice)].repeat(4);
    let calls = pairs
        .into_iter()
        .map(|(from, to)| (from.clone(), to.clone(), String::new()));
    let (sent, _, refused) = at_once(&app, calls.collect()).await;
    assert_eq!((sent, refused.len()), (8, 0), "{refused:?}");
    assert_eq!(conversation(&app, &alice, &bob).await.last_seq, 8);
    app.database.assert_invariants().await;
}

async fn check(app: &TestApp, from: &TestUser, to: &TestUser) -> InteractionDecision {
    let request = CheckInteractionRequest {
        interaction: Some(Interaction {
            actor_id: from.id,
            target_id: to.id,
            action: InteractionAction::Message.into(),
        }),
    };
    let answer = answer(app.social_graph(from).check_interaction(request).await);
    answer.decision.expect("a decision")
}

/// What social-graph foretells, and what the attempt comes to: the same in every detail.
async fn foretold_and_done(app: &TestApp, from: &TestUser, to: &TestUser) -> Option<Refusal> {
    let foretold = check(app, from, to).await.denial;
    let done = try_send(app, from, to, "hello", "").await.err();
    let (foretold, done) = (
        foretold.as_ref().map(Refusal::of_item),
        done.as_ref().map(Refusal::of),
    );
    assert_eq!(foretold, done);
    done
}

// Control: with everyone in the place of the setting, the check refused and the write did not.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_foretold_is_what_comes_for_every_setting_and_relationship() {
    use AcceptedSenders::{Everyone, Followers, Friends};
    let app = TestApp::start().await;
    let users = app
        .users(&["stranger", "follower", "followed", "friend", "to"])
        .await;
    let [stranger, follower, followed, friend, to] = users.try_into().expect("five users");
    follow(&app, &follower, &to).await;
    follow(&app, &to, &followed).await;
    befriend(&app, &friend, &to).await;
    for (senders, may) in [
        (Everyone, [true, true, true, true]),
        (Followers, [false, true, false, true]),
        (Friends, [false, false, false, true]),
    ] {
        accept(&app, &to, senders).await;
        let mut might = Vec::new();
        for from in [&stranger, &follower, &followed, &friend] {
            might.push(foretold_and_done(&app, from, &to).await.is_none());
        }
        assert_eq!(might, may, "{senders:?}");
    }
    deactivate(&app, &to).await;
    assert!(foretold_and_done(&app, &friend, &to).await.is_some());
    delete_user(&app, &to).await;
    assert!(foretold_and_done(&app, &friend, &to).await.is_some());
    assert!(foretold_and_done(&app, &friend, &friend).await.is_some());
}

// Control: where `friends` was named and nothing stood for the rest, everybody could write.
#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_only_a_later_version_knows_lets_in_friends_alone() {
    let app = TestApp::start().await;
    let (stranger, friend, to) = three(&app).await;
    befriend(&app, &friend, &to).await;
    let later = format!(
        "ALTER TABLE messaging.settings DROP CONSTRAINT messaging_settings_accepted_senders_known;
        INSERT INTO messaging.settings VALUES ({}, 'nobody')",
        to.id
    );
    execute(&app, &later).await;
    assert!(foretold_and_done(&app, &friend, &to).await.is_none());
    assert!(foretold_and_done(&app, &stranger, &to).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_and_a_setting_refuse_in_the_same_words_both_ways_the_block() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    accept(&app, &carol, AcceptedSenders::Friends).await;
    block(&app, &bob, &alice).await;
    let mut refusals = Vec::new();
    for (from, to) in [(&alice, &bob), (&bob, &alice), (&alice, &carol)] {
        let refused = foretold_and_done(&app, from, to).await.expect("a refusal");
        assert_eq!(refused.summary(), "PermissionDenied INTERACTION_NOT_ALLOWED []");
        refusals.push(refused);
    }
    refusals.dedup();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert_eq!(count(&app, "messaging.conversations").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn history_stays_readable_to_both_behind_a_block() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let message = send(&app, &alice, &bob, "hello").await;
    block(&app, &bob, &alice).await;
    for user in [&alice, &bob] {
        let request = GetMessageRequest {
            message_id: message.id,
        };
        answer(app.messaging(user).get_message(request).await);
        assert_eq!(messages(&app, user, message.conversation_id).await.len(), 1);
    }
    assert_eq!(unread(&app, &bob, message.conversation_id).await, exactly(1));
}

/// Holds the lock of the only conversation, as a sender does.
const HOLD: &str = "SELECT id FROM messaging.conversations FOR NO KEY UPDATE";

// Control: without the lock nobody waited, and the message was there before the block.
#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_comes_while_a_sender_waits_is_seen() {
    let app = Arc::new(TestApp::start().await);
    let (alice, bob) = two(&app).await;
    send(&app, &alice, &bob, "hello").await;
    let mut holder = Uncommitted::begin(&app, HOLD).await;
    let sender = {
        let (app, alice, bob) = (Arc::clone(&app), alice.clone(), bob.clone());
        tokio::spawn(async move { try_send(&app, &alice, &bob, "too late", "").await })
    };
    holder.until_somebody_waits().await;
    block(&app, &bob, &alice).await;
    holder.commit().await;
    let refused = refusal(sender.await.expect("a call"));
    assert_eq!(refused.reason, "INTERACTION_NOT_ALLOWED");
    app.database.assert_invariants().await;
}
