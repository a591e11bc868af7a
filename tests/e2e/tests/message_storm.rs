//! Callers who send to each other at random at the same moment, over two processes, while some commits take their time: in
//! every conversation there is no gap and no doubled message, and whoever pages forward meanwhile misses nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use kith_client::Channel;
use kith_contracts::messaging::v1::*;
use kith_testkit::{Refusal, TestApp, TestUser, Uncommitted, answer, count, execute};
use prost_types::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::processes::Messaging;
use crate::rows::unique;
use crate::size;

const CALLERS: usize = 64;
const READERS: usize = 4;
/// Each between a person and the next, and the last and the first.
const CONVERSATIONS: usize = 1000;
/// Of the conversations, as many get a third of all messages.
const HOT: usize = 10;
/// What is told of unread messages, at most.
const UNREAD_MAX: usize = 1000;
/// The pause of a reader between two looks, which leaves the callers some time.
const PACE: Duration = Duration::from_millis(10);

/// 1 % of all commits of messages take up to half a second longer, under the lock of their conversation. How many did is
/// counted by a sequence, which no transaction holds back.
const SLOW_COMMITS: &str = "
    CREATE SEQUENCE messaging.dawdled;
    CREATE FUNCTION messaging.dawdle() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
            IF random() < 0.01 THEN
                PERFORM nextval('messaging.dawdled'), pg_sleep(random() * 0.5);
            END IF;
            RETURN NULL;
        END
    $$;
    CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON messaging.messages
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION messaging.dawdle()";

/// Messages whose transactions began before the one before them had: a cursor on created_at may skip each.
const EARLIER_THAN_THE_ONE_BEFORE: &str = "(
    SELECT created_at < lag(created_at) OVER (PARTITION BY conversation_id ORDER BY seq) AS is_earlier
    FROM messaging.messages) AS sent WHERE is_earlier";

/// A message that its sender was told of.
struct Sent {
    place: usize,
    seq: i64,
    id: i64,
}

/// What was sent by one caller, and how often it had to be sent again.
#[derive(Default)]
struct Told {
    sent: Vec<Sent>,
    again: usize,
}

/// One user's side of a conversation, as a reader gets to know it.
struct Side {
    place: usize,
    person: usize,
    /// Id and sender of the messages, of which the first has seq 1, the next one 2, and so on.
    messages: Vec<(i64, i64)>,
    read_seq: i64,
}

struct Storm {
    app: TestApp,
    servers: [Messaging; 2],
    people: Vec<TestUser>,
    /// The ids of the conversations; 0 until the first message.
    conversations: Vec<AtomicI64>,
    is_over: AtomicBool,
}

/// New users, many at a time.
pub(crate) async fn people(app: &TestApp, count: usize) -> Vec<TestUser> {
    let names: Vec<String> = (0..count).map(|_| unique("storm")).collect();
    let mut people = Vec::new();
    for names in names.chunks(100) {
        people.extend(
            app.users(&names.iter().map(String::as_str).collect::<Vec<_>>())
                .await,
        );
    }
    people
}

impl Storm {
    async fn start() -> Self {
        let app = TestApp::start().await;
        execute(&app, SLOW_COMMITS).await;
        Self {
            servers: [Messaging::start(&app).await, Messaging::start(&app).await],
            people: people(&app, CONVERSATIONS).await,
            app,
            conversations: (0..CONVERSATIONS).map(|_| AtomicI64::new(0)).collect(),
            is_over: AtomicBool::new(false),
        }
    }

    /// With a new token: a storm may outlast it.
    fn signed_in(&self, person: usize) -> TestUser {
        let person = &self.people[person];
        self.app.signed_in(person.id, &person.username)
    }

    fn server(&self, random: &mut StdRng) -> &Channel {
        &self.servers[random.random_range(0..self.servers.len())].channel
    }

    async fn call(&self, caller: usize, steps: usize) -> Told {
        let mut random = StdRng::seed_from_u64(u64::try_from(caller).expect("small"));
        let mut told = Told::default();
        for step in 0..steps {
            let place = match random.random_bool(0.3) {
                true => random.random_range(0..HOT),
                false => random.random_range(0..CONVERSATIONS),
            };
            let content = format!("{step} of {caller}");
            self.send(place, content, &mut random, &mut told).await;
        }
        told
    }

