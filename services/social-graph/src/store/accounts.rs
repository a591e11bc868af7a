use std::collections::HashSet;

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, OptionalRow, run};
use kith_primitives::{Failure, Reason, UserId};
use kith_rules::identity::{USER, user_not_found};
use kith_schema::tables::identity::accounts;

/// Whether there is such a user, active or not.
pub(super) async fn account_exists(conn: &mut Connection, id: UserId) -> Result<bool, Abort> {
    let query = diesel::select(diesel::dsl::exists(accounts::table.find(id.get())));
    Ok(run("account_exists", query.get_result(conn)).await?)
}

/// Those of `ids` that are users, active or not.
pub(super) async fn accounts_find_in_txn(conn: &mut Connection, ids: &[i64]) -> Result<HashSet<i64>, Abort> {
    let query = accounts::table
        .filter(accounts::id.eq_any(ids))
        .select(accounts::id);
    let ids: Vec<i64> = run("accounts_find", query.load(conn)).await?;
    Ok(ids.into_iter().collect())
}

/// One of `ids` that is deactivated, if one is.
pub(super) async fn inactive_find_in_txn(
    conn: &mut Connection,
    ids: &[UserId],
) -> Result<Option<UserId>, Abort> {
    let ids = ids.iter().map(|id| id.get());
    let query = accounts::table
        .filter(accounts::id.eq_any(ids.collect::<Vec<_>>()))
        .filter(diesel::dsl::not(accounts::is_active))
        .select(accounts::id)
        .order(accounts::id);
    let inactive: Option<i64> = run("inactive_find", query.first(conn)).await.optional()?;
    Ok(inactive.map(UserId::from_database))
}

/// Why a user cannot have what belongs to `id`: it is somebody else's, or nobody's.
pub(crate) async fn not_owned(database: &Database, id: UserId) -> Result<Failure, Failure> {
    let exists = database
        .read(async |conn: &mut Connection| account_exists(conn, id).await)
        .await?;
    Ok(if exists { not_owner(id) } else { user_not_found(id) })
}

/// The failure of a user who asks for what belongs to another.
pub(crate) fn not_owner(id: UserId) -> Failure {
    Failure::new(Reason::NotOwner, "this belongs to another user").with_resource(USER, format!("users/{id}"))
}
