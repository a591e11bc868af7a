//! Roles, which a cluster shares, and their settings, which each database has of its own.

use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{Bool, Text};
use diesel::{OptionalExtension, QueryResult, QueryableByName};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use kith_postgres::{Connection, DatabaseUrl};
use secrecy::ExposeSecret;

use crate::{Role, RolePasswords, SchemaError, connect};

/// What each service's role has in a database of Kith's.
///
/// In a transaction each call's deadline takes the place of `statement_timeout`, which is for statements outside of one
/// and for work without deadline. `idle_in_transaction_session_timeout` ends transactions that a lost caller left open.
/// Transactions name their isolation level; for single statements it is pinned here. Nothing that a service sends runs long
/// enough to be worth compiling: the home timeline of somebody who follows 10,000, which takes 12 ms, took seconds of it.
const ROLE_SETTINGS: &[(&str, &str)] = &[
    ("statement_timeout", "30s"),
    ("lock_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "5s"),
    ("default_transaction_isolation", "read committed"),
    ("jit", "off"),
];

/// How often a statement is tried when another session changes the same row of a catalogue at the same moment.
const ATTEMPTS: u32 = 20;

/// What [`bootstrap`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bootstrapped {
    /// The roles that it created; others were there.
    pub created: Vec<Role>,
    /// Whether the language of error messages is settled.
    pub lc_messages: LcMessages,
}

/// Whether the database's `lc_messages` could be set to `C`.
///
/// The classifier of database errors reads English messages, because the driver hides most of their codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LcMessages {
    /// It is `C` for every new session.
    Set,
    /// This role may not set it, so the server's own setting holds.
    NotAllowed,
}

/// Creates the services' roles where they are missing, and gives them their settings in the database of `url`.
///
/// Safe to repeat, and beside other databases of the cluster that do the same at this moment. `url` logs in as the
/// database's owner, who may create roles, and has the ADMIN OPTION for those that somebody else created.
///
/// # Errors
/// [`SchemaError`], also for a server that is not supported, before anything is changed.
pub async fn bootstrap(url: &DatabaseUrl, passwords: &RolePasswords) -> Result<Bootstrapped, SchemaError> {
    let mut conn = connect::as_owner(url).await?;
    let mut created = Vec::new();
    for role in Role::ALL.iter().copied() {
        if create_role(&mut conn, role, passwords).await? {
            created.push(role);
        }
    }
    check_roles(&mut conn).await?;
    check_admin(&mut conn).await?;
    let database = current_database(&mut conn).await?;
    let lc_messages = apply_role_settings(&mut conn, &database).await?;
    Ok(Bootstrapped { created, lc_messages })
}

/// Gives the roles their timeouts, search path and right to connect in `database`, and sets its `lc_messages`.
///
/// All of this belongs to one database and not to what is in it, so a clone of a template has none of it. `conn` may
/// be connected to any database of the cluster.
///
/// # Errors
/// When the database refuses.
pub async fn apply_role_settings(conn: &mut Connection, database: &str) -> Result<LcMessages, SchemaError> {
    change_catalogue(conn, &all_role_settings(database)).await?;
    if !may_set_lc_messages(conn).await? {
        return Ok(LcMessages::NotAllowed);
    }
    let database = quote_identifier(database);
    change_catalogue(conn, &format!("ALTER DATABASE {database} SET lc_messages = 'C'")).await?;
    Ok(LcMessages::Set)
}

/// What each session of `role` in a database of Kith's must have, by name and value.
pub fn role_settings(role: Role) -> impl Iterator<Item = (&'static str, &'static str)> {
    let settings = ROLE_SETTINGS.iter().copied();
    settings.chain([("search_path", role.schema())])
}

/// The statement that gives `role` one of [`role_settings`] in `database`.
pub fn role_setting_statement(role: Role, database: &str, name: &str, value: &str) -> String {
    let database = quote_identifier(database);
    format!("ALTER ROLE {role} IN DATABASE {database} SET {name} = '{value}';")
}

fn all_role_settings(database: &str) -> String {
    let mut sql = String::new();
    for role in Role::ALL.iter().copied() {
        for (name, value) in role_settings(role) {
            sql += &role_setting_statement(role, database, name, value);
        }
        sql += &format!(
            "GRANT CONNECT ON DATABASE {} TO {role};",
            quote_identifier(database)
        );
    }
    sql
}

