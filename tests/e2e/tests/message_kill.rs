//! Messaging is killed in the middle of sends, again and again, and started anew where it was. Whoever got no answer sends
//! again with the same request_id: every message is there once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use kith_client::Channel;
use kith_contracts::messaging::v1::*;
use kith_testkit::{Refusal, TestApp, TestUser, Uncommitted, answer, count, execute};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tonic::Code;
use uuid::Uuid;

use crate::message_storm::people;
use crate::processes::{Messaging, eventually};
use crate::size;

const CALLERS: usize = 16;
/// So few that many wait for each other's conversation.
const PEOPLE: usize = 4;
/// So many messages are acknowledged between two kills.
const BETWEEN: usize = 40;
/// The pause before another attempt.
const PACE: Duration = Duration::from_millis(5);
/// Who commits a message waits for lock 3. By then the server has been told to commit, and does so when the lock is free, whether
/// or not there is still somebody to be answered.
const HOLD_COMMITS: &str = "
    CREATE FUNCTION messaging.hold_up() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(3); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER hold_up AFTER INSERT ON messaging.messages
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION messaging.hold_up()";

/// Messages of which there is another that says the same, as no two requests do.
const DOUBLED: &str = "(SELECT FROM messaging.messages GROUP BY content HAVING count(*) > 1) AS doubled";

/// What a caller was told of its messages, by what they say.
type Acknowledged = BTreeMap<String, SendMessageResponse>;

struct Storm {
    app: TestApp,
    /// Finds the process wherever it is at the time.
    channel: Channel,
    people: Vec<TestUser>,
    acknowledged: AtomicUsize,
    repeated: AtomicUsize,
    is_over: AtomicBool,
}

