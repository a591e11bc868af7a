use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, OptionalRow, kept, run, sql_query};
use kith_primitives::{Caller, Failure, Reason, UserId};
use kith_rules::identity::user_not_found;
use kith_schema::tables::identity::users;

use super::audit::audit_event_create_in_txn;
use crate::domain::{AuditEvent, AuditEventType, AuditSubject, Username};

/// The public part of a user. A password hash is never selected together with it.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable, QueryableByName)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub(crate) struct UserRow {
    pub(crate) id: i64,
    pub(crate) username: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) is_active: bool,
    pub(crate) date_joined: DateTime<Utc>,
}

/// A user with what only its owner may know.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub(crate) struct AccountRow {
    #[diesel(embed)]
    pub(crate) user: UserRow,
    pub(crate) email: Option<String>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) version: i64,
}

/// The expression of the unique index on email addresses.
pub(super) const EMAIL_KEY: &str = "lower(email COLLATE \"C\")";
/// The expression of the unique index on usernames.
pub(super) const USERNAME_KEY: &str = "lower(username COLLATE \"C\")";

/// Deletions run one at a time: two cascades that meet in the same counters would be each other's deadlock.
const DELETE_LOCK: i64 = 0x6b69_7468_0000_0001;

/// One user.
pub(crate) async fn user_find(database: &Database, id: UserId) -> Result<UserRow, Failure> {
    let query = async |conn: &mut Connection| {
        let query = users::table.find(id.get()).select(UserRow::as_select());
        Ok(run("user_find", query.first(conn)).await.optional()?)
    };
    database
        .read(query)
        .await?
        .ok_or_else(|| user_not_found(id.get()))
}

/// The users with these ids or names, in no particular order, each once.
pub(crate) async fn users_find(
    database: &Database,
    ids: &[i64],
    usernames: &[Username],
) -> Result<Vec<UserRow>, Failure> {
    let keys: Vec<String> = usernames.iter().map(Username::key).collect();
    database
        .read(async |conn: &mut Connection| {
            let query = users::table
                .filter(users::id.eq_any(ids).or(sql::<Text>(USERNAME_KEY).eq_any(&keys)))
                .select(UserRow::as_select());
            Ok(run("users_find", kept(query).load(conn)).await?)
        })
        .await
}

/// Where the service ends meanwhile, the server notices, and does not go on with it.
const DELETE_TURN: &str = "
SELECT pg_advisory_xact_lock($1), set_config('client_connection_check_interval', '5s', true)
";

/// Messaging publishes it for this: conversations go before the user, since whoever sends locks them in that order.
const DELETE_CONVERSATIONS: &str = "SELECT messaging.user_forget($1)";

/// Removes a user, for `caller`, and by cascade everything that hangs on it.
pub(crate) async fn user_delete(
    database: &Database,
    caller: &Caller,
    id: UserId,
) -> Result<Option<UserRow>, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            let turn = sql_query(DELETE_TURN).bind::<BigInt, _>(DELETE_LOCK);
            run("user_delete_lock", turn.execute(conn)).await?;
            let forget = sql_query(DELETE_CONVERSATIONS).bind::<BigInt, _>(id.get());
            run("user_conversations_delete", forget.execute(conn)).await?;
            let delete = diesel::delete(users::table.find(id.get())).returning(UserRow::as_returning());
            let deleted = run("user_delete", delete.get_result(conn)).await.optional()?;
            if deleted.is_some() {
                let subject = AuditSubject::User(id);
                let event = AuditEvent::new(AuditEventType::UserDeleted, caller, &subject);
                audit_event_create_in_txn(conn, &event).await?;
            }
            Ok(deleted)
        })
        .await
}

/// Whether there is such a user.
pub(crate) async fn user_exists(database: &Database, id: UserId) -> Result<bool, Failure> {
    database
        .read(async |conn: &mut Connection| user_exists_in_txn(conn, id).await)
        .await
}

/// Locks a user, the `owner`'s own where there is one, and answers whether there is such a user.
///
/// Whatever ends several sessions of a user does this first: it waits for sign-ins under way, whose share lock this
/// one excludes, and two that end the same sessions, each in an order of its own, are not each other's deadlock.
pub(super) async fn user_lock_in_txn(
    conn: &mut Connection,
    id: UserId,
    owner: Option<UserId>,
) -> Result<bool, Abort> {
    let own = users::table
        .find(id.get())
        .filter(users::id.eq(owner.unwrap_or(id).get()))
        .select(users::id)
        .for_no_key_update();
    let locked: Option<i64> = run("user_lock", own.first(conn)).await.optional()?;
    Ok(locked.is_some())
}

/// Why nothing of `id` is the caller's: it is somebody else's, or nobody's.
pub(super) async fn not_owned(conn: &mut Connection, id: UserId) -> Result<Failure, Abort> {
    Ok(if user_exists_in_txn(conn, id).await? {
        not_owner(id)
    } else {
        user_not_found(id.get())
    })
}

async fn user_exists_in_txn(conn: &mut Connection, id: UserId) -> Result<bool, Abort> {
    let exists = diesel::select(diesel::dsl::exists(users::table.find(id.get())));
    Ok(run("user_exists", exists.get_result(conn)).await?)
}

/// The failure of a write to what is somebody else's.
pub(crate) fn not_owner(id: UserId) -> Failure {
    Failure::new(Reason::NotOwner, "this belongs to another user")
        .with_resource(kith_rules::identity::USER, format!("users/{id}"))
}
