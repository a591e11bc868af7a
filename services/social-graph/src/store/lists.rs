use diesel::dsl::{IntoBoxed, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, cursor, cursor_time, kept, run};
use kith_primitives::{Failure, Page, UserId};
use kith_rules::identity::user_not_found;
use kith_schema::tables::social_graph::follows;

use super::accounts::account_exists;
use super::follows::FollowRow;

/// A page of follows, and the token of the next one.
pub(crate) type FollowsPage = (Vec<FollowRow>, String);

type FollowsQuery = IntoBoxed<'static, follows::table, Pg>;

/// Who follows `user_id`, newest first.
pub(crate) async fn followers_page(
    database: &Database,
    user_id: UserId,
    page: &Page,
) -> Result<FollowsPage, Failure> {
    let query = || {
        after("(created_at, follower_id) < (", page)
            .filter(follows::followed_id.eq(user_id.get()))
            .order((follows::created_at.desc(), follows::follower_id.desc()))
    };
    let mut rows = page_of(database, "followers_page", user_id, page, query).await?;
    let next = page.finish(&mut rows, |row| cursor(row.created_at, row.follower_id));
    Ok((rows, next))
}

/// Whom `user_id` follows, newest first.
pub(crate) async fn following_page(
    database: &Database,
    user_id: UserId,
    page: &Page,
) -> Result<FollowsPage, Failure> {
    let query = || {
        after("(created_at, followed_id) < (", page)
            .filter(follows::follower_id.eq(user_id.get()))
            .order((follows::created_at.desc(), follows::followed_id.desc()))
    };
    let mut rows = page_of(database, "following_page", user_id, page, query).await?;
    let next = page.finish(&mut rows, |row| cursor(row.created_at, row.followed_id));
    Ok((rows, next))
}

/// The follows beyond the page's cursor. `comparison` compares rows, which one index range serves.
fn after(comparison: &str, page: &Page) -> FollowsQuery {
    let query = follows::table.into_boxed();
    let Some(cursor) = page.after() else { return query };
    let beyond = sql::<Bool>(comparison)
        .bind::<Timestamptz, _>(cursor_time(*cursor))
        .sql(", ")
        .bind::<BigInt, _>(cursor.key)
        .sql(")");
    query.filter(beyond)
}

/// An empty page may mean that there is no such user, and only then is it asked.
async fn page_of(
    database: &Database,
    name: &'static str,
    user_id: UserId,
    page: &Page,
    query: impl Fn() -> FollowsQuery + Send + Sync,
) -> Result<Vec<FollowRow>, Failure> {
    database
        .read(async |conn: &mut Connection| {
            let rows = query().limit(page.limit()).select(FollowRow::as_select());
            let rows: Vec<FollowRow> = run(name, kept(rows).load(conn)).await?;
            if rows.is_empty() && !account_exists(conn, user_id).await? {
                return Err(user_not_found(user_id).into());
            }
            Ok(rows)
        })
        .await
}
