//! Servers that come, go, hang and die under a channel.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use kith_client::{Builder, Channel};
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::harness::{FakeServer, Reply, read, soon, write};

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
    let enough = server.calls().len() + count;
    soon(async {
        while server.calls().len() < enough {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

// Control: `replace` that adds no server; the test waited for calls to the second one. `replace` that removes none;
// the old ones were still called.
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

#[tokio::test]
async fn a_server_that_is_no_longer_one_gets_no_more_calls() {
    let (first, second) = (FakeServer::answering().await, FakeServer::answering().await);
    let name = Name::of(&[&first, &second]);
    let channel = name.channel();
    soon(async {
        while first.calls().is_empty() || second.calls().is_empty() {
            read(&channel).await.expect("an answer");
        }
    })
    .await;
    name.stands_for(&[&second]);
    let asked = name.asked();
    soon(async {
        while name.asked() < asked + 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let before = first.calls().len();
    assert_eq!(failed(50, || read(&channel)).await.len(), 0);
    assert_eq!(first.calls().len(), before);
}

// Control: `choose` that takes failed servers too is not possible; `balance_channel` in its place failed 1 write in 3.
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
    assert_eq!(new.calls().len(), 1);
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
    assert_eq!(again.calls().len(), 1);
}

// Control: `was_refused` and `was_kept` both false; writes failed.
#[tokio::test]
async fn connections_that_their_server_closes_fail_no_write() {
    let server = FakeServer::answering().await;
    let channel = server.channel();
    let writers = join_all((0..8).map(|_| failed(500, || write(&channel))));
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

#[tokio::test]
async fn calls_go_to_the_server_with_fewer_in_flight() {
    let (hanging, quick) = (
        FakeServer::start(|_| Reply::Hang).await,
        FakeServer::answering().await,
    );
    let channel = Name::of(&[&hanging, &quick]).channel();
    let calls = join_all((0..20).map(|_| {
        let channel = channel.clone();
        tokio::spawn(async move { read(&channel).await })
    }));
    tokio::select! {
        _ = calls => panic!("one server hangs"),
        () = called(&quick, 10) => {}
    }
    assert!(hanging.calls().len() <= 10);
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