    /// Sends a message, and sends it again, with the same request_id, while it is not known what came of it.
    async fn send(&self, place: usize, content: String, random: &mut StdRng, told: &mut Told) {
        let (from, to) = sides(place, random.random_bool(0.5));
        let request = SendMessageRequest {
            receiver_id: self.people[to].id,
            content,
            request_id: Uuid::from_u128(random.random()).to_string(),
        };
        loop {
            let mut client = TestApp::messaging_at(self.server(random), &self.signed_in(from));
            match client.send_message(request.clone()).await {
                Ok(answer) => {
                    let message = answer.into_inner().message.expect("a message");
                    self.conversations[place].store(message.conversation_id, Ordering::Relaxed);
                    told.sent.push(Sent {
                        place,
                        seq: message.seq,
                        id: message.id,
                    });
                    return;
                }
                Err(status) => {
                    assert_unanswered(&status);
                    told.again += 1;
                }
            }
        }
    }

    /// Follows its share of all sides until the storm is over, and then to their ends; half of its looks are at hot ones.
    async fn follow(&self, reader: usize) -> Vec<Side> {
        let mut random = StdRng::seed_from_u64(1_000_000 + u64::try_from(reader).expect("small"));
        let mine = |place: &usize| place % READERS == reader;
        let both = |place| {
            [false, true].map(|other| Side {
                place,
                person: sides(place, other).0,
                messages: Vec::new(),
                read_seq: 0,
            })
        };
        let mut followed: Vec<Side> = (0..CONVERSATIONS).filter(mine).flat_map(both).collect();
        let hot = followed.iter().filter(|side| side.place < HOT).count();
        while !self.is_over.load(Ordering::Relaxed) {
            let among = if random.random_bool(0.5) {
                hot
            } else {
                followed.len()
            };
            let side = &mut followed[random.random_range(0..among)];
            self.read_on(side, &mut random).await;
            if random.random_bool(0.1) {
                self.mark(side, &mut random).await;
            }
            tokio::time::sleep(PACE).await;
        }
        for side in &mut followed {
            self.read_on(side, &mut random).await;
        }
        followed
    }

    /// Pages forward to the end of what there is. The next one is always the one after the last: none is missing, none comes
    /// twice.
    async fn read_on(&self, side: &mut Side, random: &mut StdRng) {
        let conversation_id = self.conversation_id(side.place);
        let mut more = conversation_id > 0;
        while more {
            let request = ListMessagesRequest {
                conversation_id,
                after_seq: Some(last_seq(side)),
                page_size: 100,
                page_token: String::new(),
            };
            let mut client = TestApp::messaging_at(self.server(random), &self.signed_in(side.person));
            let page = match client.list_messages(request).await {
                Ok(page) => page.into_inner(),
                Err(status) => {
                    assert_unanswered(&status);
                    continue;
                }
            };
            for message in page.messages {
                assert_eq!(message.seq, last_seq(side) + 1, "of {conversation_id}");
                side.messages.push((message.id, message.sender_id));
            }
            more = !page.next_page_token.is_empty();
        }
    }

    /// Marks the last message that there is to mark. Nobody else marks any for this user.
    async fn mark(&self, side: &mut Side, random: &mut StdRng) {
        let Some(&(message_id, _)) = side.messages.last() else {
            return;
        };
        let marked = loop {
            let mut client = TestApp::messaging_at(self.server(random), &self.signed_in(side.person));
            match client.mark_read(MarkReadRequest { message_id }).await {
                Ok(marked) => break marked.into_inner(),
                Err(status) => assert_unanswered(&status),
            }
        };
        side.read_seq = last_seq(side);
        assert_eq!(marked.read_seq, side.read_seq);
    }

    /// Asserts that both users of each conversation have got what was sent, all of it, once, and in the same order.
    fn assert_delivered(&self, sides: &[Side], told: &[Told]) {
        for both in sides.chunks_exact(2) {
            assert!(both[0].messages == both[1].messages, "place {}", both[0].place);
        }
        let mut delivered: Vec<&[(i64, i64)]> = vec![&[]; CONVERSATIONS];
        for side in sides {
            delivered[side.place] = &side.messages;
        }
        let sent = || told.iter().flat_map(|told| &told.sent);
        for message in sent() {
            let index = usize::try_from(message.seq - 1).expect("a seq");
            assert_eq!(delivered[message.place][index].0, message.id);
        }
        let messages: usize = delivered.iter().map(|messages| messages.len()).sum();
        assert_eq!(messages, sent().count());
    }

