//! Servers that come, go, hang and die under a channel.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use kith_client::{Builder, Channel};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::harness::{FakeServer, Reply, read, refusal, soon, write};

/// A name that stands for whatever the test says.
#[derive(Clone, Default)]
struct Name {
    addresses: Arc<Mutex<Option<Vec<SocketAddr>>>>,
    asked: Arc<AtomicUsize>,
}

impl Name {
    fn of(servers: &[&FakeServer]) -> Self {
        let name = Self::default();
        name.stands_for(servers);
        name
    }

    fn stands_for(&self, servers: &[&FakeServer]) {
        let addresses = servers.iter().map(|server| server.address).collect();
        *self.addresses.lock().expect("no panic") = Some(addresses);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn builder(&self) -> Builder {
        let name = self.clone();
        Builder::new("http://servers.test").resolver(move |host: String, port| {
            assert_eq!((host.as_str(), port), ("servers.test", 80));
            name.asked.fetch_add(1, Ordering::SeqCst);
            let addresses = name.addresses.lock().expect("no panic").clone();
            async move { addresses.ok_or_else(|| io::Error::other("no such name")) }
        })
    }

    /// A channel that asks again every few milliseconds.
    fn channel(&self) -> Channel {
        let builder = self.builder().resolve_every(Duration::from_millis(5));
        builder.build().expect("a channel")
    }
}

/// Calls `count` times, and answers the refusals.
async fn failed(count: usize, mut call: impl AsyncFnMut() -> Result<(), Status>) -> Vec<Status> {
    let mut failed = Vec::new();
    for _ in 0..count {
        failed.extend(call().await.err());
    }
    failed
}

/// Returns once the server has had `count` more calls.
async fn called(server: &FakeServer, count: usize) {
    let enough = server.count() + count;
    soon(async {
        while server.count() < enough {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Calls until both servers have answered, so that the channel has connections to both.
async fn both_called(channel: &Channel, first: &FakeServer, second: &FakeServer) {
    soon(async {
        while first.count() == 0 || second.count() == 0 {
            read(channel).await.expect("an answer");
        }
    })
    .await;
}

// Control: `replace` that adds no server to one that there is; the test waited for calls to the second one.
#[tokio::test]
async fn servers_come_and_go_under_calls_and_none_fails() {
    let mut server = FakeServer::answering().await;
    let name = Name::of(&[&server]);
    let channel = name.channel();
    let is_over = AtomicBool::new(false);
    let reader = async || {
        let mut failed = Vec::new();
        while !is_over.load(Ordering::SeqCst) {
            failed.extend(read(&channel).await.err());
        }
        failed
    };
    let change = async {
        for round in 0..20 {
            let next = FakeServer::answering().await;
            name.stands_for(&[&server, &next]);
            called(&next, 10).await;
            name.stands_for(&[&next]);
            if round % 2 == 0 {
                // It dies with calls in flight.
                server.kill().await;
            }
            called(&next, 10).await;
            server = next;
        }
        is_over.store(true, Ordering::SeqCst);
    };
    let (failed, ()) = tokio::join!(join_all((0..16).map(|_| reader())), change);
    let failed: Vec<Status> = failed.concat();
    assert!(
        failed.is_empty(),
        "{} failed, first {:?}",
        failed.len(),
        failed.first()
    );
}

// Control: `replace` that removes none; the first one was still called.
#[tokio::test]
async fn a_server_that_is_no_longer_one_gets_no_more_calls() {
    let (first, second) = (FakeServer::answering().await, FakeServer::answering().await);
    let name = Name::of(&[&first, &second]);
    let channel = name.channel();
    both_called(&channel, &first, &second).await;
    name.stands_for(&[&second]);
    let asked = name.asked();
    soon(async {
        while name.asked() < asked + 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let before = first.count();
    assert_eq!(failed(50, || read(&channel)).await.len(), 0);
    assert_eq!(first.count(), before);
}

// Control: tonic's `balance_channel` in place of the channel; 1 write in 3 failed.
#[tokio::test]
async fn an_address_that_nobody_listens_on_costs_no_call() {
    let (server, dead) = (FakeServer::answering().await, FakeServer::answering().await);
    dead.kill().await;
    let channel = Name::of(&[&server, &dead]).channel();
    let failed = failed(200, || write(&channel)).await;
    assert!(failed.is_empty(), "{failed:?}");
}

// Control: `why_nobody` that answers `None` without servers; the calls waited for their deadline.
#[tokio::test]
async fn without_any_server_a_call_fails_in_time() {
    let dead = FakeServer::answering().await;
    dead.kill().await;
    for (name, why) in [
        (
            Name::of(&[]),
            "servers.test:80 cannot be reached: its name has no address",
        ),
        (Name::default(), "servers.test:80 cannot be reached: no such name"),
        (Name::of(&[&dead]), "Connection refused"),
    ] {
        let began = Instant::now();
        let status = read(&name.channel()).await.expect_err(why);
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.message().contains(why), "{status}");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}

// Control: no `resolve_now`; the call failed, as the name was never resolved again.
#[tokio::test]
async fn a_connection_that_fails_has_the_name_resolved_at_once() {
    let (old, new) = (FakeServer::answering().await, FakeServer::answering().await);
    let name = Name::of(&[&old]);
    let never = Duration::from_secs(3600);
    let channel = name.builder().resolve_every(never).build().expect("a channel");
    read(&channel).await.expect("the old one");
    name.stands_for(&[&new]);
    old.kill().await;
    read(&channel).await.expect("the new one");
    assert_eq!(new.count(), 1);
}

// Control: `keep_connected` that ends after a failure; it was never found again.
#[tokio::test]
async fn a_server_that_comes_back_is_used_again() {
    let first = FakeServer::answering().await;
    let channel = first.channel();
    read(&channel).await.expect("an answer");
    first.kill().await;
    read(&channel).await.expect_err("nobody listens");
    let again = FakeServer::on(first.address, None, |_| Reply::Answer).await;
    soon(async { while write(&channel).await.is_err() {} }).await;
    assert_eq!(again.count(), 1);
}

// Control: `of_error` that never finds a call not taken; writes failed.
#[tokio::test]
async fn connections_that_their_server_closes_fail_no_write() {
    let server = FakeServer::answering().await;
    let channel = server.channel();
    let writers = join_all((0..8).map(|_| failed(200, || write(&channel))));
    let close = async {
        loop {
            called(&server, 50).await;
            server.close_connections();
        }
    };
    let failed = tokio::select! {
        failed = writers => failed.concat(),
        () = close => unreachable!("it never ends"),
    };
    assert!(
        failed.is_empty(),
        "{} failed, first {:?}",
        failed.len(),
        failed.first()
    );
    assert!(server.connections() > 5, "{}", server.connections());
}

/// A server that starts where clients know one is called before it can do anything.
// Control: `choose` that looks at no rest; when the budget was spent, 776 calls of 3,200 failed.
#[tokio::test]
async fn a_server_that_is_not_ready_is_left_alone_while_another_is() {
    let is_ready = Arc::new(AtomicBool::new(false));
    let starting = {
        let is_ready = Arc::clone(&is_ready);
        FakeServer::start(move |_| match is_ready.load(Ordering::SeqCst) {
            true => Reply::Answer,
            false => Reply::Refuse(refusal(
                Code::Unavailable,
                "SERVICE_NOT_READY",
                Some(Duration::from_millis(20)),
            )),
        })
        .await
    };
    let ready = FakeServer::answering().await;
    let channel = Name::of(&[&starting, &ready]).channel();
    both_called(&channel, &starting, &ready).await;
    let writers = join_all((0..16).map(|_| failed(200, || write(&channel))));
    let failed = writers.await.concat();
    assert!(
        failed.is_empty(),
        "{} failed, first {:?}",
        failed.len(),
        failed[0]
    );
    assert!(starting.count() < 500, "{}", starting.count());

    is_ready.store(true, Ordering::SeqCst);
    let before = starting.count();
    soon(async {
        while starting.count() < before + 10 {
            write(&channel).await.expect("an answer");
        }
    })
    .await;
}

#[tokio::test]
async fn where_no_server_is_ready_calls_go_to_those_that_are_not() {
    let server = FakeServer::start(|number| match number {
        0..3 => Reply::Refuse(refusal(
            Code::Unavailable,
            "SERVICE_NOT_READY",
            Some(Duration::from_millis(1)),
        )),
        _ => Reply::Answer,
    })
    .await;
    let channel = server.channel();
    read(&channel).await.expect("the fourth attempt");
    assert_eq!(server.count(), 4);
}

// Control: the first of the two that were drawn; half of the calls hung.
#[tokio::test]
async fn calls_go_to_the_server_with_fewer_in_flight() {
    let hangs = Arc::new(AtomicBool::new(false));
    let hanging = {
        let hangs = Arc::clone(&hangs);
        FakeServer::start(move |_| match hangs.load(Ordering::SeqCst) {
            true => Reply::Hang,
            false => Reply::Answer,
        })
        .await
    };
    let quick = FakeServer::answering().await;
    let channel = Name::of(&[&hanging, &quick]).channel();
    both_called(&channel, &hanging, &quick).await;
    hangs.store(true, Ordering::SeqCst);
    let before = hanging.count();
    for _ in 0..50 {
        let channel = channel.clone();
        let call = tokio::spawn(async move { read(&channel).await });
        tokio::select! {
            answer = call => answer.expect("no panic").expect("the quick one"),
            () = called(&hanging, 1) => {}
        }
    }
    let hung = hanging.count() - before;
    assert!(hung <= 1, "{hung}");
}

// Control: `was_refused` that is always false; the write failed.
#[tokio::test]
async fn a_stream_that_the_server_refuses_is_made_again_whatever_the_method() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.expect("a connection");
        let mut connection = h2::server::handshake(socket).await.expect("HTTP/2");
        let mut number = 0;
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            number += 1;
            if number == 1 {
                respond.send_reset(h2::Reason::REFUSED_STREAM);
            } else {
                let answer = http::Response::builder().header("content-type", "application/grpc");
                let answer = answer.body(()).expect("an answer");
                let mut body = respond.send_response(answer, false).expect("it is open");
                body.send_data(bytes::Bytes::from_static(&[0; 5]), false)
                    .expect("it is open");
                let ok = http::HeaderMap::from_iter([(
                    http::HeaderName::from_static("grpc-status"),
                    http::HeaderValue::from_static("0"),
                )]);
                body.send_trailers(ok).expect("it is open");
            }
        }
    });
    let channel = kith_client::channel(&format!("http://{address}")).expect("a channel");
    write(&channel).await.expect("the second stream");
    drop(channel);
    soon(server).await.expect("no panic");
}

// Control: `of_answer` that believes the reset; the write was there twice.
#[tokio::test]
async fn a_stream_that_is_refused_after_its_answer_began_is_not_made_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.expect("a connection");
        let mut connection = h2::server::handshake(socket).await.expect("HTTP/2");
        let mut number = 0;
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            number += 1;
            let answer = http::Response::builder().header("content-type", "application/grpc");
            let answer = answer.body(()).expect("an answer");
            let mut body = respond.send_response(answer, false).expect("it is open");
            // Or the reset would overtake the answer.
            let begun = body.send_data(bytes::Bytes::from_static(&[0]), false);
            begun.expect("it is open");
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                body.send_reset(h2::Reason::REFUSED_STREAM);
            });
        }
        number
    });
    let channel = kith_client::channel(&format!("http://{address}")).expect("a channel");
    let status = write(&channel).await.expect_err("it may have been executed");
    assert!(status.message().contains("may have been executed"), "{status}");
    drop(channel);
    assert_eq!(soon(server).await.expect("no panic"), 1);
}

// Control: a channel whose tasks hold what it shares; the connection stayed open.
#[tokio::test]
async fn the_last_clone_takes_the_connections_with_it() {
    let server = FakeServer::answering().await;
    let name = Name::of(&[&server]);
    let channel = name.channel();
    read(&channel.clone()).await.expect("an answer");
    drop(channel);
    let kept = Arc::clone(&name.asked);
    drop(name);
    soon(async {
        while Arc::strong_count(&kept) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
