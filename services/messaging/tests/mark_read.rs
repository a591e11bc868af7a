use std::sync::Arc;

use kith_contracts::messaging::v1::{DeleteMessageScope, MarkReadRequest};
use kith_testkit::{TestApp, Uncommitted};
use tokio::task::JoinSet;

use crate::support::{
    answer, block, conversation, delete, exactly, execute, mark, messages, refusal, send, send_many, three,
    two, unblock,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_reads_a_message_and_all_before_it_and_counts_the_rest() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let sent = send_many(&app, &alice, &bob, 3).await;
    let marked = mark(&app, &bob, sent[1].id).await;
    assert_eq!(
        (marked.conversation_id, marked.read_seq),
        (sent[0].conversation_id, 2)
    );
    assert_eq!(marked.unread_count, Some(exactly(1)));
    for user in [&alice, &bob] {
        let seen = messages(&app, user, marked.conversation_id).await;
        let read: Vec<bool> = seen.iter().map(|message| message.is_read).collect();
        assert_eq!(read, [false, true, true]);
    }
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_never_moves_back() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let sent = send_many(&app, &alice, &bob, 3).await;
    for (id, unread) in [(sent[2].id, 0), (sent[0].id, 0), (sent[2].id, 0)] {
        let marked = mark(&app, &bob, id).await;
        assert_eq!((marked.read_seq, marked.unread_count), (3, Some(exactly(unread))));
    }
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn up_to_ones_own_message_reads_what_came_before_it() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    send_many(&app, &alice, &bob, 2).await;
    let own = send(&app, &bob, &alice, "3").await;
    send(&app, &alice, &bob, "4").await;
    assert_eq!(mark(&app, &bob, own.id).await.unread_count, Some(exactly(1)));
    assert_eq!(
        conversation(&app, &alice, &bob).await.unread_count,
        Some(exactly(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_for_both_can_be_marked_and_what_is_hidden_is_not_there() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = three(&app).await;
    let sent = send_many(&app, &alice, &bob, 2).await;
    delete(&app, &alice, sent[0].id, DeleteMessageScope::Both).await;
    assert_eq!(mark(&app, &bob, sent[0].id).await.read_seq, 1);
    delete(&app, &bob, sent[1].id, DeleteMessageScope::Caller).await;
    for (user, message_id) in [(&bob, sent[1].id), (&carol, sent[0].id), (&carol, i64::MAX)] {
        let refused = refusal(
            app.messaging(user)
                .mark_read(MarkReadRequest { message_id })
                .await,
        );
        assert_eq!(refused.summary(), "NotFound MESSAGE_NOT_FOUND []");
    }
    let refused = refusal(
        app.messaging(&bob)
            .mark_read(MarkReadRequest { message_id: 0 })
            .await,
    );
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [message_id ID_INVALID]"
    );
}

// Control: without the blocks in the statement that marks, the sender saw it at once.
#[tokio::test(flavor = "multi_thread")]
async fn behind_a_block_the_reader_reads_and_the_sender_does_not_learn_of_it() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let sent = send_many(&app, &alice, &bob, 2).await;
    let id = sent[0].conversation_id;
    for (blocker, blocked) in [(&alice, &bob), (&bob, &alice)] {
        block(&app, blocker, blocked).await;
        assert_eq!(mark(&app, &bob, sent[1].id).await.unread_count, Some(exactly(0)));
        assert!(
            messages(&app, &bob, id)
                .await
                .iter()
                .all(|message| message.is_read)
        );
        assert!(
            !messages(&app, &alice, id)
                .await
                .iter()
                .any(|message| message.is_read)
        );
        unblock(&app, blocker, blocked).await;
    }
    // To mark again is to tell.
    mark(&app, &bob, sent[0].id).await;
    let read = messages(&app, &alice, id).await;
    assert_eq!((read[0].is_read, read[1].is_read), (false, true));
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_at_once_end_at_the_highest() {
    let app = Arc::new(TestApp::start().await);
    let (alice, bob) = two(&app).await;
    let sent = send_many(&app, &alice, &bob, 16).await;
    let mut marks = JoinSet::new();
    for message in sent {
        let (app, bob) = (Arc::clone(&app), bob.clone());
        marks.spawn(async move {
            let marked = mark(&app, &bob, message.id).await;
            assert!(marked.read_seq >= message.seq);
            marked.unread_count.expect("a count").count + i32::try_from(message.seq).expect("a small seq")
        });
    }
    assert!(marks.join_all().await.into_iter().all(|sum| sum <= 16));
    assert_eq!(
        conversation(&app, &bob, &alice).await.unread_count,
        Some(exactly(0))
    );
}

// Control: counted by the snapshot of the mark's own statement, the message that came meanwhile was missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_while_the_mark_waits_is_counted() {
    let app = Arc::new(TestApp::start().await);
    let (alice, bob) = two(&app).await;
    let first = send(&app, &alice, &bob, "1").await;
    let sending = "UPDATE messaging.conversations SET last_seq = 2, active_at = now();
        INSERT INTO messaging.messages (conversation_id, seq, sender_id, receiver_id, content)
            SELECT conversation_id, 2, sender_id, receiver_id, '2' FROM messaging.messages;
        UPDATE messaging.members SET received_seq = 2 WHERE received_seq = 1";
    let sending = Uncommitted::begin(&app, sending).await;
    let marking = {
        let (app, bob) = (Arc::clone(&app), bob.clone());
        tokio::spawn(async move { mark(&app, &bob, first.id).await })
    };
    sending.commit_under_a_waiting_call().await;
    assert_eq!(marking.await.expect("a mark").unread_count, Some(exactly(1)));
    app.database.assert_invariants().await;
    answer(
        app.messaging(&bob)
            .mark_read(MarkReadRequest { message_id: first.id })
            .await,
    );
}

/// Whoever marks is overtaken by a deletion, right after its mark.
const GOES: &str = "
    CREATE FUNCTION messaging.go() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
        $$ BEGIN DELETE FROM messaging.conversations; RETURN NULL; END $$;
    CREATE TRIGGER go AFTER UPDATE ON messaging.members FOR EACH STATEMENT EXECUTE FUNCTION messaging.go()";

// Control: without a word for it, the count told CONVERSATION_NOT_FOUND, which the contract does not name.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_goes_while_it_is_marked_is_not_found() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let message_id = send(&app, &alice, &bob, "hello").await.id;
    execute(&app, GOES).await;
    let marking = app
        .messaging(&bob)
        .mark_read(MarkReadRequest { message_id })
        .await;
    assert_eq!(refusal(marking).summary(), "NotFound MESSAGE_NOT_FOUND []");
}
