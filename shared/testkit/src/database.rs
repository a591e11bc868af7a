//! A database of one test.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use kith_postgres::DatabaseUrl;
use kith_postgres::private::SUPERUSER;
use kith_schema::Role;
use tokio::time::timeout;

use crate::cluster::{OWNER, TEMPLATE, administer, template, url};
use crate::sql::count_on;

/// Databases whose test is over; the next test that needs one drops them.
static FINISHED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A database of its own, migrated, with roles and their settings.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
}

impl TestDatabase {
    /// Clones the template.
    pub async fn create() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        template().await;
        drop_finished().await;
        let name = format!("kith_test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        administer(&format!(
            "CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER {OWNER}"
        ))
        .await;
        let database = Self { name };
        // A clone has none of the settings that its template has for roles.
        let mut conn = database.owner().await;
        kith_schema::apply_role_settings(&mut conn, &database.name)
            .await
            .expect("role settings");
        database
    }

    /// Its name in the cluster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The URL for a service.
    pub fn url(&self, role: Role) -> DatabaseUrl {
        url(role.name(), &self.name)
    }

    /// The URL for the owner.
    pub fn owner_url(&self) -> DatabaseUrl {
        url(OWNER, &self.name)
    }

    /// A session of the owner, for what no RPC does.
    pub async fn owner(&self) -> AsyncPgConnection {
        self.owner_url()
            .connect()
            .await
            .expect("the private server answers")
    }

    /// A session of the cluster's superuser, who alone sees what the sessions of others do.
    pub async fn superuser(&self) -> AsyncPgConnection {
        url(SUPERUSER, &self.name)
            .connect()
            .await
            .expect("the private server answers")
    }

    /// A session with a service's rights.
    pub async fn service(&self, role: Role) -> AsyncPgConnection {
        self.url(role)
            .connect()
            .await
            .expect("the private server answers")
    }

    /// How many rows there are `from` a table, with or without a condition.
    pub async fn count(&self, from: &str) -> i64 {
        count_on(&mut self.owner().await, from).await
    }

    /// How often PostgreSQL broke a transaction off as a deadlock here. The services retry those, so no caller can tell.
    ///
    /// A session reports what it saw when it ends, so this waits for all of them: shut the app down first.
    pub async fn deadlocks(&self) -> i64 {
        let mut conn = self.superuser().await;
        let others_ended = async {
            while count_on(&mut conn, OTHER_SESSIONS).await > 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(60), others_ended)
            .await
            .expect("the app was shut down");
        count_on(&mut conn, DEADLOCKS).await
    }

    /// Asserts that every invariant of the schema holds.
    pub async fn assert_invariants(&self) {
        let broken = kith_schema::invariants::check(&mut self.owner().await)
            .await
            .expect("the invariants' queries run");
        assert!(broken.is_empty(), "broken invariants: {broken:#?}");
    }
}

const OTHER_SESSIONS: &str =
    "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
/// One row for each deadlock, so that they can be counted as all else is.
const DEADLOCKS: &str = "pg_stat_database, generate_series(1, deadlocks) WHERE datname = current_database()";

impl Drop for TestDatabase {
    fn drop(&mut self) {
        FINISHED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(std::mem::take(&mut self.name));
    }
}

async fn drop_finished() {
    let finished = std::mem::take(&mut *FINISHED.lock().unwrap_or_else(PoisonError::into_inner));
    for name in finished {
        administer(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    }
}
