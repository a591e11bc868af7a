use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, run, sql_query};
use kith_primitives::{Failure, PostId, ReplayKey, UserId};
use kith_rules::identity::user_inactive;
use kith_rules::posts::{POSTS_AUTHOR_ID_FKEY, POSTS_PARENT_ID_FKEY, REQUESTS_USER_ID_FKEY};

use super::entities::{
    JudgedRow, allowed, bind_entities, blocks, entities_create, judged, mentioned, unless_mentioned_left,
};
use super::posts::post_find;
use super::shape::PostRow;
use crate::domain::{Entities, PostDraft};

/// What became of a wish to post.
#[derive(Clone, Debug)]
pub(crate) struct CreatedPost {
    pub(crate) post: PostRow,
    /// Whether an earlier request with the same id made it.
    pub(crate) replayed: bool,
}

/// A request that was there before comes first: nothing is locked or judged for it. A reply locks its parent before
/// anything is written. The request is claimed before the post is made, with the post's id: where another call has it
/// already, which this statement waits for, nothing is made.
const POST_CREATE: &str = concat!(
    "
WITH replayed AS MATERIALIZED (
    SELECT fingerprint, post_id FROM posts.requests WHERE user_id = $1 AND request_id = $12
), parent AS MATERIALIZED (
    SELECT posts.post_lock($11) AS author_id WHERE $11 IS NOT NULL AND NOT EXISTS (SELECT FROM replayed)
), accounts AS MATERIALIZED (
    SELECT id, is_active FROM identity.accounts WHERE id IN ($1, (SELECT author_id FROM parent))
), ",
    mentioned!(),
    ", targets AS MATERIALIZED (
    SELECT author_id AS user_id, is_active, -1 AS place
    FROM parent LEFT JOIN accounts ON accounts.id = author_id
    WHERE author_id IS NOT NULL
    UNION ALL
    SELECT user_id, is_active, start FROM mentioned
), ",
    blocks!(),
    ", granted AS MATERIALIZED (
    SELECT nextval('posts.posts_id_seq') AS id
    WHERE NOT EXISTS (SELECT FROM replayed)
        AND NOT EXISTS (SELECT FROM parent WHERE author_id IS NULL)
        AND ",
    allowed!(),
    "
), claimed AS (
    INSERT INTO posts.requests (user_id, request_id, fingerprint, post_id)
    SELECT $1, $12, $13, id FROM granted WHERE $12 IS NOT NULL
    ON CONFLICT ON CONSTRAINT posts_requests_pkey DO NOTHING
    RETURNING post_id
), written AS (
    INSERT INTO posts.posts (id, author_id, content, type, media_url, parent_id) OVERRIDING SYSTEM VALUE
    SELECT id, $1, $8, $9, $10, $11 FROM granted WHERE $12 IS NULL OR id IN (SELECT post_id FROM claimed)
    RETURNING id, created_at
), ",
    entities_create!(),
    "
SELECT
    (SELECT fingerprint FROM replayed) AS replayed_fingerprint,
    (SELECT post_id FROM replayed) AS replayed_id,
    (SELECT author_id FROM parent) AS parent_author_id,
    (SELECT id FROM written) AS made_id,
    (SELECT created_at FROM written) AS made_at,
    ",
    judged!(),
);

const REQUEST_FIND: &str = "
SELECT fingerprint, post_id FROM posts.requests WHERE user_id = $1 AND request_id = $2
";

#[derive(QueryableByName)]
struct CreateOutcome {
    #[diesel(sql_type = Nullable<Binary>)]
    replayed_fingerprint: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    replayed_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    parent_author_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    made_id: Option<i64>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    made_at: Option<DateTime<Utc>>,
    #[diesel(embed)]
    judged: JudgedRow,
}

/// A request that made a post before.
#[derive(QueryableByName)]
struct RequestRow {
    #[diesel(sql_type = Binary)]
    fingerprint: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    post_id: i64,
}

/// Makes a post, or answers the one that the request with this key made before.
pub(crate) async fn post_create(
    database: &Database,
    author_id: UserId,
    draft: &PostDraft,
    key: Option<&ReplayKey>,
) -> Result<CreatedPost, Failure> {
    let entities = Entities::of(&draft.content);
    loop {
        let outcome = post_create_once(database, author_id, draft, key, &entities).await?;
        let Some(outcome) = outcome else { continue };
        if let (Some(key), Some(request)) = (key, outcome.replayed()) {
            return replay(database, author_id, key, request).await;
        }
        if let Some((id, made_at)) = outcome.made_id.zip(outcome.made_at) {
            let post = made(author_id, draft, id, made_at);
            return Ok(CreatedPost {
                post: outcome.judged.named_in(entities, post),
                replayed: false,
            });
        }
        if let Err(refused) = outcome.decide(author_id, draft, key) {
            return refuse(database, author_id, key, refused).await;
        }
        // Another call claimed the request after the statement's snapshot. The next statement sees it.
    }
}

