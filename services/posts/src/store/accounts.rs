use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, run, sql_query};
use kith_primitives::UserId;
use kith_rules::identity::user_not_found;

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    is_there: bool,
}

const ACCOUNT_EXISTS: &str = "
WITH account AS MATERIALIZED (SELECT FROM identity.accounts WHERE id = $1)
SELECT EXISTS (SELECT FROM account) AS is_there
";

/// Refuses to answer an empty list of somebody who is not there.
pub(super) async fn account_required(conn: &mut Connection, id: UserId) -> Result<(), Abort> {
    let query = sql_query(ACCOUNT_EXISTS).bind::<BigInt, _>(id.get());
    let found: Found = run("account_exists", query.get_result(conn)).await?;
    if found.is_there {
        Ok(())
    } else {
        Err(user_not_found(id).into())
    }
}
