//! A server that runs out of descriptors, for which it has a process of its own.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::sleep;
use tonic_health::pb::HealthCheckRequest;

use crate::harness::{Child, ChildOptions, Connection, soon};

async fn check(connection: &Connection) {
    let question = HealthCheckRequest::default();
    soon(connection.health().check(question))
        .await
        .expect("an answer");
}

// Control: `accept` without its pause; it tried 13,000 times within the second.
#[tokio::test]
async fn without_descriptors_a_server_pauses_and_goes_on_with_what_it_has() {
    if Child::is_me() {
        return Child::serve().await;
    }
    let name = "descriptors::without_descriptors_a_server_pauses_and_goes_on_with_what_it_has";
    let options = ChildOptions {
        descriptors: 64,
        hangs: false,
    };
    let server = Child::start(name, options).await;
    let open = Connection::open(server.plaintext).await;
    let begin = Instant::now();
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.push(
            TcpStream::connect(server.plaintext)
                .await
                .expect("a place in the queue"),
        );
    }
    // However long it took to connect.
    let full = Instant::now();
    while full.elapsed() < Duration::from_secs(1) {
        check(&open).await;
        sleep(Duration::from_millis(20)).await;
    }
    drop(crowd);
    check(&soon(Connection::open(server.plaintext)).await).await;

    let tenths = usize::try_from(begin.elapsed().as_millis() / 100).expect("a short time");
    let ended = server.terminate().await;
    println!("{ended:?} in {tenths} tenths of a second");
    assert!(
        (5..=tenths + 2).contains(&ended.not_accepted),
        "{ended:?}, {tenths}"
    );
}
