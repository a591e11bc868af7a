use std::collections::HashSet;

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, run};
use kith_primitives::{Failure, Reason, UserId};
use kith_rules::identity::USER;
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

/// The failure of a write that meets a deactivated user.
pub(super) fn user_inactive(id: UserId) -> Failure {
    Failure::new(
        Reason::UserInactive,
        "the user is deactivated and takes no new interactions",
    )
    .with_resource(USER, format!("users/{id}"))
}
