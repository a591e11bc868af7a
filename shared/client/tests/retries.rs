//! Which calls are made again, and which never.

use std::time::Duration;

use futures::future::join_all;
use kith_client::Builder;
use kith_contracts::social_graph::v1::GetFollowRequest;
use kith_contracts::social_graph::v1::social_graph_service_client::SocialGraphServiceClient;
use prost::Message;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::pb;

use crate::harness::{FakeServer, Reply, read, refusal, soon, write};

/// A server that does so with the first `count` calls, and then answers.
async fn failing_first(count: usize, reply: Reply) -> FakeServer {
    FakeServer::start(move |nth| if nth < count { reply.clone() } else { Reply::Answer }).await
}

fn unavailable() -> Reply {
    Reply::Refuse(Status::unavailable("planned"))
}

// Control: `next` that ends for every method; the first answer stood.
#[tokio::test]
async fn a_read_is_repeated_while_the_server_is_unavailable() {
    let server = failing_first(3, unavailable()).await;
    read(&server.channel()).await.expect("the fourth attempt");
    assert_eq!(server.count(), 4);
}

#[tokio::test]
async fn the_last_of_four_attempts_stands() {
    let server = failing_first(usize::MAX, unavailable()).await;
    let status = read(&server.channel()).await.expect_err("four refusals");
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "planned"));
    assert_eq!(server.count(), 4);
}

// Control: a write treated as a read is; the server saw it four times.
#[tokio::test]
async fn a_write_is_not_repeated_when_the_server_is_unavailable() {
    let server = failing_first(1, unavailable()).await;
    assert_eq!(
        write(&server.channel()).await.expect_err("refused").code(),
        Code::Unavailable
    );
    assert_eq!(server.count(), 1);
}

// Control: `Outcome::Broken` repeated for every method; the write was there twice.
#[tokio::test]
async fn of_a_broken_connection_a_read_is_repeated_and_a_write_is_not() {
    let server = failing_first(1, Reply::Break).await;
    read(&server.channel()).await.expect("the second attempt");
    assert_eq!(server.count(), 2);

    let server = failing_first(1, Reply::Break).await;
    let status = write(&server.channel()).await.expect_err("nobody knows");
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("may have been executed"), "{status}");
    assert_eq!(server.count(), 1);
}

// Control: no `did_nothing`; the first answer stood.
#[tokio::test]
async fn a_write_is_repeated_when_the_contract_says_that_nothing_was_done() {
    for reason in ["SERVICE_NOT_READY", "DATABASE_UNAVAILABLE"] {
        let server = failing_first(2, Reply::Refuse(refusal(Code::Unavailable, reason, None))).await;
        write(&server.channel()).await.expect(reason);
        assert_eq!(server.count(), 3);
    }
}

#[tokio::test]
async fn an_unknown_outcome_is_told_and_not_tried_out() {
    let unknown = refusal(Code::Unavailable, "OUTCOME_UNKNOWN", Some(Duration::ZERO));
    let server = failing_first(1, Reply::Refuse(unknown)).await;
    write(&server.channel()).await.expect_err("told");
    read(&server.channel()).await.expect("the second call");
    assert_eq!(server.count(), 2);
}

// Control: `not_before` of zero; the second attempt came after 100 ms.
#[tokio::test]
async fn an_overloaded_server_is_left_alone_for_as_long_as_it_asks() {
    let pause = Duration::from_millis(400);
    let overloaded = refusal(Code::ResourceExhausted, "SERVER_OVERLOADED", Some(pause));
    let server = failing_first(1, Reply::Refuse(overloaded)).await;
    write(&server.channel()).await.expect("the second attempt");
    let calls = server.calls();
    assert!(calls[1].at - calls[0].at >= pause);
}

// Control: no look at the deadline; the call took all its time, and its answer was DEADLINE_EXCEEDED.
#[tokio::test]
async fn a_refusal_stands_when_the_next_attempt_would_be_too_late() {
    let later = refusal(
        Code::Unavailable,
        "SERVICE_NOT_READY",
        Some(Duration::from_secs(60)),
    );
    let server = failing_first(usize::MAX, Reply::Refuse(later)).await;
    let mut client = SocialGraphServiceClient::new(server.channel());
    let mut request = Request::new(GetFollowRequest::default());
    request.set_timeout(Duration::from_secs(20));
    let status = soon(client.get_follow(request)).await.expect_err("refused");
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(server.count(), 1);
}

