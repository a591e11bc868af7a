//! Migrations, up and down, one process at a time.

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::sql_types::{Bool, Text};
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use kith_postgres::{Connection, DatabaseUrl};

use crate::{SchemaError, bootstrap, connect, lock};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// What a migrating process does, for a person who watches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Another process migrates this database; this one waits for it.
    Waiting,
    /// A migration begins; the name is its folder's.
    Started(&'a str),
    /// A migration is done and committed.
    Finished(&'a str),
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

/// Applies what is pending, in order, each in a transaction of its own, and answers the names.
///
/// Processes that migrate one database wait for each other. `url` is the owner's, straight to the server: the lock
/// belongs to a session, so a pooler in transaction mode must not stand between.
///
/// # Errors
/// [`SchemaError`]; what was finished before it stays.
pub async fn migrate(
    url: &DatabaseUrl,
    on_progress: impl FnMut(Progress<'_>),
) -> Result<Vec<String>, SchemaError> {
    run(url, Direction::Up, on_progress).await
}

/// Reverts every applied migration, newest first, and answers the names. All data is lost.
///
/// # Errors
/// [`SchemaError`]; what was finished before it stays reverted.
pub async fn revert_all(
    url: &DatabaseUrl,
    on_progress: impl FnMut(Progress<'_>),
) -> Result<Vec<String>, SchemaError> {
    run(url, Direction::Down, on_progress).await
}

/// The migrations that this build has and the database has not, in order.
///
/// Changes nothing, so any service's role may ask. A migration that the database has and this build has not is no
/// matter: a newer build has migrated already.
///
/// # Errors
/// When the database does not answer.
pub async fn pending(conn: &mut Connection) -> QueryResult<Vec<String>> {
    let applied = applied(conn).await?;
    Ok(known()
        .into_iter()
        .filter(|known| !applied.contains(&known.version))
        .map(|known| known.name)
        .collect())
}

/// The versions of the migrations that the database has and this build has not, in order: a newer build was here.
///
/// # Errors
/// When the database does not answer.
pub async fn unknown(conn: &mut Connection) -> QueryResult<Vec<String>> {
    let known = known();
    let mut versions = applied(conn).await?;
    versions.retain(|version| known.iter().all(|known| known.version != *version));
    versions.sort();
    Ok(versions)
}

struct Known {
    version: String,
    name: String,
    migration: Box<dyn Migration<Pg>>,
}

/// The migrations of this build, in order.
fn known() -> Vec<Known> {
    // Embedded migrations cannot fail to be read; the signature is that of sources in general.
    let migrations = MigrationSource::<Pg>::migrations(&MIGRATIONS).unwrap_or_default();
    let mut known: Vec<_> = migrations
        .into_iter()
        .map(|migration| Known {
            version: migration.name().version().to_string(),
            name: migration.name().to_string(),
            migration,
        })
        .collect();
    known.sort_by(|a, b| a.version.cmp(&b.version));
    known
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

/// The versions that the database has, as far as this session may see them.
async fn applied(conn: &mut Connection) -> QueryResult<Vec<String>> {
    let readable = diesel::select(diesel::dsl::sql::<Bool>(
        "coalesce(has_table_privilege(to_regclass('public.__diesel_schema_migrations'), 'SELECT'), false)",
    ));
    if !readable.get_result::<bool>(conn).await? {
        return Ok(Vec::new());
    }
    let versions = diesel::sql_query("SELECT version::text FROM public.__diesel_schema_migrations");
    Ok(versions
        .load::<Applied>(conn)
        .await?
        .into_iter()
        .map(|row| row.version)
        .collect())
}

async fn run(
    url: &DatabaseUrl,
    direction: Direction,
    mut on_progress: impl FnMut(Progress<'_>),
) -> Result<Vec<String>, SchemaError> {
    let mut conn = connect::as_owner(url).await?;
    bootstrap::check_roles(&mut conn).await?;
    lock::acquire(&mut conn, || on_progress(Progress::Waiting)).await?;
    let names = steps(&mut conn, direction).await?;
    for name in &names {
        on_progress(Progress::Started(name));
        conn = step(conn, direction, name.clone()).await?;
        on_progress(Progress::Finished(name));
    }
    lock::release(&mut conn).await?;
    Ok(names)
}

/// The names of the migrations to run, in the order to run them.
async fn steps(conn: &mut Connection, direction: Direction) -> Result<Vec<String>, SchemaError> {
    if let Direction::Up = direction {
        return Ok(pending(conn).await?);
    }
    let mut versions = applied(conn).await?;
    versions.sort_by(|a, b| b.cmp(a));
    let known = known();
    let name = |version: String| match known.iter().find(|known| known.version == version) {
        Some(known) => Ok(known.name.clone()),
        None => Err(SchemaError::MigrationUnknown { version }),
    };
    versions.into_iter().map(name).collect()
}

/// Runs one migration on a blocking thread, where diesel's synchronous harness works on every kind of runtime.
async fn step(conn: Connection, direction: Direction, name: String) -> Result<Connection, SchemaError> {
    let step = name.clone();
    let blocking = tokio::task::spawn_blocking(move || step_blocking(conn, direction, &step));
    match blocking.await {
        Ok(Ok(conn)) => Ok(conn),
        Ok(Err(source)) => Err(SchemaError::Migration { name, source }),
        Err(_) => Err(SchemaError::Interrupted { name }),
    }
}

fn step_blocking(
    conn: Connection,
    direction: Direction,
    name: &str,
) -> diesel::migration::Result<Connection> {
    let mut conn: AsyncConnectionWrapper<Connection> = conn.into();
    // Creates the table of applied migrations where there is none yet.
    conn.applied_migrations()?;
    let found = known().into_iter().find(|known| known.name == name);
    let Known { migration, .. } = found.ok_or_else(|| format!("no migration is named {name}"))?;
    match direction {
        Direction::Up => conn.run_migration(&migration)?,
        Direction::Down => conn.revert_migration(&migration)?,
    };
    Ok(conn.into_inner())
}
