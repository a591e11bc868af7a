//! A service learns whether it can work.

use kith_schema::{migrate, revert_all, watch};
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
    let watcher = tokio::spawn(watch(database.url(), tell, shutdown.clone()));
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
