use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Bytea, Interval, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, DbError, OptionalRow, cursor, cursor_time, kept, run, sql_query};
use kith_primitives::{Caller, Failure, Page, Reason, ServiceCaller, SessionId, UserId};
use kith_schema::tables::identity::{sessions, users};
use secrecy::ExposeSecret;

use super::UserRow;
use super::audit::audit_event_create_in_txn;
use super::credentials::Credential;
use super::users::{not_owned, user_lock_in_txn};
use crate::domain::{Actor, AuditEvent, AuditEventType, AuditSubject, DeviceLabel};

/// A session.
#[derive(Clone, Debug, Queryable, Selectable, QueryableByName)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
pub(crate) struct SessionRow {
    pub(crate) id: i64,
    pub(crate) user_id: i64,
    pub(crate) device_label: String,
    pub(crate) address: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) refreshed_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// What a sign-in leaves behind.
pub(crate) struct NewSession<'a> {
    pub(crate) device_label: &'a DeviceLabel,
    pub(crate) token_hash: &'a [u8],
    pub(crate) lifetime: TimeDelta,
}

/// A session with the user who signed in, from one statement: the account may be gone before another one.
#[derive(QueryableByName)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
struct SignedInRow {
    #[diesel(embed)]
    session: SessionRow,
    username: String,
    first_name: String,
    last_name: String,
    is_active: bool,
    date_joined: DateTime<Utc>,
}

impl SignedInRow {
    fn into_parts(self) -> (SessionRow, UserRow) {
        let user = UserRow {
            id: self.session.user_id,
            username: self.username,
            first_name: self.first_name,
            last_name: self.last_name,
            is_active: self.is_active,
            date_joined: self.date_joined,
        };
        (self.session, user)
    }
}

/// The account must be active and have the password that was just verified, now and not a moment ago: the share locks
/// make this wait for a deactivation or a new password under way, which end all sessions that they see.
const SESSION_CREATE: &str = "
WITH account AS MATERIALIZED (
    SELECT users.id, username, first_name, last_name, is_active, date_joined
    FROM identity.users JOIN identity.credentials ON credentials.user_id = users.id
    WHERE users.id = $1 AND is_active AND password_hash = $2
    FOR SHARE
), session AS (
    INSERT INTO identity.sessions (user_id, device_label, address, expires_at)
    SELECT id, $3, $4, now() + $5 FROM account
    RETURNING id, user_id, device_label, address, created_at, refreshed_at, expires_at
), token AS (
    INSERT INTO identity.refresh_tokens (token_hash, session_id) SELECT $6, id FROM session
), event AS (
    INSERT INTO identity.audit_events (type, actor, service, subject, address, request_id)
    SELECT $7, $8, $9, $10, $4, $11 FROM session
)
SELECT session.*, username, first_name, last_name, is_active, date_joined
FROM session JOIN account ON account.id = session.user_id
";

/// Makes a session for whoever proved to have `credential`, and answers it with its user; `None` when the account has
/// changed since. `service` passed the sign-in on.
pub(crate) async fn session_create(
    database: &Database,
    service: Option<&ServiceCaller>,
    credential: &Credential,
    new: &NewSession<'_>,
) -> Result<Option<(SessionRow, UserRow)>, Failure> {
    let user_id = credential.user_id;
    let event = AuditEvent::new(
        AuditEventType::SessionCreated,
        Actor::user(user_id, service),
        &AuditSubject::User(user_id),
    );
    let rows: Vec<SignedInRow> = database
        .write(async |conn: &mut Connection| {
            let query = sql_query(SESSION_CREATE)
                .bind::<BigInt, _>(user_id.get())
                .bind::<Text, _>(credential.password_hash.0.expose_secret())
                .bind::<Text, _>(new.device_label.as_str())
                .bind::<Text, _>(&event.address)
                .bind::<Interval, _>(new.lifetime)
                .bind::<Bytea, _>(new.token_hash)
                .bind::<Text, _>(event.event_type.as_str())
                .bind::<Text, _>(&event.actor)
                .bind::<Text, _>(&event.service)
                .bind::<Text, _>(&event.subject)
                .bind::<Text, _>(&event.request_id);
            // To the end: `get_result` would leave with the first row, before the commit has gone well.
            Ok(run("session_create", query.load(conn)).await?)
        })
        .await?;
    Ok(rows.into_iter().next().map(SignedInRow::into_parts))
}

