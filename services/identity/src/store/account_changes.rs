use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, DbError, OptionalRow, run};
use kith_primitives::{Caller, Etag, Failure, UserId};
use kith_rules::identity::user_not_found;
use kith_schema::tables::identity::users;

use super::audit::audit_event_create_in_txn;
use super::sessions::sessions_delete_in_txn;
use super::users::{not_owned, user_lock_in_txn};
use super::{AccountRow, UserRow};
use crate::domain::{AccountChange, AuditEvent, AuditEventType, AuditSubject, Email};

/// Changes the account `user_id`, for `caller` if it is its own, and answers it as it is then.
pub(crate) async fn account_update(
    database: &Database,
    caller: &Caller,
    user_id: UserId,
    change: &AccountChange,
) -> Result<AccountRow, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            let owner = caller.user_id().map_or(0, UserId::get);
            let own = users::table.find(user_id.get()).filter(users::id.eq(owner));
            let lock = own.select(AccountRow::as_select()).for_no_key_update();
            let Some(row) = run("account_lock", lock.first(conn)).await.optional()? else {
                return Err(not_owned(conn, user_id).await?.into());
            };
            if change.etag.is_some_and(|etag| etag.version() != row.version) {
                return Err(Etag::mismatch().into());
            }
            account_set_in_txn(conn, caller, row, change).await
        })
        .await
}

/// Writes only what really changes: time and version stand still otherwise.
async fn account_set_in_txn(
    conn: &mut Connection,
    caller: &Caller,
    row: AccountRow,
    change: &AccountChange,
) -> Result<AccountRow, Abort> {
    let wanted = with(&row, change);
    if wanted == row {
        return Ok(row);
    }
    let update = diesel::update(users::table.find(row.user.id))
        .set((
            users::username.eq(&wanted.user.username),
            users::email.eq(&wanted.email),
            users::first_name.eq(&wanted.user.first_name),
            users::last_name.eq(&wanted.user.last_name),
            users::updated_at.eq(sql::<Timestamptz>("clock_timestamp()")),
            users::version.eq(users::version + 1),
        ))
        .returning(AccountRow::as_returning());
    let updated: AccountRow = run("account_update", update.get_result(conn)).await?;
    if (&row.user.username, &row.email) != (&updated.user.username, &updated.email) {
        changed_in_txn(conn, AuditEventType::AccountUpdated, caller, row.user.id).await?;
    }
    Ok(updated)
}

/// The account after `change`, but for time and version, which the database gives.
fn with(row: &AccountRow, change: &AccountChange) -> AccountRow {
    let mut wanted = row.clone();
    if let Some(username) = &change.username {
        username.as_str().clone_into(&mut wanted.user.username);
    }
    if let Some(email) = &change.email {
        wanted.email = email.as_ref().map(Email::as_str).map(str::to_owned);
    }
    if let Some(name) = &change.first_name {
        name.as_str().clone_into(&mut wanted.user.first_name);
    }
    if let Some(name) = &change.last_name {
        name.as_str().clone_into(&mut wanted.user.last_name);
    }
    wanted
}

/// Deactivates `user_id` and ends its sessions. A user does so for itself alone.
pub(crate) async fn user_deactivate(
    database: &Database,
    caller: &Caller,
    user_id: UserId,
) -> Result<UserRow, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            if !user_lock_in_txn(conn, user_id, caller.user_id()).await? {
                return Err(not_owned(conn, user_id).await?.into());
            }
            let user = user_set_active_in_txn(conn, caller, user_id, false).await?;
            // A statement after the lock, so that it sees the sessions of sign-ins which the lock waited for.
            sessions_delete_in_txn(conn, user_id, None).await?;
            user.ok_or_else(|| user_not_found(user_id).into())
        })
        .await
}

/// Reactivates `user_id`.
pub(crate) async fn user_reactivate(
    database: &Database,
    caller: &Caller,
    user_id: UserId,
) -> Result<UserRow, Failure> {
    let user = database
        .transaction(async |conn: &mut Connection| user_set_active_in_txn(conn, caller, user_id, true).await)
        .await?;
    user.ok_or_else(|| user_not_found(user_id))
}

async fn user_set_active_in_txn(
    conn: &mut Connection,
    caller: &Caller,
    user_id: UserId,
    active: bool,
) -> Result<Option<UserRow>, Abort> {
    let lock = users::table
        .find(user_id.get())
        .select(UserRow::as_select())
        .for_no_key_update();
    let row: Option<UserRow> = run("user_lock", lock.first(conn)).await.optional()?;
    if row.as_ref().is_none_or(|row| row.is_active == active) {
        return Ok(row);
    }
    let update = diesel::update(users::table.find(user_id.get()))
        .set((
            users::is_active.eq(active),
            users::updated_at.eq(sql::<Timestamptz>("clock_timestamp()")),
            users::version.eq(users::version + 1),
        ))
        .returning(UserRow::as_returning());
    let updated = run("user_set_active", update.get_result(conn)).await?;
    let event_type = match active {
        true => AuditEventType::UserReactivated,
        false => AuditEventType::UserDeactivated,
    };
    changed_in_txn(conn, event_type, caller, user_id.get()).await?;
    Ok(Some(updated))
}

async fn changed_in_txn(
    conn: &mut Connection,
    event_type: AuditEventType,
    caller: &Caller,
    user_id: i64,
) -> Result<(), DbError> {
    let subject = AuditSubject::User(UserId::from_database(user_id));
    audit_event_create_in_txn(conn, &AuditEvent::new(event_type, caller, &subject)).await
}
