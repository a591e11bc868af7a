use chrono::TimeDelta;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, DbError, OptionalRow, kept, run};
use kith_primitives::{Context, Failure, ServiceCaller, SessionId, UserId};
use kith_schema::tables::identity::{refresh_tokens, sessions, users};

use super::SessionRow;
use super::audit::audit_event_create_in_txn;
use crate::domain::{Actor, AuditEvent, AuditEventType, AuditSubject};

/// What became of the exchange of a refresh token.
#[derive(Clone, Debug)]
pub(crate) enum Refresh {
    /// It was good, and its successor is the session's live token now.
    Exchanged(SessionRow),
    /// Nobody's token, or that of a session that has ended.
    Invalid,
    /// It was exchanged within [`RACE`]; the session lives.
    AlreadyExchanged,
    /// It was exchanged earlier; its session has been ended.
    Reused,
}

/// Seconds within which a second exchange is an honest race, as of two tabs; a later one is theft.
const RACE: &str = "rotated_at > clock_timestamp() - interval '10 seconds'";

/// What the exchange leaves behind.
pub(crate) struct NextToken<'a> {
    pub(crate) hash: &'a [u8],
    pub(crate) lifetime: TimeDelta,
}

/// The session that a token belongs to, living or not.
pub(crate) async fn refresh_token_session(
    database: &Database,
    hash: &[u8],
) -> Result<Option<SessionId>, Failure> {
    let id = database
        .read(async |conn: &mut Connection| Ok(session_of_token(conn, hash).await?))
        .await?;
    Ok(id.map(SessionId::from_database))
}

/// Exchanges the token with `hash` for `next`. What must survive a refusal is committed before this returns. `service`
/// passed the call on.
pub(crate) async fn refresh_token_exchange(
    database: &Database,
    service: Option<&ServiceCaller>,
    hash: &[u8],
    next: &NextToken<'_>,
) -> Result<Refresh, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            // The session is locked before its tokens, as its deletion locks them.
            let Some(session) = session_lock_in_txn(conn, hash).await? else {
                return Ok(Refresh::Invalid);
            };
            let live = refresh_tokens::table
                .find(hash)
                .filter(refresh_tokens::rotated_at.is_null());
            let rotate = diesel::update(live).set(refresh_tokens::rotated_at.eq(clock()));
            if run("refresh_token_rotate", kept(rotate).execute(conn)).await? == 1 {
                return Ok(Refresh::Exchanged(
                    session_extend_in_txn(conn, session.id, next).await?,
                ));
            }
            let race = refresh_tokens::table.find(hash).select(sql::<Bool>(RACE));
            if run("refresh_token_race", kept(race).get_result(conn)).await? {
                return Ok(Refresh::AlreadyExchanged);
            }
            let end = diesel::delete(sessions::table.find(session.id));
            run("session_delete", end.execute(conn)).await?;
            audit_event_create_in_txn(conn, &reused(service, &session)).await?;
            Ok(Refresh::Reused)
        })
        .await
}

/// The living session of a token, if its user is active.
async fn session_lock_in_txn(conn: &mut Connection, hash: &[u8]) -> Result<Option<SessionRow>, Abort> {
    let Some(id) = session_of_token(conn, hash).await? else {
        return Ok(None);
    };
    let active = users::table.filter(users::is_active).select(users::id);
    let lock = sessions::table
        .find(id)
        .filter(sessions::expires_at.gt(diesel::dsl::now))
        .filter(sessions::user_id.eq_any(active))
        .select(SessionRow::as_select())
        .for_update();
    Ok(run("session_lock", lock.first(conn)).await.optional()?)
}

async fn session_of_token(conn: &mut Connection, hash: &[u8]) -> Result<Option<i64>, DbError> {
    let of_token = refresh_tokens::table
        .find(hash)
        .select(refresh_tokens::session_id);
    run("refresh_token_find", of_token.first(conn)).await.optional()
}

/// Nobody is the actor: whoever holds a spent token has proved nothing.
fn reused(service: Option<&ServiceCaller>, session: &SessionRow) -> AuditEvent {
    let subject = AuditSubject::User(UserId::from_database(session.user_id));
    AuditEvent::new(
        AuditEventType::RefreshTokenReused,
        Actor::nobody(service),
        &subject,
    )
}

async fn session_extend_in_txn(
    conn: &mut Connection,
    id: i64,
    next: &NextToken<'_>,
) -> Result<SessionRow, Abort> {
    let insert = diesel::insert_into(refresh_tokens::table).values((
        refresh_tokens::token_hash.eq(next.hash),
        refresh_tokens::session_id.eq(id),
    ));
    run("refresh_token_create", insert.execute(conn)).await?;
    let extend = diesel::update(sessions::table.find(id))
        .set((
            sessions::address.eq(Context::client_address()),
            sessions::refreshed_at.eq(diesel::dsl::now),
            sessions::expires_at
                .eq(sql::<Timestamptz>("now() + ").bind::<diesel::sql_types::Interval, _>(next.lifetime)),
        ))
        .returning(SessionRow::as_returning());
    Ok(run("session_extend", kept(extend).get_result(conn)).await?)
}

/// The time now and not when the transaction began: it may have waited for the exchange that won.
fn clock() -> diesel::expression::SqlLiteral<Nullable<Timestamptz>> {
    sql("clock_timestamp()")
}
