use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, OptionalRow, run, sql_query};
use kith_primitives::{Failure, FriendRequestId, Reason, UserId};
use kith_rules::identity::user_inactive;
use kith_rules::social_graph::{FRIEND_REQUEST, FRIEND_REQUESTS_TO_USER_ID_FKEY};

use super::accounts::inactive_find_in_txn;
use super::friendships::{FriendshipRow, friendship_create_in_txn, friendship_find_in_txn};
use super::interactions::facts_find_in_txn;
use crate::FriendSettings;
use crate::domain::{Facts, Note, Pair, decide};

/// A friend request.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct RequestRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) from_user_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) to_user_id: i64,
    #[diesel(sql_type = Text)]
    pub(crate) note: String,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) created_at: DateTime<Utc>,
}

/// What became of a wish to be friends.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Created(RequestRow),
    BecameFriends(FriendshipRow),
    RequestExisting(RequestRow),
    FriendshipExisting(FriendshipRow),
}

/// Also the lock under which the sender's open requests are counted. It is the last one that anybody takes, so that nobody
/// waits for it in a circle.
const SEND_LOCK: &str = "SELECT social_graph.pair_lock($1, $2), social_graph.sender_lock($1)";

/// Who asks lifts its own decline.
const REQUEST_CREATE: &str = "
WITH lifted AS (
    DELETE FROM social_graph.friend_request_declines WHERE from_user_id = $2 AND to_user_id = $1
)
INSERT INTO social_graph.friend_requests (from_user_id, to_user_id, note) VALUES ($1, $2, $3)
RETURNING id, from_user_id, to_user_id, note, created_at
";

const REQUEST_FIND_BETWEEN: &str = "
SELECT id, from_user_id, to_user_id, note, created_at FROM social_graph.friend_requests
WHERE least(from_user_id, to_user_id) = least($1::bigint, $2)
    AND greatest(from_user_id, to_user_id) = greatest($1::bigint, $2)
";

const REQUEST_DELETE_BETWEEN: &str = "
DELETE FROM social_graph.friend_requests
WHERE least(from_user_id, to_user_id) = least($1::bigint, $2)
    AND greatest(from_user_id, to_user_id) = greatest($1::bigint, $2)
RETURNING id, from_user_id, to_user_id, note, created_at
";

const REQUEST_FIND: &str = "
SELECT id, from_user_id, to_user_id, note, created_at FROM social_graph.friend_requests
WHERE id = $1 AND $2 IN (from_user_id, to_user_id)
";

/// Whose request it is never changes, so that it can be read before the lock is there.
const REQUEST_LOCK: &str = "
SELECT id, from_user_id, to_user_id, note, created_at, social_graph.pair_lock(from_user_id, to_user_id)
FROM social_graph.friend_requests
WHERE id = $1 AND $2 IN (from_user_id, to_user_id)
";

const REQUEST_DELETE: &str = "
DELETE FROM social_graph.friend_requests WHERE id = $1
RETURNING id, from_user_id, to_user_id, note, created_at
";

const DECLINE_CREATE: &str = "
INSERT INTO social_graph.friend_request_declines (from_user_id, to_user_id, expires_at)
VALUES ($1, $2, now() + $3::bigint * interval '1 millisecond')
ON CONFLICT ON CONSTRAINT social_graph_friend_request_declines_pkey DO UPDATE SET expires_at = excluded.expires_at
";

