//! What two processes are asked at the same moment: first messages that cross each other, and one request many times.

use std::sync::Arc;

use kith_client::Channel;
use kith_contracts::messaging::v1::{SendMessageRequest, SendMessageResponse};
use kith_testkit::{TestApp, TestUser, answer, count, execute};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::message_storm::people;
use crate::processes::Messaging;

const PAIRS: usize = 64;
/// How often the one request is sent.
const TIMES: usize = 64;

/// Sends when everybody else does.
async fn send(
    server: Channel,
    from: TestUser,
    request: SendMessageRequest,
    barrier: Arc<Barrier>,
) -> SendMessageResponse {
    let mut client = TestApp::messaging_at(&server, &from);
    barrier.wait().await;
    answer(client.send_message(request).await)
}

fn request(receiver: &TestUser, request_id: &str) -> SendMessageRequest {
    SendMessageRequest {
        receiver_id: receiver.id,
        content: "hello".to_owned(),
        request_id: request_id.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn first_messages_that_cross_are_the_first_two_of_one_conversation() {
    let mut app = TestApp::start().await;
    let servers = [Messaging::start(&app).await, Messaging::start(&app).await];
    let people = people(&app, 2 * PAIRS).await;
    let (mut calls, barrier) = (JoinSet::new(), Arc::new(Barrier::new(2 * PAIRS)));
    for pair in people.chunks_exact(2) {
        let [one, other] = pair else {
            unreachable!("chunks of two")
        };
        for ((from, to), server) in [(one, other), (other, one)].into_iter().zip(&servers) {
            let server = server.channel.clone();
            calls.spawn(send(server, from.clone(), request(to, ""), Arc::clone(&barrier)));
        }
    }
    let sent = calls.join_all().await;
    let mut places: Vec<(i64, i64)> = sent
        .into_iter()
        .map(|sent| sent.message.expect("a message"))
        .map(|message| (message.conversation_id, message.seq))
        .collect();
    places.sort_unstable();
    for both in places.chunks_exact(2) {
        assert_eq!((both[0].0, both[0].1, both[1].1), (both[1].0, 1, 2));
    }
    let pairs = i64::try_from(PAIRS).expect("small");
    assert_eq!(count(&app, "messaging.conversations").await, pairs);
    app.database.assert_invariants().await;
    drop(servers);
    app.shut_down().await;
    assert_eq!(app.database.deadlocks().await, 0);
}

/// What the one request is told, in each of two rounds with a new id: the first makes the conversation, the second finds it.
async fn sent_many_times(app: &TestApp) -> [Vec<SendMessageResponse>; 2] {
    let servers = [Messaging::start(app).await, Messaging::start(app).await];
    let people = people(app, 2).await;
    let mut rounds = [Vec::new(), Vec::new()];
    for (number, round) in (1..).zip(&mut rounds) {
        let request_id = Uuid::from_u128(number).to_string();
        let (mut calls, barrier) = (JoinSet::new(), Arc::new(Barrier::new(TIMES)));
        for number in 0..TIMES {
            let server = servers[number % servers.len()].channel.clone();
            let request = request(&people[1], &request_id);
            calls.spawn(send(server, people[0].clone(), request, Arc::clone(&barrier)));
        }
        *round = calls.join_all().await;
    }
    rounds
}

fn replayed(sent: &[SendMessageResponse]) -> usize {
    sent.iter().filter(|sent| sent.replayed).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_many_times_at_once_sends_one_message() {
    let app = TestApp::start().await;
    for (seq, sent) in (1..).zip(sent_many_times(&app).await) {
        assert_eq!(replayed(&sent), TIMES - 1);
        assert!(sent.iter().all(|one| one.message == sent[0].message));
        let message = sent[0].message.as_ref().expect("a message");
        assert_eq!(message.seq, seq);
    }
    assert_eq!(count(&app, "messaging.messages").await, 2);
    app.database.assert_invariants().await;
}

/// Keeps requests under ids that nobody has sent.
const FORGETFUL: &str = "
    CREATE FUNCTION messaging.forget() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.request_id := gen_random_uuid(); RETURN NEW; END $$;
    CREATE TRIGGER forget BEFORE INSERT ON messaging.requests
        FOR EACH ROW EXECUTE FUNCTION messaging.forget()";

#[tokio::test(flavor = "multi_thread")]
async fn where_no_request_is_known_again_each_one_sends() {
    let app = TestApp::start().await;
    execute(&app, FORGETFUL).await;
    for sent in sent_many_times(&app).await {
        assert_eq!(replayed(&sent), 0);
    }
    let times = i64::try_from(2 * TIMES).expect("small");
    assert_eq!(count(&app, "messaging.messages").await, times);
}
