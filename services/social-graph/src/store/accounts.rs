use diesel::QueryDsl;
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

/// The failure of a write that meets a deactivated user.
pub(super) fn user_inactive(id: UserId) -> Failure {
    Failure::new(
        Reason::UserInactive,
        "the user is deactivated and takes no new interactions",
    )
    .with_resource(USER, format!("users/{id}"))
}
