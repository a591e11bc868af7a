use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, cursor, page_start, run, sql_query};
use kith_primitives::{ConversationId, Cursor, Failure, Page, UserId};

use super::conversations::{MaybeMessageRow, conversation_not_found, member_exists_in};
use super::messages::{MessageRow, is_reader, message_columns, visible};
use crate::domain::Query;

/// At most as many messages does one call look at, so that none costs more than that, whatever is searched for.
const LOOKED_AT: i64 = 10_000;

/// Looks at the messages of a step `looked`, which is in order and says of each whether it `is_hit`; answers the hits of a
/// page, and, where these do not fill it, beside them or alone how far it has come. It looks no further than that takes.
macro_rules! hits {
    ($looked:expr) => {
        concat!(
            "WITH looked AS MATERIALIZED (",
            $looked,
            "), page AS MATERIALIZED (
                SELECT id, row_number() OVER () AS place FROM (SELECT id FROM looked WHERE is_hit LIMIT $5) AS hits
            ), reach AS MATERIALIZED (
                SELECT id AS reached_id, seq AS reached_seq, created_at AS reached_at, looked_at
                FROM (
                    SELECT *, row_number() OVER () AS looked_at FROM looked WHERE (SELECT count(*) FROM page) < $5
                ) AS numbered
                ORDER BY looked_at DESC LIMIT 1
            )
            SELECT reached_id, reached_seq, reached_at, looked_at, found.*
            FROM reach FULL JOIN (
                SELECT place, ",
            message_columns!(),
            "   FROM page
                JOIN messaging.messages ON messages.id = page.id
                JOIN messaging.members AS reader ON ",
            is_reader!(),
            ") AS found ON true
            ORDER BY place"
        )
    };
}

/// Whether a message contains the text `$4`.
macro_rules! is_hit {
    () => {
        "coalesce(strpos(lower(content), lower($4)) > 0, false) AS is_hit"
    };
}

const MESSAGES_SEARCH: &str = hits!(concat!(
    "SELECT id, seq, created_at, ",
    is_hit!(),
    " FROM (
            (
                SELECT id, seq, created_at, content FROM messaging.messages
                WHERE sender_id = $1 AND NOT hidden_from_sender AND (created_at, id) < ($2, $3)
                ORDER BY created_at DESC, id DESC
                LIMIT $6
            ) UNION ALL (
                SELECT id, seq, created_at, content FROM messaging.messages
                WHERE receiver_id = $1 AND NOT hidden_from_receiver AND (created_at, id) < ($2, $3)
                ORDER BY created_at DESC, id DESC
                LIMIT $6
            )
            ORDER BY created_at DESC, id DESC
            LIMIT $6
        ) AS newest"
));

const CONVERSATION_SEARCH: &str = hits!(concat!(
    "SELECT id, seq, created_at, ",
    is_hit!(),
    " FROM (
            SELECT FROM messaging.members WHERE conversation_id = $2 AND user_id = $1 LIMIT 1
        ) AS own CROSS JOIN LATERAL (
            SELECT id, seq, created_at, content FROM messaging.messages
            WHERE conversation_id = $2 AND seq < $3 AND ",
    visible!(),
    "   ORDER BY seq DESC
            LIMIT $6
        ) AS newest"
));

/// Without a reach when the hits fill the page.
#[derive(QueryableByName)]
struct HitRow {
    #[diesel(sql_type = Nullable<BigInt>)]
    reached_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    reached_seq: Option<i64>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    reached_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    looked_at: Option<i64>,
    #[diesel(embed)]
    message: MaybeMessageRow,
}

/// Messages by or to `user_id` that contain `query`, newest first.
pub(crate) async fn messages_search(
    database: &Database,
    user_id: UserId,
    query: &Query,
    page: &Page,
) -> Result<(Vec<MessageRow>, String), Failure> {
    let (time, key) = page_start(page);
    let rows: Vec<HitRow> = database
        .read(async |conn: &mut Connection| {
            let search = sql_query(MESSAGES_SEARCH)
                .bind::<BigInt, _>(user_id.get())
                .bind::<Timestamptz, _>(time)
                .bind::<BigInt, _>(key)
                .bind::<Text, _>(query.as_str())
                .bind::<BigInt, _>(page.limit())
                .bind::<BigInt, _>(LOOKED_AT);
            Ok(run("messages_search", search.load(conn)).await?)
        })
        .await?;
    let reached = rows
        .as_slice()
        .first()
        .and_then(|row| Some(cursor(row.reached_at?, row.reached_id?)));
    Ok(finish(page, rows, reached, |row| cursor(row.created_at, row.id)))
}

/// The same in one conversation of `user_id`'s. The key of its cursors is a seq.
pub(crate) async fn conversation_search(
    database: &Database,
    user_id: UserId,
    conversation_id: ConversationId,
    query: &Query,
    page: &Page,
) -> Result<(Vec<MessageRow>, String), Failure> {
    let (_, before) = page_start(page);
    let rows: Vec<HitRow> = database
        .read(async |conn: &mut Connection| {
            let search = sql_query(CONVERSATION_SEARCH)
                .bind::<BigInt, _>(user_id.get())
                .bind::<BigInt, _>(conversation_id.get())
                .bind::<BigInt, _>(before)
                .bind::<Text, _>(query.as_str())
                .bind::<BigInt, _>(page.limit())
                .bind::<BigInt, _>(LOOKED_AT);
            let rows: Vec<HitRow> = run("conversation_search", search.load(conn)).await?;
            if rows.is_empty() && !member_exists_in(conn, user_id, conversation_id).await? {
                return Err(conversation_not_found(conversation_id).into());
            }
            Ok(rows)
        })
        .await?;
    let reached = rows
        .as_slice()
        .first()
        .and_then(|row| Some(cursor(row.reached_at?, row.reached_seq?)));
    Ok(finish(page, rows, reached, |row| cursor(row.created_at, row.seq)))
}

/// The hits of a page, and the token of the next: from the last hit on, or from where the search had to stop.
fn finish(
    page: &Page,
    rows: Vec<HitRow>,
    reached: Option<Cursor>,
    position: impl Fn(&MessageRow) -> Cursor,
) -> (Vec<MessageRow>, String) {
    let stopped = rows
        .as_slice()
        .first()
        .is_some_and(|row| row.looked_at.is_some_and(|looked_at| looked_at >= LOOKED_AT));
    let mut hits: Vec<MessageRow> = rows
        .into_iter()
        .filter_map(|row| row.message.into_row())
        .collect();
    let next = page.finish(&mut hits, position);
    let reached = reached.filter(|_| stopped && next.is_empty());
    let next = reached.map_or(next, |reached| page.token(&reached));
    (hits, next)
}