impl Storm {
    async fn call(&self, caller: usize) -> Acknowledged {
        let mut random = StdRng::seed_from_u64(u64::try_from(caller).expect("small"));
        let mut acknowledged = Acknowledged::new();
        while !self.is_over.load(Ordering::Relaxed) {
            let from = random.random_range(0..PEOPLE);
            let to = (from + random.random_range(1..PEOPLE)) % PEOPLE;
            let request = SendMessageRequest {
                receiver_id: self.people[to].id,
                content: format!("{} of {caller}", acknowledged.len()),
                request_id: Uuid::from_u128(random.random()).to_string(),
            };
            let content = request.content.clone();
            acknowledged.insert(content, self.send(from, request).await);
            self.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        acknowledged
    }

    /// Sends until it is acknowledged. What comes from no service has no reason, whatever its code: there was no answer.
    async fn send(&self, from: usize, request: SendMessageRequest) -> SendMessageResponse {
        loop {
            let mut client = TestApp::messaging_at(&self.channel, &self.people[from]);
            match client.send_message(request.clone()).await {
                Ok(answer) => return answer.into_inner(),
                Err(status) => {
                    let refusal = Refusal::of(&status);
                    let may_repeat = refusal.code == Code::Unavailable || refusal.reason.is_empty();
                    assert!(may_repeat, "{refusal:?}");
                    self.repeated.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(PACE).await;
                }
            }
        }
    }

    async fn some_are_acknowledged(&self) {
        let before = self.acknowledged.load(Ordering::Relaxed);
        eventually("more messages", async || {
            (self.acknowledged.load(Ordering::Relaxed) >= before + BETWEEN).then_some(())
        })
        .await;
    }

    /// Everything in all conversations, as one of each two reads it.
    async fn delivered(&self) -> Vec<Message> {
        let mut delivered = Vec::new();
        for user in &self.people {
            let mut client = self.app.messaging(user);
            let listed = answer(
                client
                    .list_conversations(ListConversationsRequest::default())
                    .await,
            );
            let own = listed.conversations.into_iter();
            for conversation in own.filter(|conversation| user.id < conversation.peer_id) {
                for after_seq in (0..conversation.last_seq).step_by(100) {
                    let request = ListMessagesRequest {
                        conversation_id: conversation.id,
                        after_seq: Some(after_seq),
                        page_size: 100,
                        page_token: String::new(),
                    };
                    delivered.extend(answer(client.list_messages(request).await).messages);
                }
            }
        }
        delivered
    }
}

async fn start() -> (Storm, Messaging) {
    let app = TestApp::start().await;
    let server = Messaging::start(&app).await;
    let storm = Storm {
        channel: server.channel.clone(),
        people: people(&app, PEOPLE).await,
        app,
        acknowledged: AtomicUsize::new(0),
        repeated: AtomicUsize::new(0),
        is_over: AtomicBool::new(false),
    };
    (storm, server)
}

/// The storm after so many kills, and what all callers were told.
async fn killed(kills: usize) -> (Storm, Acknowledged) {
    let (storm, mut server) = start().await;
    let storm = Arc::new(storm);
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let storm = Arc::clone(&storm);
        callers.spawn(async move { storm.call(caller).await });
    }
    for _kill in 0..kills {
        storm.some_are_acknowledged().await;
        server.kill_and_restart(&storm.app).await;
    }
    storm.is_over.store(true, Ordering::Relaxed);
    let acknowledged: Acknowledged = callers.join_all().await.into_iter().flatten().collect();
    let replayed = acknowledged.values().filter(|sent| sent.replayed).count();
    println!(
        "{} messages, {kills} kills, {} requests repeated, {replayed} of them had been sent",
        acknowledged.len(),
        storm.repeated.load(Ordering::Relaxed),
    );
    let storm = Arc::into_inner(storm).expect("the callers are gone");
    (storm, acknowledged)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_message_is_there_once_whenever_the_service_is_killed() {
    let (storm, acknowledged) = killed(size::of(4, 100)).await;
    let delivered = storm.delivered().await;
    assert_eq!(delivered.len(), acknowledged.len());
    let mut next_seqs = BTreeMap::new();
    for message in delivered {
        let sent = acknowledged[&message.content]
            .message
            .as_ref()
            .expect("a message");
        assert_eq!((message.id, message.seq), (sent.id, sent.seq));
        let next_seq = next_seqs.entry(message.conversation_id).or_insert(1);
        assert_eq!(message.seq, *next_seq);
        *next_seq += 1;
    }
    assert_eq!(count(&storm.app, DOUBLED).await, 0);
    storm.app.database.assert_invariants().await;
}

/// What a caller is told who sends until it is answered, when the service is killed between the first commit and its answer. It
/// sends again before that commit is through, and waits for it.
async fn sent_over_a_kill(request_id: String) -> (Storm, SendMessageResponse) {
    let (storm, mut server) = start().await;
    execute(&storm.app, HOLD_COMMITS).await;
    let mut held = Uncommitted::begin(&storm.app, "SELECT pg_advisory_xact_lock(3)").await;
    let request = SendMessageRequest {
        receiver_id: storm.people[1].id,
        content: "hello".to_owned(),
        request_id,
    };
    let (sent, ()) = tokio::join!(storm.send(0, request), async {
        held.until_somebody_waits().await;
        server.kill_and_restart(&storm.app).await;
        held.until_so_many_wait(2).await;
        held.commit().await;
    });
    (storm, sent)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_and_not_acknowledged_is_not_sent_again() {
    let (storm, sent) = Box::pin(sent_over_a_kill(Uuid::from_u128(1).to_string())).await;
    assert!(sent.replayed);
    assert_eq!(count(&storm.app, "messaging.messages").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_request_id_the_same_caller_sends_it_twice() {
    let (storm, sent) = Box::pin(sent_over_a_kill(String::new())).await;
    assert!(!sent.replayed);
    assert_eq!(count(&storm.app, "messaging.messages").await, 2);
    assert_eq!(count(&storm.app, DOUBLED).await, 1);
}