async fn post_create_once(
    database: &Database,
    author_id: UserId,
    draft: &PostDraft,
    key: Option<&ReplayKey>,
    entities: &Entities,
) -> Result<Option<CreateOutcome>, Failure> {
    database
        .write(async |conn: &mut Connection| {
            let query = bind_entities(POST_CREATE, author_id, entities)
                .bind::<Text, _>(draft.content.as_str())
                .bind::<Text, _>(draft.kind.as_str())
                .bind::<Text, _>(draft.media_url.as_str())
                .bind::<Nullable<BigInt>, _>(draft.parent_id.map(PostId::get))
                .bind::<Nullable<Uuid>, _>(key.map(ReplayKey::id))
                .bind::<Nullable<Binary>, _>(key.map(ReplayKey::fingerprint));
            let outcomes = unless_mentioned_left(run("post_create", query.load(conn)).await)?;
            let outcome = outcomes.map(|outcomes| outcomes.into_iter().next());
            let missing = || Failure::internal("a post that was tried has no outcome");
            Ok(outcome.map(|outcome| outcome.ok_or_else(missing)).transpose()?)
        })
        .await
}

impl CreateOutcome {
    fn replayed(&self) -> Option<RequestRow> {
        let (fingerprint, post_id) = self.replayed_fingerprint.clone().zip(self.replayed_id)?;
        Some(RequestRow { fingerprint, post_id })
    }

    /// Why nothing was made, if it was refused. What is missing is told first, by the rule that would miss it.
    fn decide(&self, author_id: UserId, draft: &PostDraft, key: Option<&ReplayKey>) -> Result<(), Failure> {
        let Some(is_active) = self.judged.actor_active else {
            let rule = match key {
                Some(_) => &REQUESTS_USER_ID_FKEY,
                None => &POSTS_AUTHOR_ID_FKEY,
            };
            return Err(rule.failure());
        };
        if draft.parent_id.is_some() && self.parent_author_id.is_none() {
            return Err(POSTS_PARENT_ID_FKEY.failure());
        }
        if !is_active {
            return Err(user_inactive(author_id));
        }
        self.judged.decide(author_id)
    }
}

/// A post that has just been made, but for what its content names.
fn made(author_id: UserId, draft: &PostDraft, id: i64, made_at: DateTime<Utc>) -> PostRow {
    PostRow {
        id,
        author_id: author_id.get(),
        content: draft.content.as_str().to_owned(),
        kind: draft.kind.as_str().to_owned(),
        media_url: draft.media_url.as_str().to_owned(),
        parent_id: draft.parent_id.map(PostId::get),
        created_at: made_at,
        updated_at: made_at,
        version: 1,
        likes_count: 0,
        comment_count: 0,
        shares_count: 0,
        liked: false,
        shared: false,
        mention_user_ids: Vec::new(),
        mention_starts: Vec::new(),
        mention_ends: Vec::new(),
        hashtags: Vec::new(),
        hashtag_starts: Vec::new(),
        hashtag_ends: Vec::new(),
    }
}

/// Answers what an earlier request with the same id made, as it is now. Nobody is judged: it has been made.
async fn replay(
    database: &Database,
    author_id: UserId,
    key: &ReplayKey,
    request: RequestRow,
) -> Result<CreatedPost, Failure> {
    key.check(&request.fingerprint)?;
    let id = PostId::from_database(request.post_id);
    let post = post_find(database, Some(author_id), id).await?;
    Ok(CreatedPost {
        post: post.ok_or_else(ReplayKey::deleted)?,
        replayed: true,
    })
}

/// The same request may have made its post since the refusing statement's snapshot: then that is the answer.
async fn refuse(
    database: &Database,
    author_id: UserId,
    key: Option<&ReplayKey>,
    refused: Failure,
) -> Result<CreatedPost, Failure> {
    let Some(key) = key else {
        return Err(refused);
    };
    let requests = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(REQUEST_FIND)
                .bind::<BigInt, _>(author_id.get())
                .bind::<Uuid, _>(key.id());
            Ok(run("request_find", query.load::<RequestRow>(conn)).await?)
        })
        .await?;
    match requests.into_iter().next() {
        Some(request) => replay(database, author_id, key, request).await,
        None => Err(refused),
    }
}