/// Answers whether it was this call that created the role.
async fn create_role(
    conn: &mut Connection,
    role: Role,
    passwords: &RolePasswords,
) -> Result<bool, SchemaError> {
    if role_exists(conn, role).await? {
        return Ok(false);
    }
    // What is sent is a SCRAM verifier, so that the password itself is in no log of the server.
    let password = passwords.get(role).map_or_else(String::new, |password| {
        let verifier = postgres_protocol::password::scram_sha_256(password.expose_secret().as_bytes());
        format!("PASSWORD '{verifier}'")
    });
    let create = format!(
        "CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS {password}"
    );
    match conn.batch_execute(&create).await {
        Ok(()) => Ok(true),
        Err(_) if role_exists(conn, role).await? => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn role_exists(conn: &mut Connection, role: Role) -> QueryResult<bool> {
    Ok(attributes(conn, role).await?.is_some())
}

#[derive(QueryableByName)]
struct Attributes {
    #[diesel(sql_type = Text)]
    unfit: String,
}

async fn attributes(conn: &mut Connection, role: Role) -> QueryResult<Option<Attributes>> {
    diesel::sql_query(
        "SELECT concat_ws(', ',
            CASE WHEN NOT rolcanlogin THEN 'NOLOGIN' END,
            CASE WHEN rolsuper THEN 'SUPERUSER' END,
            CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
            CASE WHEN rolcreatedb THEN 'CREATEDB' END,
            CASE WHEN rolreplication THEN 'REPLICATION' END,
            CASE WHEN rolbypassrls THEN 'BYPASSRLS' END) AS unfit
        FROM pg_roles WHERE rolname = $1",
    )
    .bind::<Text, _>(role.name())
    .get_result(conn)
    .await
    .optional()
}

/// The attributes of `role` that no service may have, or NOLOGIN, with commas between; `None` when there is no such role.
///
/// # Errors
/// When the database does not answer.
pub async fn unfit(conn: &mut Connection, role: Role) -> QueryResult<Option<String>> {
    Ok(attributes(conn, role).await?.map(|attributes| attributes.unfit))
}

/// Refuses to go on when a role is missing or may do what no service may.
pub(crate) async fn check_roles(conn: &mut Connection) -> Result<(), SchemaError> {
    for role in Role::ALL.iter().copied() {
        let Attributes { unfit } = attributes(conn, role)
            .await?
            .ok_or(SchemaError::RoleMissing(role))?;
        if !unfit.is_empty() {
            return Err(SchemaError::RoleUnfit { role, unfit });
        }
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Missing {
    #[diesel(sql_type = Text)]
    grant: String,
}

/// Refuses to go on when the owner may not change a role: since PostgreSQL 16 CREATEROLE is enough only for the roles
/// that one created.
async fn check_admin(conn: &mut Connection) -> Result<(), SchemaError> {
    for role in Role::ALL.iter().copied() {
        let missing = diesel::sql_query(
            "SELECT format('GRANT %I TO %I WITH ADMIN TRUE, INHERIT FALSE, SET FALSE', $1, current_user) AS grant
            WHERE current_setting('server_version_num')::integer >= 160000
                AND NOT pg_has_role(current_user, $1, 'MEMBER WITH ADMIN OPTION')",
        )
        .bind::<Text, _>(role.name())
        .get_result::<Missing>(conn)
        .await
        .optional()?;
        if let Some(Missing { grant }) = missing {
            return Err(SchemaError::RoleOfAnother { role, grant });
        }
    }
    Ok(())
}

async fn current_database(conn: &mut Connection) -> QueryResult<String> {
    diesel::select(diesel::dsl::sql::<Text>("current_database()::text"))
        .get_result(conn)
        .await
}

async fn may_set_lc_messages(conn: &mut Connection) -> QueryResult<bool> {
    let may = diesel::dsl::sql::<Bool>("has_parameter_privilege('lc_messages', 'SET')");
    diesel::select(may).get_result(conn).await
}

/// Runs statements that change rows which other databases' sessions change too, as one transaction.
async fn change_catalogue(conn: &mut Connection, sql: &str) -> QueryResult<()> {
    for attempt in 1..ATTEMPTS {
        match conn.batch_execute(sql).await {
            Err(error) if overtaken(&error) => tokio::time::sleep(Duration::from_millis(5) * attempt).await,
            outcome => return outcome,
        }
    }
    conn.batch_execute(sql).await
}

/// Whether another session changed the same row of a catalogue. PostgreSQL never translates these two messages.
fn overtaken(error: &Error) -> bool {
    match error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => true,
        Error::DatabaseError(_, information) => {
            ["tuple concurrently updated", "tuple concurrently deleted"].contains(&information.message())
        }
        _ => false,
    }
}

fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(quote_identifier(r#"a"; DROP"#), r#""a""; DROP""#);
    }
}