/// A user's living sessions, newest first, and the token of the next page.
pub(crate) async fn sessions_page(
    database: &Database,
    user_id: UserId,
    page: &Page,
) -> Result<(Vec<SessionRow>, String), Failure> {
    let mut rows = database
        .read(async |conn: &mut Connection| {
            let mut query = sessions::table
                .filter(sessions::user_id.eq(user_id.get()))
                .filter(sessions::expires_at.gt(diesel::dsl::now))
                .order((sessions::created_at.desc(), sessions::id.desc()))
                .limit(page.limit())
                .select(SessionRow::as_select())
                .into_boxed();
            if let Some(after) = page.after() {
                let beyond = sql::<Bool>("(created_at, id) < (")
                    .bind::<Timestamptz, _>(cursor_time(*after))
                    .sql(", ")
                    .bind::<BigInt, _>(after.key)
                    .sql(")");
                query = query.filter(beyond);
            }
            Ok(run("sessions_page", kept(query).load(conn)).await?)
        })
        .await?;
    let next = page.finish(&mut rows, |row| cursor(row.created_at, row.id));
    Ok((rows, next))
}

/// Ends one of a user's living sessions, for `caller`, and answers it as it was.
pub(crate) async fn session_delete(
    database: &Database,
    caller: &Caller,
    user_id: UserId,
    session_id: SessionId,
) -> Result<Option<SessionRow>, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            let own = sessions::table
                .find(session_id.get())
                .filter(sessions::user_id.eq(user_id.get()))
                .filter(sessions::expires_at.gt(diesel::dsl::now));
            let delete = diesel::delete(own).returning(SessionRow::as_returning());
            let ended = run("session_delete", delete.get_result(conn)).await.optional()?;
            sessions_revoked_in_txn(conn, caller, user_id, usize::from(ended.is_some())).await?;
            Ok(ended)
        })
        .await
}

/// Ends a user's sessions, but for `kept`, and answers how many. A user does so for itself alone.
pub(crate) async fn sessions_delete(
    database: &Database,
    caller: &Caller,
    user_id: UserId,
    kept: Option<SessionId>,
) -> Result<usize, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            if !user_lock_in_txn(conn, user_id, caller.user_id()).await? {
                return Err(not_owned(conn, user_id).await?.into());
            }
            let ended = sessions_delete_in_txn(conn, user_id, kept).await?;
            sessions_revoked_in_txn(conn, caller, user_id, ended).await?;
            Ok(ended)
        })
        .await
}

/// One event for one act, with the number of sessions that it ended; none when there were none.
async fn sessions_revoked_in_txn(
    conn: &mut Connection,
    caller: &Caller,
    user_id: UserId,
    ended: usize,
) -> Result<(), DbError> {
    if ended == 0 {
        return Ok(());
    }
    let subject = AuditSubject::User(user_id);
    let event = AuditEvent::new(AuditEventType::SessionRevoked, caller, &subject);
    audit_event_create_in_txn(conn, &event.times(ended)).await
}

/// Ends a user's sessions, but for `kept`, and answers how many there were; those that had expired were none any more.
/// The user is locked before.
pub(super) async fn sessions_delete_in_txn(
    conn: &mut Connection,
    user_id: UserId,
    kept: Option<SessionId>,
) -> Result<usize, DbError> {
    let others = sessions::table
        .filter(sessions::user_id.eq(user_id.get()))
        .filter(sessions::id.ne(kept.map_or(0, SessionId::get)));
    let delete = diesel::delete(others).returning(sessions::expires_at.gt(diesel::dsl::now));
    let lived: Vec<bool> = run("sessions_delete", delete.get_results(conn)).await?;
    Ok(lived.into_iter().filter(|lived| *lived).count())
}

/// The failure of a call that names a session which is not the caller's.
pub(crate) fn session_not_found(id: SessionId) -> Failure {
    Failure::new(
        Reason::SessionNotFound,
        "there is no such session among the caller's",
    )
    .with_resource("kith.identity.v1.Session", format!("sessions/{id}"))
}
