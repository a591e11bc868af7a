//! Up, down and up again; one at a time; and every file in the folder.

use std::collections::BTreeSet;
use std::path::Path;

use kith_postgres::Connection;
use kith_schema::{Progress, Role, SchemaError, migrate, pending, revert_all};

use crate::support::{Database, execute, strings};

/// Everything that a migration can make, as text: schemas, relations, columns, constraints, indexes, triggers,
/// functions, views and rights.
const SNAPSHOT: &str = include_str!("snapshot.sql");

pub(crate) async fn snapshot(conn: &mut Connection) -> Vec<String> {
    strings(conn, SNAPSHOT).await
}

/// The names of the folders of migrations.
fn folders() -> Vec<String> {
    let entries = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))
        .read_dir()
        .expect("the folder");
    let folders = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir());
    let names: BTreeSet<_> = folders
        .map(|path| path.file_name().expect("a name").to_owned())
        .collect();
    names
        .into_iter()
        .map(|name| name.into_string().expect("UTF-8"))
        .collect()
}

async fn up(database: &Database) -> Vec<String> {
    migrate(&database.url(), |_| {}).await.expect("migrations")
}

async fn down(database: &Database) -> Vec<String> {
    revert_all(&database.url(), |_| {})
        .await
        .expect("migrations reverted")
}

#[tokio::test]
async fn every_folder_is_applied_in_order() {
    assert_eq!(up(&Database::bootstrapped().await).await, folders());
}

#[test]
fn every_migration_can_be_reverted() {
    for name in folders() {
        let down = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("migrations")
            .join(&name)
            .join("down.sql");
        assert!(down.is_file(), "{name} has no down.sql");
    }
}

#[tokio::test]
async fn reverting_leaves_nothing_behind() {
    let database = Database::bootstrapped().await;
    let conn = &mut database.owner().await;
    let before = snapshot(conn).await;
    up(&database).await;
    assert_ne!(snapshot(conn).await, before);
    assert_eq!(
        down(&database).await,
        folders().into_iter().rev().collect::<Vec<_>>()
    );
    assert_eq!(snapshot(conn).await, before);
}

#[tokio::test]
async fn down_and_up_again_gives_the_same_schema() {
    let database = Database::bootstrapped().await;
    up(&database).await;
    let conn = &mut database.owner().await;
    let first = snapshot(conn).await;
    down(&database).await;
    up(&database).await;
    assert_eq!(snapshot(conn).await, first);
}

#[tokio::test]
async fn migrating_again_does_nothing() {
    let database = Database::migrated().await;
    assert_eq!(up(&database).await, [""; 0]);
}

#[tokio::test]
async fn processes_that_migrate_at_once_apply_each_migration_once() {
    let database = Database::bootstrapped().await;
    let (a, b, c, d) = futures::join!(up(&database), up(&database), up(&database), up(&database));
    let mut outcomes = [a, b, c, d];
    outcomes.sort();
    assert_eq!(outcomes, [vec![], vec![], vec![], folders()]);
}

#[tokio::test]
async fn a_process_says_that_it_waits_and_goes_on_when_it_can() {
    let database = Database::bootstrapped().await;
    let mut other = database.owner().await;
    execute(&mut other, "SELECT pg_advisory_lock(x'6b697468'::bigint)").await;
    let mut other = Some(other);
    let mut seen = Vec::new();
    let url = database.url();
    let applied = migrate(&url, |progress| {
        seen.push(format!("{progress:?}"));
        // The end of the session gives up its lock.
        drop(other.take_if(|_| progress == Progress::Waiting));
    });
    let applied = applied.await.expect("migrations");
    let first = &applied[0];
    assert_eq!(
        seen[..3],
        [
            "Waiting".to_owned(),
            format!("Started({first:?})"),
            format!("Finished({first:?})")
        ]
    );
    assert_eq!(seen.len(), 1 + 2 * applied.len());
}

#[test]
fn migrating_works_on_a_multi_thread_runtime_too() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let database = Database::bootstrapped().await;
        let url = database.url();
        let applied = tokio::spawn(async move { migrate(&url, |_| {}).await });
        assert_eq!(applied.await.expect("no panic").expect("migrations"), folders());
    });
}

#[tokio::test]
async fn what_fails_is_named_and_rolled_back_and_what_came_before_stays() {
    let database = Database::bootstrapped().await;
    let conn = &mut database.owner().await;
    execute(conn, "CREATE SCHEMA social_graph").await;
    let error = migrate(&database.url(), |_| {})
        .await
        .expect_err("the schema is there already");
    assert!(
        matches!(&error, SchemaError::Migration { name, .. } if *name == folders()[0]),
        "{error:?}"
    );
    assert_eq!(pending(conn).await.expect("an answer"), folders());
    assert_eq!(
        strings(
            conn,
            "SELECT nspname FROM pg_namespace WHERE nspname = 'identity'"
        )
        .await,
        [""; 0]
    );
    execute(conn, "DROP SCHEMA social_graph").await;
    assert_eq!(up(&database).await, folders());
}

#[tokio::test]
async fn services_see_what_is_pending_before_and_after() {
    let database = Database::bootstrapped().await;
    for role in Role::ALL {
        assert_eq!(
            pending(&mut database.service(*role).await)
                .await
                .expect("an answer"),
            folders()
        );
    }
    up(&database).await;
    for role in Role::ALL {
        assert_eq!(
            pending(&mut database.service(*role).await)
                .await
                .expect("an answer"),
            [""; 0]
        );
    }
}

#[tokio::test]
async fn a_migration_of_a_newer_build_is_no_matter_until_it_is_to_be_reverted() {
    let database = Database::migrated().await;
    execute(
        &mut database.owner().await,
        "INSERT INTO __diesel_schema_migrations VALUES ('29991231')",
    )
    .await;
    assert_eq!(up(&database).await, [""; 0]);
    let error = revert_all(&database.url(), |_| {})
        .await
        .expect_err("nobody knows how");
    assert!(
        matches!(&error, SchemaError::MigrationUnknown { version } if version == "29991231"),
        "{error:?}"
    );
    assert_eq!(
        pending(&mut database.owner().await).await.expect("an answer"),
        [""; 0]
    );
}
