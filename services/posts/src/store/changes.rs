use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, run};
use kith_primitives::{Etag, Failure, PostId, Reason, UserId};
use kith_rules::posts::POST;

use super::entities::{
    JudgedRow, allowed, bind_entities, blocks, entities_create, judged, mentioned, unless_mentioned_left,
};
use super::posts::{post_find, post_not_found};
use super::shape::{PostRow, of_page};
use crate::domain::{Content, Entities, MediaUrl, PostChange, PostKind};

/// Everything in one statement, although it waits for the post's lock, and sees mentions and hashtags as they were before
/// it waited: they change only together with the version. Where the version was another one before, nothing is done, and
/// the next statement sees what has changed. Its mentions and hashtags are read anew where the content becomes another;
/// rows with the same keys go before they come.
const POST_UPDATE: &str = concat!(
    "
WITH seen AS MATERIALIZED (
    SELECT version FROM posts.posts WHERE id = $8
), locked AS MATERIALIZED (
    SELECT * FROM posts.posts WHERE id = $8 AND author_id = $1 FOR NO KEY UPDATE
), wanted AS MATERIALIZED (
    SELECT
        *,
        coalesce($9, content) AS new_content, coalesce($10, type) AS new_type, coalesce($11, media_url) AS new_media_url
    FROM locked
    WHERE version = (SELECT version FROM seen)
        AND version = coalesce($12, version)
        AND (content, type, media_url) <> (coalesce($9, content), coalesce($10, type), coalesce($11, media_url))
), accounts AS MATERIALIZED (
    SELECT id, is_active FROM identity.accounts WHERE id = $1
), ",
    mentioned!(),
    ", targets AS MATERIALIZED (
    SELECT user_id, is_active, start AS place
    FROM mentioned
    WHERE EXISTS (SELECT FROM wanted WHERE content <> new_content)
        AND user_id NOT IN (SELECT user_id FROM posts.mentions WHERE post_id = $8)
), ",
    blocks!(),
    ", granted AS MATERIALIZED (
    SELECT *, clock_timestamp() AS changed_at FROM wanted WHERE NOT EXISTS (SELECT FROM targets) OR ",
    allowed!(),
    "
), edited AS (
    INSERT INTO posts.post_edits (post_id, version, content, type, media_url, started_at, ended_at)
    SELECT id, version, content, type, media_url, updated_at, changed_at FROM granted
), updated AS (
    UPDATE posts.posts
    SET content = new_content, type = new_type, media_url = new_media_url, updated_at = changed_at,
        version = granted.version + 1
    FROM granted WHERE posts.id = granted.id
    RETURNING posts.*
), mentions_gone AS (
    DELETE FROM posts.mentions WHERE post_id IN (SELECT id FROM granted WHERE content <> new_content) RETURNING post_id
), hashtags_gone AS (
    DELETE FROM posts.hashtags WHERE post_id IN (SELECT id FROM granted WHERE content <> new_content) RETURNING post_id
), written AS MATERIALIZED (
    SELECT id, created_at FROM granted
    WHERE content <> new_content
        AND (SELECT count(*) FROM mentions_gone) + (SELECT count(*) FROM hashtags_gone) >= 0
), ",
    entities_create!(),
    ", page AS MATERIALIZED (
    SELECT
        latest.*,
        latest.version = (SELECT version FROM seen) AS is_as_seen,
        EXISTS (SELECT FROM updated) AS is_updated,
        EXISTS (SELECT FROM written) AS is_reread,
        ",
    judged!(),
    "
    FROM (SELECT * FROM updated UNION ALL SELECT * FROM locked WHERE NOT EXISTS (SELECT FROM updated)) AS latest
)",
    of_page!(),
);

#[derive(QueryableByName)]
struct UpdateOutcome {
    #[diesel(embed)]
    post: PostRow,
    #[diesel(embed)]
    judged: JudgedRow,
    /// Whether a post that was not changed has the version that the statement's snapshot shows.
    #[diesel(sql_type = Bool)]
    is_as_seen: bool,
    #[diesel(sql_type = Bool)]
    is_updated: bool,
    /// Whether mentions and hashtags were written, which the statement does not see.
    #[diesel(sql_type = Bool)]
    is_reread: bool,
}

/// Changes a post of the author's, and answers it as it is then. What does not change it is no change: its time and version
/// stand still.
pub(crate) async fn post_update(
    database: &Database,
    author_id: UserId,
    id: PostId,
    change: &PostChange,
) -> Result<PostRow, Failure> {
    let entities = change.content.as_ref().map(Entities::of).unwrap_or_default();
    loop {
        let outcomes = post_update_once(database, author_id, id, change, &entities).await?;
        let Some(outcomes) = outcomes else { continue };
        let Some(outcome) = outcomes.into_iter().next() else {
            return Err(not_owned(database, author_id, id).await);
        };
        if outcome.is_updated || outcome.is_as_seen {
            return outcome.result(author_id, change, entities);
        }
        // The statement waited for another change.
    }
}

async fn post_update_once(
    database: &Database,
    author_id: UserId,
    id: PostId,
    change: &PostChange,
    entities: &Entities,
) -> Result<Option<Vec<UpdateOutcome>>, Failure> {
    let content = change.content.as_ref().map(Content::as_str);
    let media_url = change.media_url.as_ref().map(MediaUrl::as_str);
    database
        .write(async |conn: &mut Connection| {
            let query = bind_entities(POST_UPDATE, author_id, entities)
                .bind::<BigInt, _>(id.get())
                .bind::<Nullable<Text>, _>(content)
                .bind::<Nullable<Text>, _>(change.kind.map(PostKind::as_str))
                .bind::<Nullable<Text>, _>(media_url)
                .bind::<Nullable<BigInt>, _>(change.etag.map(Etag::version));
            Ok(unless_mentioned_left(run("post_update", query.load(conn)).await)?)
        })
        .await
}

impl UpdateOutcome {
    fn result(self, author_id: UserId, change: &PostChange, entities: Entities) -> Result<PostRow, Failure> {
        if self.is_reread {
            return Ok(self.judged.named_in(entities, self.post));
        }
        if self.is_updated {
            return Ok(self.post);
        }
        if change
            .etag
            .is_some_and(|etag| etag.version() != self.post.version)
        {
            return Err(Etag::mismatch());
        }
        self.judged.decide(author_id)?;
        Ok(self.post)
    }
}

/// Why nothing of `id` is the user's: it is somebody else's, or not there for the user.
pub(super) async fn not_owned(database: &Database, user_id: UserId, id: PostId) -> Failure {
    match post_find(database, Some(user_id), id).await {
        Ok(Some(_)) => Failure::new(Reason::NotOwner, "this belongs to another user")
            .with_resource(POST, format!("posts/{id}")),
        Ok(None) => post_not_found(id),
        Err(failure) => failure,
    }
}