/// Asks for friendship, or becomes friends with who asked. What exists is a failure unless `allow_existing`.
pub(crate) async fn request_send(
    database: &Database,
    settings: FriendSettings,
    pair: Pair,
    note: &Note,
    allow_existing: bool,
) -> Result<Asked, Failure> {
    let (from, to) = (pair.one(), pair.other());
    database
        .transaction(async |conn: &mut Connection| {
            send_lock_in_txn(conn, from, to).await?;
            let facts = request_facts_in_txn(conn, pair, settings).await?;
            let decision = decide(pair.request(), &facts, settings.max_open_requests);
            match decision {
                Err(failure) if allow_existing && is_existing(&failure) => {
                    existing_in_txn(conn, from, to).await
                }
                Err(failure) => Err(failure.into()),
                Ok(()) if facts.was_asked => {
                    request_delete_between_in_txn(conn, from, to).await?;
                    let friendship = friendship_create_in_txn(conn, from, to).await?;
                    Ok(Asked::BecameFriends(friendship))
                }
                Ok(()) => Ok(Asked::Created(request_create_in_txn(conn, from, to, note).await?)),
            }
        })
        .await
}

async fn send_lock_in_txn(conn: &mut Connection, from: UserId, to: UserId) -> Result<(), Abort> {
    let query = sql_query(SEND_LOCK)
        .bind::<BigInt, _>(from.get())
        .bind::<BigInt, _>(to.get());
    run("send_lock", query.execute(conn)).await?;
    Ok(())
}

async fn request_facts_in_txn(
    conn: &mut Connection,
    pair: Pair,
    settings: FriendSettings,
) -> Result<Facts, Abort> {
    let facts = facts_find_in_txn(conn, &[pair.request()], settings.max_open_requests).await?;
    let facts = facts.into_iter().next();
    facts.ok_or_else(|| Failure::internal("there are no facts of a request").into())
}

fn is_existing(failure: &Failure) -> bool {
    matches!(
        failure.reason(),
        Reason::FriendRequestExists | Reason::FriendshipExists
    )
}

/// Only the end of one of the users can take away what there was a moment ago.
async fn existing_in_txn(conn: &mut Connection, from: UserId, to: UserId) -> Result<Asked, Abort> {
    if let Some(friendship) = friendship_find_in_txn(conn, from, to).await? {
        return Ok(Asked::FriendshipExisting(friendship));
    }
    let request = between_in_txn(
        conn,
        "friend_request_find_between",
        REQUEST_FIND_BETWEEN,
        from,
        to,
    )
    .await?;
    let request = request.ok_or_else(|| FRIEND_REQUESTS_TO_USER_ID_FKEY.failure())?;
    Ok(Asked::RequestExisting(request))
}

async fn request_create_in_txn(
    conn: &mut Connection,
    from: UserId,
    to: UserId,
    note: &Note,
) -> Result<RequestRow, Abort> {
    let query = sql_query(REQUEST_CREATE)
        .bind::<BigInt, _>(from.get())
        .bind::<BigInt, _>(to.get())
        .bind::<Text, _>(note.as_str());
    Ok(run("friend_request_create", query.get_result(conn)).await?)
}

/// Deletes the request between two users whose lock the caller has, in whichever direction, and answers it as it was.
pub(super) async fn request_delete_between_in_txn(
    conn: &mut Connection,
    one: UserId,
    other: UserId,
) -> Result<Option<RequestRow>, Abort> {
    between_in_txn(
        conn,
        "friend_request_delete_between",
        REQUEST_DELETE_BETWEEN,
        one,
        other,
    )
    .await
}

async fn between_in_txn(
    conn: &mut Connection,
    name: &'static str,
    sql: &'static str,
    one: UserId,
    other: UserId,
) -> Result<Option<RequestRow>, Abort> {
    let query = sql_query(sql)
        .bind::<BigInt, _>(one.get())
        .bind::<BigInt, _>(other.get());
    Ok(run(name, query.get_result(conn)).await.optional()?)
}

/// One side of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Sender,
    Receiver,
}

impl RequestRow {
    fn of(&self, side: Side) -> i64 {
        match side {
            Side::Sender => self.from_user_id,
            Side::Receiver => self.to_user_id,
        }
    }
}

/// Takes back a request of `user_id`'s and answers it as it was.
pub(crate) async fn request_cancel(
    database: &Database,
    id: FriendRequestId,
    user_id: UserId,
) -> Result<Option<RequestRow>, Failure> {
    database
        .transaction(async |conn: &mut Connection| request_take_in_txn(conn, id, user_id, Side::Sender).await)
        .await
}

