use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, DbError, cursor, cursor_time, kept, run, sql_query};
use kith_primitives::{Failure, Page};
use kith_schema::tables::identity::audit_events;

use crate::domain::AuditEvent;

/// Writes what happened, in the transaction of what happened.
pub(crate) async fn audit_event_create_in_txn(
    conn: &mut Connection,
    event: &AuditEvent,
) -> Result<(), DbError> {
    let insert = diesel::insert_into(audit_events::table).values((
        audit_events::event_type.eq(event.event_type.as_str()),
        audit_events::actor.eq(&event.actor),
        audit_events::service.eq(&event.service),
        audit_events::subject.eq(&event.subject),
        audit_events::address.eq(&event.address),
        audit_events::request_id.eq(&event.request_id),
        audit_events::count.eq(event.count),
    ));
    run("audit_event_create", insert.execute(conn)).await?;
    Ok(())
}

/// The first of its kind, of one subject, from one address and by one actor, within a minute makes a row, and the others
/// count on it.
const COUNT: &str = "
INSERT INTO identity.audit_events (type, actor, service, subject, address, request_id, minute)
VALUES ($1, $2, $3, $4, $5, $6, date_trunc('minute', now()))
ON CONFLICT (type, subject, address, actor, service, minute) WHERE minute IS NOT NULL
DO UPDATE SET count = audit_events.count + 1, updated_at = now()
";

/// Counts what may happen so often that a row for each would fill the log, such as failed sign-ins. It is committed when
/// this returns.
pub(crate) async fn audit_event_count(database: &Database, event: &AuditEvent) -> Result<(), Failure> {
    database
        .write(async |conn: &mut Connection| {
            let upsert = sql_query(COUNT)
                .bind::<Text, _>(event.event_type.as_str())
                .bind::<Text, _>(&event.actor)
                .bind::<Text, _>(&event.service)
                .bind::<Text, _>(&event.subject)
                .bind::<Text, _>(&event.address)
                .bind::<Text, _>(&event.request_id);
            run("audit_event_count", upsert.execute(conn)).await?;
            Ok(())
        })
        .await
}

/// Something that happened.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = audit_events, check_for_backend(diesel::pg::Pg))]
pub(crate) struct AuditEventRow {
    pub(crate) id: i64,
    pub(crate) event_type: String,
    pub(crate) actor: String,
    pub(crate) service: String,
    pub(crate) subject: String,
    pub(crate) address: String,
    pub(crate) request_id: String,
    pub(crate) count: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// Every event, or every one of a `subject`, newest first, and the token of the next page.
pub(crate) async fn audit_events_page(
    database: &Database,
    subject: Option<&str>,
    page: &Page,
) -> Result<(Vec<AuditEventRow>, String), Failure> {
    let mut rows = database
        .read(async |conn: &mut Connection| {
            let mut query = audit_events::table
                .order((audit_events::created_at.desc(), audit_events::id.desc()))
                .limit(page.limit())
                .select(AuditEventRow::as_select())
                .into_boxed();
            if let Some(subject) = subject {
                query = query.filter(audit_events::subject.eq(subject));
            }
            if let Some(after) = page.after() {
                let beyond = sql::<Bool>("(created_at, id) < (")
                    .bind::<Timestamptz, _>(cursor_time(*after))
                    .sql(", ")
                    .bind::<BigInt, _>(after.key)
                    .sql(")");
                query = query.filter(beyond);
            }
            Ok(run("audit_events_page", kept(query).load(conn)).await?)
        })
        .await?;
    let next = page.finish(&mut rows, |row| cursor(row.created_at, row.id));
    Ok((rows, next))
}