// Control: `Instant::now() + pause`; the call panicked.
#[tokio::test]
async fn a_server_that_asks_for_a_pause_without_end_gets_no_other_call() {
    let retry_info = pb::RetryInfo {
        retry_delay: Some(prost_types::Duration {
            seconds: i64::MAX,
            nanos: 0,
        }),
    };
    let details = pb::Status {
        code: Code::Unavailable as i32,
        message: "planned".to_owned(),
        details: vec![prost_types::Any {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
            value: retry_info.encode_to_vec(),
        }],
    };
    let never = Status::with_details(Code::Unavailable, "planned", details.encode_to_vec().into());
    let server = failing_first(usize::MAX, Reply::Refuse(never)).await;
    let status = read(&server.channel()).await.expect_err("refused");
    assert_eq!(status.message(), "planned");
    assert_eq!(server.count(), 1);
}

// Control: `tell` at the first attempt alone; both had the same time.
#[tokio::test]
async fn each_attempt_says_how_much_time_is_left() {
    let server = failing_first(1, unavailable()).await;
    let mut client = SocialGraphServiceClient::new(server.channel());
    let mut request = Request::new(GetFollowRequest::default());
    request.set_timeout(Duration::from_secs(20));
    soon(client.get_follow(request))
        .await
        .expect("the second attempt");
    let left: Vec<u64> = server
        .calls()
        .iter()
        .map(|call| {
            let text = call.headers["grpc-timeout"].to_str().expect("ASCII");
            text.strip_suffix('u')
                .expect("microseconds")
                .parse()
                .expect("a number")
        })
        .collect();
    assert!(left[0] <= 20_000_000 && left[1] + 40_000 < left[0], "{left:?}");
}

// Control: a budget that never ends; the server saw 4,000 calls.
#[tokio::test]
async fn retries_do_not_multiply_an_outage() {
    let server = failing_first(usize::MAX, unavailable()).await;
    let channel = server.channel();
    let calls = join_all((0..1000).map(|_| read(&channel))).await;
    assert!(calls.iter().all(Result::is_err));
    let (reserve, fifth) = (256, 200);
    assert!(server.count() <= 1000 + reserve + fifth, "{}", server.count());
}

// Control: a budget that is spent before the look at the deadline; the last call had nothing left.
#[tokio::test]
async fn retries_that_would_be_too_late_cost_nothing() {
    const HURRIED: usize = 400;
    let later = refusal(
        Code::Unavailable,
        "SERVICE_NOT_READY",
        Some(Duration::from_secs(3600)),
    );
    let server = FakeServer::start(move |nth| match nth {
        0..HURRIED => Reply::Refuse(later.clone()),
        HURRIED => unavailable(),
        _ => Reply::Answer,
    })
    .await;
    let channel = server.channel();
    let refused = join_all((0..HURRIED).map(|_| read(&channel))).await;
    assert!(refused.iter().all(Result::is_err));
    read(&channel).await.expect("the second attempt");
}

#[tokio::test]
async fn one_attempt_is_one_attempt() {
    let server = failing_first(1, unavailable()).await;
    let channel = Builder::new(server.url())
        .max_attempts(1)
        .build()
        .expect("a channel");
    read(&channel).await.expect_err("the first answer");
}

// Control: `find` that calls unknown methods reads; the server saw four calls.
#[tokio::test]
async fn methods_that_no_contract_has_are_not_repeated() {
    let server = failing_first(1, unavailable()).await;
    let mut health = HealthClient::new(server.channel());
    let status = soon(health.check(HealthCheckRequest::default()))
        .await
        .expect_err("refused");
    assert_eq!(status.message(), "planned");
    soon(health.check(HealthCheckRequest::default()))
        .await
        .expect("an answer");
    let mut changes = soon(health.watch(HealthCheckRequest::default()))
        .await
        .expect("a stream")
        .into_inner();
    soon(changes.message()).await.expect("a message").expect("one");
    assert_eq!(server.count(), 3);
}
