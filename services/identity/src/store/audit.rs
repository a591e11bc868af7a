use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, DbError, run};
use kith_primitives::Failure;
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
    ));
    run("audit_event_create", insert.execute(conn)).await?;
    Ok(())
}

/// The first of its kind, of one subject and from one address, within a minute makes a row, and the others count on it.
const COUNT: &str = "
INSERT INTO identity.audit_events (type, actor, service, subject, address, request_id, minute)
VALUES ($1, $2, $3, $4, $5, $6, date_trunc('minute', now()))
ON CONFLICT (type, subject, address, minute) WHERE minute IS NOT NULL
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