    /// Asserts that users are told of as many unread messages as they have got and not marked: each user in a full storm,
    /// and in the suite each tenth.
    async fn assert_counted(&self, sides: &[Side]) {
        for person in (0..self.people.len()).step_by(size::of(10, 1)) {
            let own = sides.iter().filter(|side| side.person == person);
            let own: Vec<&Side> = own.filter(|side| !side.messages.is_empty()).collect();
            let mut client = TestApp::messaging_at(&self.servers[0].channel, &self.signed_in(person));
            let listed = answer(
                client
                    .list_conversations(ListConversationsRequest::default())
                    .await,
            );
            assert_eq!(listed.conversations.len(), own.len());
            for conversation in listed.conversations {
                let is_listed = |side: &&&Side| self.conversation_id(side.place) == conversation.id;
                let side = own.iter().find(is_listed).expect("a side of the user's");
                assert_eq!(conversation.unread_count, Some(told_of(self.unread(side))));
                assert_eq!(conversation.read_seq, side.read_seq);
                assert_eq!(conversation.last_seq, last_seq(side));
            }
            let total = own.iter().map(|side| self.unread(side)).sum();
            let counted = answer(client.get_unread_count(GetUnreadCountRequest::default()).await);
            assert_eq!(counted.unread_count, Some(told_of(total)));
        }
    }

    fn unread(&self, side: &Side) -> usize {
        let read = usize::try_from(side.read_seq).expect("small");
        let later = side.messages[read..].iter();
        later
            .filter(|(_, sender_id)| *sender_id != self.people[side.person].id)
            .count()
    }

    /// 0 until the first message.
    fn conversation_id(&self, place: usize) -> i64 {
        self.conversations[place].load(Ordering::Relaxed)
    }
}

/// Who sends, and to whom.
fn sides(place: usize, is_back: bool) -> (usize, usize) {
    let next = (place + 1) % CONVERSATIONS;
    if is_back { (next, place) } else { (place, next) }
}

/// Asserts that it is not known what came of a call, or nothing did: a machine may be too busy to keep a connection alive, or
/// to give a turn to a transaction in time. Nothing else may be wrong.
fn assert_unanswered(status: &Status) {
    let refusal = Refusal::of(status);
    let known = ["", "DATABASE_UNAVAILABLE", "OUTCOME_UNKNOWN"];
    let is_unanswered = refusal.code == Code::Unavailable && known.contains(&refusal.reason.as_str());
    assert!(is_unanswered, "{refusal:?}");
}

fn last_seq(side: &Side) -> i64 {
    i64::try_from(side.messages.len()).expect("small")
}

fn told_of(unread: usize) -> UnreadCount {
    UnreadCount {
        count: i32::try_from(unread.min(UNREAD_MAX)).expect("small"),
        capped: unread > UNREAD_MAX,
    }
}

/// 1,000,000 messages; in the suite a hundredth of it.
// Control: the next test, and see `message_model` for counts.
#[tokio::test(flavor = "multi_thread")]
async fn no_message_is_missed_or_doubled_however_late_its_commit_is() {
    let storm = Arc::new(Storm::start().await);
    let (began, steps) = (Instant::now(), size::of(157, 1_000_000 / CALLERS));
    let (mut readers, mut callers) = (JoinSet::new(), JoinSet::new());
    for reader in 0..READERS {
        let storm = Arc::clone(&storm);
        readers.spawn(async move { storm.follow(reader).await });
    }
    for caller in 0..CALLERS {
        let storm = Arc::clone(&storm);
        callers.spawn(async move { storm.call(caller, steps).await });
    }
    let told = callers.join_all().await;
    let took = began.elapsed();
    storm.is_over.store(true, Ordering::Relaxed);
    let sides: Vec<Side> = readers.join_all().await.into_iter().flatten().collect();

    storm.assert_delivered(&sides, &told);
    storm.assert_counted(&sides).await;
    storm.app.database.assert_invariants().await;
    let again: usize = told.iter().map(|told| told.again).sum();
    let messages = count(&storm.app, "messaging.messages").await;
    let dawdled = count(
        &storm.app,
        "generate_series(1, (SELECT last_value FROM messaging.dawdled))",
    )
    .await;
    let earlier = count(&storm.app, EARLIER_THAN_THE_ONE_BEFORE).await;
    println!(
        "{messages} messages in {took:.1?}, {dawdled} commits delayed, {again} requests repeated, {earlier} messages began \
        before the one before them"
    );
    let Storm { mut app, servers, .. } = Arc::into_inner(storm).expect("the callers are gone");
    drop(servers);
    app.shut_down().await;
    assert_eq!(app.database.deadlocks().await, 0);
}

