//! Messaging is killed in the middle of sends, again and again, and started anew where it was. Whoever got no answer sends
//! again with the same request_id: every message is there once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kith_client::Channel;
use kith_contracts::messaging::v1::*;
use kith_testkit::{Refusal, TestApp, TestUser, answer, count};
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
/// What breaks by chance gets as many rounds as it takes, and at most this long.
const PATIENCE: Duration = Duration::from_secs(120);

/// Messages of which there is another that says the same, as no two requests do.
const DOUBLED: &str = "(SELECT FROM messaging.messages GROUP BY content HAVING count(*) > 1) AS doubled";

/// What a caller was told of its messages, by what they say.
type Acknowledged = BTreeMap<String, SendMessageResponse>;

struct Storm {
    app: TestApp,
    /// Finds the process wherever it is at the time.
    channel: Channel,
    people: Vec<TestUser>,
    /// Whether requests have an id.
    has_ids: bool,
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
            let request_id = Uuid::from_u128(random.random()).to_string();
            let request = SendMessageRequest {
                receiver_id: self.people[to].id,
                content: format!("{} of {caller}", acknowledged.len()),
                request_id: if self.has_ids { request_id } else { String::new() },
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

/// Kills until it is enough; the storm after it, and what all callers were told.
async fn storm(has_ids: bool, is_enough: impl AsyncFn(&Storm, usize) -> bool) -> (Storm, Acknowledged) {
    let app = TestApp::start().await;
    let mut server = Messaging::start(&app).await;
    let storm = Arc::new(Storm {
        channel: server.channel.clone(),
        people: people(&app, PEOPLE).await,
        app,
        has_ids,
        acknowledged: AtomicUsize::new(0),
        repeated: AtomicUsize::new(0),
        is_over: AtomicBool::new(false),
    });
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let storm = Arc::clone(&storm);
        callers.spawn(async move { storm.call(caller).await });
    }
    let mut kills = 0;
    while !is_enough(&storm, kills).await {
        storm.some_are_acknowledged().await;
        server.kill_and_restart(&storm.app).await;
        kills += 1;
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
    let (storm, acknowledged) = storm(true, async |_, kills| kills == size::of(4, 100)).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn without_request_ids_the_same_callers_send_some_twice() {
    let began = Instant::now();
    let is_enough = async |storm: &Storm, kills| {
        assert!(began.elapsed() < PATIENCE, "none was doubled in {kills} kills");
        count(&storm.app, DOUBLED).await > 0
    };
    storm(false, is_enough).await;
}
