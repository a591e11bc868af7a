use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, DbError, OptionalRow, cursor, cursor_time, kept, run};
use kith_primitives::{Failure, Page, Reason, ServiceCaller, ServiceId};
use kith_rules::identity::SERVICE_ACCOUNT;
use kith_schema::tables::identity::service_accounts;

use super::audit_event_create_in_txn;
use crate::domain::{AuditEvent, AuditEventType, AuditSubject, Scopes, ServiceName, ServiceSecret};

/// A service account. Its secret's hash is never selected.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = service_accounts, check_for_backend(diesel::pg::Pg))]
pub(crate) struct ServiceAccountRow {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) secret_updated_at: DateTime<Utc>,
    pub(crate) revoked_at: Option<DateTime<Utc>>,
}

/// Makes a service account, for `caller`.
pub(crate) async fn service_account_create(
    database: &Database,
    caller: &ServiceCaller,
    name: &ServiceName,
    scopes: &Scopes,
    secret: &ServiceSecret,
) -> Result<ServiceAccountRow, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            let insert = diesel::insert_into(service_accounts::table)
                .values((
                    service_accounts::name.eq(name.as_str()),
                    service_accounts::scopes.eq(scopes.as_slice()),
                    service_accounts::secret_hash.eq(secret.hash()),
                ))
                .returning(ServiceAccountRow::as_returning());
            let row: ServiceAccountRow = run("service_account_create", insert.get_result(conn)).await?;
            audit_in_txn(conn, AuditEventType::ServiceAccountCreated, caller, &row).await?;
            Ok(row)
        })
        .await
}

/// The account of this name, and whether this is its secret and it is not revoked.
///
/// One statement decides, with the same work for all who are refused: the name's place in the index. That the database
/// compares hashes byte by byte tells nothing: nobody can aim at the hash of 256 random bits, and whoever learnt a part
/// of one would be no nearer to the secret.
pub(crate) async fn service_account_prove(
    database: &Database,
    name: Option<&ServiceName>,
    secret: &ServiceSecret,
) -> Result<Option<(ServiceAccountRow, bool)>, Failure> {
    // No account's name is empty.
    let name = name.map_or("", ServiceName::as_str);
    database
        .read(async |conn: &mut Connection| {
            let proven = service_accounts::secret_hash
                .eq(secret.hash())
                .and(service_accounts::revoked_at.is_null());
            let query = service_accounts::table
                .filter(service_accounts::name.eq(name))
                .select((ServiceAccountRow::as_select(), proven));
            Ok(run("service_account_prove", query.first(conn)).await.optional()?)
        })
        .await
}

/// Every service account, newest first, and the token of the next page.
pub(crate) async fn service_accounts_page(
    database: &Database,
    page: &Page,
) -> Result<(Vec<ServiceAccountRow>, String), Failure> {
    let mut rows = database
        .read(async |conn: &mut Connection| {
            let mut query = service_accounts::table
                .order((service_accounts::created_at.desc(), service_accounts::id.desc()))
                .limit(page.limit())
                .select(ServiceAccountRow::as_select())
                .into_boxed();
            if let Some(after) = page.after() {
                let beyond = sql::<Bool>("(created_at, id) < (")
                    .bind::<Timestamptz, _>(cursor_time(*after))
                    .sql(", ")
                    .bind::<BigInt, _>(after.key)
                    .sql(")");
                query = query.filter(beyond);
            }
            Ok(run("service_accounts_page", kept(query).load(conn)).await?)
        })
        .await?;
    let next = page.finish(&mut rows, |row| cursor(row.created_at, row.id));
    Ok((rows, next))
}

/// Gives an account that is not revoked another secret, for `caller`.
pub(crate) async fn service_secret_rotate(
    database: &Database,
    caller: &ServiceCaller,
    id: ServiceId,
    secret: &ServiceSecret,
) -> Result<ServiceAccountRow, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            let good = service_accounts::table
                .find(id.get())
                .filter(service_accounts::revoked_at.is_null());
            let update = diesel::update(good)
                .set((
                    service_accounts::secret_hash.eq(secret.hash()),
                    service_accounts::secret_updated_at.eq(sql::<Timestamptz>("clock_timestamp()")),
                ))
                .returning(ServiceAccountRow::as_returning());
            let Some(row) = run("service_secret_rotate", update.get_result(conn))
                .await
                .optional()?
            else {
                // It is not there, or was revoked; perhaps while the update waited for that.
                let found = service_account_find_in_txn(conn, id).await?;
                return Err(found.map_or_else(|| not_found(id), |_| revoked(id)).into());
            };
            audit_in_txn(conn, AuditEventType::ServiceSecretRotated, caller, &row).await?;
            Ok(row)
        })
        .await
}

/// Revokes an account, for `caller`. One that is revoked already stays as it is.
pub(crate) async fn service_account_revoke(
    database: &Database,
    caller: &ServiceCaller,
    id: ServiceId,
) -> Result<ServiceAccountRow, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            let good = service_accounts::table
                .find(id.get())
                .filter(service_accounts::revoked_at.is_null());
            let update = diesel::update(good)
                .set(service_accounts::revoked_at.eq(sql::<Nullable<Timestamptz>>("clock_timestamp()")))
                .returning(ServiceAccountRow::as_returning());
            let Some(row) = run("service_account_revoke", update.get_result(conn))
                .await
                .optional()?
            else {
                let found = service_account_find_in_txn(conn, id).await?;
                return found.ok_or_else(|| not_found(id).into());
            };
            audit_in_txn(conn, AuditEventType::ServiceAccountRevoked, caller, &row).await?;
            Ok(row)
        })
        .await
}

async fn audit_in_txn(
    conn: &mut Connection,
    event_type: AuditEventType,
    caller: &ServiceCaller,
    row: &ServiceAccountRow,
) -> Result<(), DbError> {
    let subject = AuditSubject::ServiceAccount(ServiceId::from_database(row.id));
    audit_event_create_in_txn(conn, &AuditEvent::new(event_type, caller, &subject)).await
}

async fn service_account_find_in_txn(
    conn: &mut Connection,
    id: ServiceId,
) -> Result<Option<ServiceAccountRow>, Abort> {
    let query = service_accounts::table
        .find(id.get())
        .select(ServiceAccountRow::as_select());
    Ok(run("service_account_find", query.first(conn)).await.optional()?)
}

fn not_found(id: ServiceId) -> Failure {
    Failure::new(Reason::ServiceAccountNotFound, "there is no such service account")
        .with_resource(SERVICE_ACCOUNT, resource(id))
}

fn revoked(id: ServiceId) -> Failure {
    Failure::new(
        Reason::ServiceAccountRevoked,
        "the service account has been revoked",
    )
    .with_resource(SERVICE_ACCOUNT, resource(id))
}

fn resource(id: ServiceId) -> String {
    format!("serviceAccounts/{id}")
}