/// Declines a request to `user_id` and answers it as it was. For `cooldown` the sender cannot ask again.
pub(crate) async fn request_decline(
    database: &Database,
    id: FriendRequestId,
    user_id: UserId,
    cooldown: Duration,
) -> Result<Option<RequestRow>, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            let request = request_take_in_txn(conn, id, user_id, Side::Receiver).await?;
            if let Some(request) = &request {
                decline_create_in_txn(conn, request, cooldown).await?;
            }
            Ok(request)
        })
        .await
}

/// Makes friends of `user_id` and who asked it.
pub(crate) async fn request_accept(
    database: &Database,
    id: FriendRequestId,
    user_id: UserId,
) -> Result<Option<FriendshipRow>, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            let Some(request) = request_take_in_txn(conn, id, user_id, Side::Receiver).await? else {
                return Ok(None);
            };
            let sender = UserId::from_database(request.from_user_id);
            if let Some(inactive) = inactive_find_in_txn(conn, &[user_id, sender]).await? {
                return Err(user_inactive(inactive).into());
            }
            Ok(Some(friendship_create_in_txn(conn, user_id, sender).await?))
        })
        .await
}

/// Locks the two users of a request and deletes it, where `user_id` has this side of it. Who has the other side is told
/// that it is not its own; for everybody else it is not there.
async fn request_take_in_txn(
    conn: &mut Connection,
    id: FriendRequestId,
    user_id: UserId,
    side: Side,
) -> Result<Option<RequestRow>, Abort> {
    let query = sql_query(REQUEST_LOCK)
        .bind::<BigInt, _>(id.get())
        .bind::<BigInt, _>(user_id.get());
    let seen: Option<RequestRow> = run("friend_request_lock", query.get_result(conn))
        .await
        .optional()?;
    let Some(seen) = seen else { return Ok(None) };
    if seen.of(side) != user_id.get() {
        return Err(not_owner(id).into());
    }
    // Whoever had the lock before may have taken it.
    let query = sql_query(REQUEST_DELETE).bind::<BigInt, _>(id.get());
    Ok(run("friend_request_delete", query.get_result(conn))
        .await
        .optional()?)
}

async fn decline_create_in_txn(
    conn: &mut Connection,
    request: &RequestRow,
    cooldown: Duration,
) -> Result<(), Abort> {
    if cooldown.is_zero() {
        return Ok(());
    }
    let query = sql_query(DECLINE_CREATE)
        .bind::<BigInt, _>(request.from_user_id)
        .bind::<BigInt, _>(request.to_user_id)
        .bind::<BigInt, _>(i64::try_from(cooldown.as_millis()).unwrap_or(i64::MAX));
    run("friend_request_decline_create", query.execute(conn)).await?;
    Ok(())
}

/// A request by or to `user_id`.
pub(crate) async fn request_find(
    database: &Database,
    id: FriendRequestId,
    user_id: UserId,
) -> Result<Option<RequestRow>, Failure> {
    database
        .read(async |conn: &mut Connection| {
            let query = sql_query(REQUEST_FIND)
                .bind::<BigInt, _>(id.get())
                .bind::<BigInt, _>(user_id.get());
            Ok(run("friend_request_find", query.get_result(conn))
                .await
                .optional()?)
        })
        .await
}

/// The failure of a call that names a request which is not there, or is between others.
pub(crate) fn request_not_found(id: FriendRequestId) -> Failure {
    Failure::new(Reason::FriendRequestNotFound, "there is no such friend request")
        .with_resource(FRIEND_REQUEST, format!("friendRequests/{id}"))
}

fn not_owner(id: FriendRequestId) -> Failure {
    Failure::new(
        Reason::NotOwner,
        "this is for the other user of the request to do",
    )
    .with_resource(FRIEND_REQUEST, format!("friendRequests/{id}"))
}
