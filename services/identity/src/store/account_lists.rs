use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, OptionalRow, cursor, cursor_time, kept, run, sql_query};
use kith_primitives::{Failure, NameCursor, Page, UserId};
use kith_schema::tables::identity::users;

use super::users::not_owned;
use super::{AccountRow, UserRow};
use crate::domain::SearchQuery;

/// One account. With an `owner`, only if it is that user.
pub(crate) async fn account_find(
    database: &Database,
    user_id: UserId,
    owner: Option<UserId>,
) -> Result<AccountRow, Failure> {
    database
        .read(async |conn: &mut Connection| {
            let own = users::table
                .find(user_id.get())
                .filter(users::id.eq(owner.unwrap_or(user_id).get()));
            let query = own.select(AccountRow::as_select());
            match run("account_find", query.first(conn)).await.optional()? {
                Some(row) => Ok(row),
                None => Err(not_owned(conn, user_id).await?.into()),
            }
        })
        .await
}

/// Every account, newest first, and the token of the next page.
pub(crate) async fn accounts_page(
    database: &Database,
    page: &Page,
) -> Result<(Vec<AccountRow>, String), Failure> {
    let mut rows = database
        .read(async |conn: &mut Connection| {
            let mut query = users::table
                .order((users::date_joined.desc(), users::id.desc()))
                .limit(page.limit())
                .select(AccountRow::as_select())
                .into_boxed();
            if let Some(after) = page.after() {
                let beyond = sql::<Bool>("(date_joined, id) < (")
                    .bind::<Timestamptz, _>(cursor_time(*after))
                    .sql(", ")
                    .bind::<BigInt, _>(after.key)
                    .sql(")");
                query = query.filter(beyond);
            }
            Ok(run("accounts_page", kept(query).load(conn)).await?)
        })
        .await?;
    let next = page.finish(&mut rows, |row| cursor(row.user.date_joined, row.user.id));
    Ok((rows, next))
}

/// A user with the name that a search found it by.
#[derive(Clone, Debug, QueryableByName)]
struct Match {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(embed)]
    user: UserRow,
}

/// A prefix is a range of the index: from itself to itself with more of the last of all characters behind it than a name
/// has. A user with several matching names stands where the first of them does, and nowhere else: a subquery and not a
/// join, so that the order of the index is the order of the answer.
const USERS_SEARCH: &str = "
SELECT found.name, users.id, username, first_name, last_name, is_active, date_joined
FROM identity.user_names AS found JOIN identity.users ON users.id = found.user_id
WHERE (found.name, found.user_id) > (greatest(lower($1) COLLATE \"C\", $2), $3)
    AND found.name < lower($1) || repeat(U&'\\+10FFFF', 1000)
    AND is_active
    AND found.name = (
        SELECT min(own.name) FROM identity.user_names AS own
        WHERE own.user_id = found.user_id AND own.name >= lower($1)
    )
ORDER BY found.name, found.user_id
LIMIT $4
";

/// Active users with a name that begins with `query`, in the order of the names, and the token of the next page.
pub(crate) async fn users_search(
    database: &Database,
    query: &SearchQuery,
    page: &Page<NameCursor>,
) -> Result<(Vec<UserRow>, String), Failure> {
    let start = NameCursor {
        name: String::new(),
        key: 0,
    };
    let after = page.after().unwrap_or(&start);
    let mut rows: Vec<Match> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(USERS_SEARCH)
                .bind::<Text, _>(query.as_str())
                .bind::<Text, _>(&after.name)
                .bind::<BigInt, _>(after.key)
                .bind::<BigInt, _>(page.limit());
            Ok(run("users_search", query.load(conn)).await?)
        })
        .await?;
    let next = page.finish(&mut rows, |row| NameCursor {
        name: row.name.clone(),
        key: row.user.id,
    });
    Ok((rows.into_iter().map(|row| row.user).collect(), next))
}