/// Holds up whoever comes first, between the begin of its transaction and the lock of the conversation, for as long as the
/// test holds the second of these locks. Others pass.
const HOLD_UP: &str = "
    CREATE FUNCTION messaging.hold_up() RETURNS boolean LANGUAGE plpgsql AS $$
        BEGIN
            IF pg_try_advisory_xact_lock(1) THEN
                PERFORM pg_advisory_xact_lock(2);
            END IF;
            RETURN true;
        END
    $$;
    GRANT EXECUTE ON FUNCTION messaging.hold_up() TO PUBLIC;
    ALTER TABLE messaging.conversations ENABLE ROW LEVEL SECURITY;
    CREATE POLICY hold_up ON messaging.conversations USING (messaging.hold_up())";

async fn send(channel: Channel, from: TestUser, to: TestUser, content: &str) -> Message {
    let request = SendMessageRequest {
        receiver_id: to.id,
        content: content.to_owned(),
        request_id: String::new(),
    };
    let sent = TestApp::messaging_at(&channel, &from).send_message(request).await;
    answer(sent).message.expect("a message")
}

/// Somebody who takes what comes after the last that it has got.
struct Reader<C> {
    user: TestUser,
    conversation_id: i64,
    cursor: Option<C>,
    place: fn(&Message) -> C,
}

impl<C: PartialOrd> Reader<C> {
    /// What a look at all messages finds after the cursor, which moves on.
    async fn look(&mut self, app: &TestApp) -> Vec<String> {
        let request = ListMessagesRequest {
            conversation_id: self.conversation_id,
            after_seq: Some(0),
            ..Default::default()
        };
        let all = answer(app.messaging(&self.user).list_messages(request).await).messages;
        let is_new = |message: &Message| self.cursor.as_ref() < Some(&(self.place)(message));
        let new: Vec<Message> = all.into_iter().filter(is_new).collect();
        for message in &new {
            let place = (self.place)(message);
            if self.cursor.as_ref() < Some(&place) {
                self.cursor = Some(place);
            }
        }
        new.into_iter().map(|message| message.content).collect()
    }
}

fn created_at(message: &Message) -> (i64, i32) {
    let Timestamp { seconds, nanos } = message.create_time.expect("a time");
    (seconds, nanos)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_on_created_at_skips_what_was_held_up_and_one_on_seq_does_not() {
    let mut app = TestApp::start().await;
    let other = app.messaging_replica().await;
    let people = people(&app, 2).await;
    let (alice, bob) = (&people[0], &people[1]);
    let channel = app.channel("kith.messaging.v1");
    let first = send(channel.clone(), alice.clone(), bob.clone(), "first").await;
    execute(&app, HOLD_UP).await;
    let mut held = Uncommitted::begin(&app, "SELECT pg_advisory_xact_lock(2)").await;
    let late = tokio::spawn(send(other, alice.clone(), bob.clone(), "held up"));
    held.until_somebody_waits().await;
    send(channel, bob.clone(), alice.clone(), "overtaking").await;

    let (user, conversation_id) = (bob.clone(), first.conversation_id);
    let mut by_seq = Reader {
        user: user.clone(),
        conversation_id,
        cursor: None,
        place: |message| message.seq,
    };
    let mut by_time = Reader {
        user,
        conversation_id,
        cursor: None,
        place: created_at,
    };
    assert_eq!(by_seq.look(&app).await, ["first", "overtaking"]);
    assert_eq!(by_time.look(&app).await, ["first", "overtaking"]);
    held.commit().await;
    assert_eq!(late.await.expect("no panic").seq, 3);
    assert_eq!(by_seq.look(&app).await, ["held up"]);
    assert_eq!(by_time.look(&app).await, [""; 0]);
}
