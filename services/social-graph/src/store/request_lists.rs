use diesel::sql_types::{BigInt, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, cursor, page_start, run, sql_query};
use kith_primitives::{Failure, Page, UserId};

use super::requests::RequestRow;

const SENT_PAGE: &str = "
SELECT id, from_user_id, to_user_id, note, created_at FROM social_graph.friend_requests
WHERE from_user_id = $1 AND (created_at, id) < ($2, $3)
ORDER BY created_at DESC, id DESC
LIMIT $4
";

const RECEIVED_PAGE: &str = "
SELECT id, from_user_id, to_user_id, note, created_at FROM social_graph.friend_requests
WHERE to_user_id = $1 AND (created_at, id) < ($2, $3)
ORDER BY created_at DESC, id DESC
LIMIT $4
";

/// A page of requests, and the token of the next one.
pub(crate) type RequestsPage = (Vec<RequestRow>, String);

/// The open requests of `user_id`, newest first.
pub(crate) async fn sent_requests_page(
    database: &Database,
    user_id: UserId,
    page: &Page,
) -> Result<RequestsPage, Failure> {
    page_of(database, "sent_requests_page", SENT_PAGE, user_id, page).await
}

/// The open requests to `user_id`, newest first.
pub(crate) async fn received_requests_page(
    database: &Database,
    user_id: UserId,
    page: &Page,
) -> Result<RequestsPage, Failure> {
    page_of(database, "received_requests_page", RECEIVED_PAGE, user_id, page).await
}

async fn page_of(
    database: &Database,
    name: &'static str,
    sql: &'static str,
    user_id: UserId,
    page: &Page,
) -> Result<RequestsPage, Failure> {
    let (time, key) = page_start(page);
    let mut rows: Vec<RequestRow> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(sql)
                .bind::<BigInt, _>(user_id.get())
                .bind::<Timestamptz, _>(time)
                .bind::<BigInt, _>(key)
                .bind::<BigInt, _>(page.limit());
            Ok(run(name, query.load(conn)).await?)
        })
        .await?;
    let next = page.finish(&mut rows, |row| cursor(row.created_at, row.id));
    Ok((rows, next))
}
