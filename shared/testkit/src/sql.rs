//! What tests do to a database past all services.

use std::time::Duration;

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::time::timeout;

use crate::TestApp;

/// Does what no RPC does, for example letting time pass.
///
/// # Panics
/// When the database refuses.
pub async fn execute(app: &TestApp, sql: &str) {
    let mut conn = app.database.owner().await;
    conn.batch_execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// How many rows there are `from` a table, with or without a condition.
///
/// # Panics
/// When the database refuses.
pub async fn count(app: &TestApp, from: &str) -> i64 {
    app.database.count(from).await
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// [`count`] in a session that there is.
pub(crate) async fn count_on(conn: &mut AsyncPgConnection, from: &str) -> i64 {
    sql_query(format!("SELECT count(*) AS rows FROM {from}"))
        .get_result::<Count>(conn)
        .await
        .unwrap_or_else(|error| panic!("{from}: {error}"))
        .rows
}

/// A change that is made and not yet committed, so that whatever it touches makes others wait.
pub struct Uncommitted(AsyncPgConnection);

impl Uncommitted {
    /// Makes the change.
    pub async fn begin(app: &TestApp, sql: &str) -> Self {
        let mut conn = app.database.owner().await;
        let sql = format!("BEGIN; {sql}");
        conn.batch_execute(&sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        Self(conn)
    }

    /// Commits once somebody waits for it.
    pub async fn commit_under_a_waiting_call(self) {
        self.end_under_a_waiting_call("COMMIT").await;
    }

    /// Commits at once.
    pub async fn commit(mut self) {
        self.0.batch_execute("COMMIT").await.expect("a commit");
    }

    /// Commits or rolls back once somebody waits for it.
    pub async fn end_under_a_waiting_call(mut self, end: &str) {
        self.until_somebody_waits().await;
        self.0.batch_execute(end).await.expect("an end");
    }

    /// Returns once somebody waits, for this or for another.
    pub async fn until_somebody_waits(&mut self) {
        self.until_so_many_wait(1).await;
    }

    /// Returns once `sessions` or more wait, each for this or for another.
    pub async fn until_so_many_wait(&mut self, sessions: i64) {
        const WAITING: &str = "pg_locks JOIN pg_stat_activity USING (pid)
            WHERE NOT granted AND datname = current_database()";
        // A transaction is told of the sessions that there were when it first looked at them, until it asks anew: one that
        // began after that would wait unseen.
        const ANEW: &str = "SELECT pg_stat_clear_snapshot()";
        let wait = async {
            while count_on(&mut self.0, WAITING).await < sessions {
                self.0.batch_execute(ANEW).await.expect("a newer look");
            }
        };
        timeout(Duration::from_secs(30), wait)
            .await
            .expect("calls that wait");
    }
}
