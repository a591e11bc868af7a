//! A service learns whether it can work.

use std::time::{Duration, Instant};

use kith_postgres::{DatabaseUrl, PoolSettings};
use kith_schema::{migrate, revert_all, watch};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::support::Database;

/// Waits until the watcher says `expected`; whatever it said before does not matter.
async fn until(told: &mut mpsc::UnboundedReceiver<bool>, expected: bool) {
    while told.recv().await.expect("the watcher runs") != expected {}
}

#[tokio::test]
async fn a_database_is_good_while_it_is_migrated() {
    let database = Database::bootstrapped().await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let shutdown = CancellationToken::new();
    let tell = move |good| {
        let _gone = tell.send(good);
    };
    let pool = PoolSettings::default();
    let watcher = tokio::spawn(watch(database.url(), pool, tell, shutdown.clone()));
    until(&mut told, false).await;
    migrate(&database.url(), |_| {}).await.expect("migrations");
    until(&mut told, true).await;
    revert_all(&database.url(), |_| {})
        .await
        .expect("migrations reverted");
    until(&mut told, false).await;
    shutdown.cancel();
    watcher.await.expect("no panic");
}

#[tokio::test]
async fn it_waits_no_longer_than_the_service_does() {
    // It lets everybody connect and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = silent.local_addr().expect("an address");
    let url = DatabaseUrl::parse(&format!("postgres://kith@{address}/kith")).expect("a URL");
    let pool = PoolSettings {
        checkout_timeout: Duration::from_millis(50),
        connect_timeout: Duration::from_secs(30),
        ..PoolSettings::default()
    };
    let (shutdown, started) = (CancellationToken::new(), Instant::now());
    let stop = shutdown.clone();
    watch(url, pool, move |_| stop.cancel(), shutdown).await;
    // A login by itself gets ten seconds.
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}
