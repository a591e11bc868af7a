//! What the statements that write a content have in common: whom it mentions, whether its author may, and the rows.
//!
//! Their first parameters are the author, `$1`, and [`bind_entities`]'s.

use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text};
use kith_postgres::{DbError, Kept, sql_query};
use kith_primitives::{Failure, UserId};
use kith_rules::posts::MENTIONS_USER_ID_FKEY;

use super::shape::PostRow;
use crate::domain::{Entities, Parties, Place, decide};

/// The step `mentioned`: of the usernames that may be meant at a place, the longest that somebody has.
macro_rules! mentioned {
    () => {
        "handles AS MATERIALIZED (
    SELECT id, username_key, is_active FROM identity.handles WHERE username_key = ANY ($2)
), mentioned AS MATERIALIZED (
    SELECT DISTINCT ON (place.start) handles.id AS user_id, is_active, place.start, place.stop
    FROM unnest($2, $3, $4) AS place (name, start, stop) JOIN handles ON handles.username_key = place.name
    ORDER BY place.start, place.stop DESC
)"
    };
}

/// The step `blocks`: those of the step `targets` between whom and the author a block stands, in either direction. Each pair is
/// looked up by itself: planned for any arguments, one condition for all targets read everybody who blocks the author.
macro_rules! blocks {
    () => {
        "blocks AS MATERIALIZED (
    SELECT targets.user_id FROM targets CROSS JOIN LATERAL (
        SELECT FROM social_graph.block_edges WHERE blocker_id = $1 AND blocked_id = targets.user_id
        UNION ALL
        SELECT FROM social_graph.block_edges WHERE blocker_id = targets.user_id AND blocked_id = $1
        LIMIT 1
    ) AS block
)"
    };
}

/// Whether the author may, as [`JudgedRow::decide`] decides it, from the steps `accounts`, `targets` and `blocks`.
macro_rules! allowed {
    () => {
        "((SELECT is_active FROM accounts WHERE id = $1)
        AND NOT EXISTS (SELECT FROM targets WHERE is_active IS NOT TRUE)
        AND NOT EXISTS (SELECT FROM blocks))"
    };
}

/// The columns of a [`JudgedRow`].
macro_rules! judged {
    () => {
        "(SELECT is_active FROM accounts WHERE id = $1) AS actor_active,
    (SELECT coalesce(array_agg(user_id ORDER BY place), '{}') FROM targets) AS target_ids,
    (SELECT coalesce(array_agg(is_active ORDER BY place), '{}') FROM targets) AS targets_active,
    (SELECT coalesce(array_agg(user_id), '{}') FROM blocks) AS blocked_ids,
    (SELECT coalesce(array_agg(user_id ORDER BY start), '{}') FROM mentioned) AS mentioned_ids,
    (SELECT coalesce(array_agg(start ORDER BY start), '{}') FROM mentioned) AS mentioned_starts,
    (SELECT coalesce(array_agg(stop ORDER BY start), '{}') FROM mentioned) AS mentioned_ends"
    };
}

/// The steps that store what the content of the post in the step `written` names.
macro_rules! entities_create {
    () => {
        "mentions_made AS (
    INSERT INTO posts.mentions (post_id, user_id, created_at, starts, ends)
    SELECT written.id, user_id, created_at, array_agg(start ORDER BY start), array_agg(stop ORDER BY start)
    FROM written CROSS JOIN mentioned
    GROUP BY written.id, user_id, created_at
), hashtags_made AS (
    INSERT INTO posts.hashtags (post_id, tag, created_at, starts, ends)
    SELECT id, tag, created_at, array_agg(start ORDER BY start), array_agg(stop ORDER BY start)
    FROM written CROSS JOIN unnest($5, $6, $7) AS place (tag, start, stop)
    GROUP BY id, tag, created_at
)"
    };
}

pub(super) use {allowed, blocks, entities_create, judged, mentioned};

/// Whom a write has to do with, as its statement saw them.
#[derive(Clone, Debug, QueryableByName)]
pub(super) struct JudgedRow {
    /// `None` when the author has been deleted.
    #[diesel(sql_type = Nullable<Bool>)]
    pub(super) actor_active: Option<bool>,
    /// Who is judged, in the order in which refusals are told.
    #[diesel(sql_type = Array<BigInt>)]
    target_ids: Vec<i64>,
    #[diesel(sql_type = Array<Nullable<Bool>>)]
    targets_active: Vec<Option<bool>>,
    #[diesel(sql_type = Array<BigInt>)]
    blocked_ids: Vec<i64>,
    /// For each place where somebody is mentioned, in the order of places, who; and so on.
    #[diesel(sql_type = Array<BigInt>)]
    mentioned_ids: Vec<i64>,
    #[diesel(sql_type = Array<Integer>)]
    mentioned_starts: Vec<i32>,
    #[diesel(sql_type = Array<Integer>)]
    mentioned_ends: Vec<i32>,
}

impl JudgedRow {
    /// Why `actor_id` may not, if so.
    pub(super) fn decide(&self, actor_id: UserId) -> Result<(), Failure> {
        for (target_id, target_active) in self.target_ids.iter().zip(&self.targets_active) {
            decide(Parties {
                actor_id,
                actor_active: self.actor_active,
                target_id: UserId::from_database(*target_id),
                target_active: *target_active,
                is_blocked: self.blocked_ids.contains(target_id),
            })?;
        }
        Ok(())
    }

    /// The post with what its content names, which no statement sees in the rows that it writes itself.
    pub(super) fn named_in(self, entities: Entities, post: PostRow) -> PostRow {
        let (hashtags, hashtag_starts, hashtag_ends) = columns(entities.hashtags);
        PostRow {
            mention_user_ids: self.mentioned_ids,
            mention_starts: self.mentioned_starts,
            mention_ends: self.mentioned_ends,
            hashtags,
            hashtag_starts,
            hashtag_ends,
            ..post
        }
    }
}

/// A statement with its first parameters, `$1` to `$7`.
pub(super) fn bind_entities<'a>(
    sql: &'static str,
    author_id: UserId,
    entities: &Entities,
) -> Kept<BoxedSqlQuery<'a, Pg, SqlQuery>> {
    let (usernames, username_starts, username_ends) = columns(entities.usernames.clone());
    let (hashtags, hashtag_starts, hashtag_ends) = columns(entities.hashtags.clone());
    sql_query(sql)
        .bind::<BigInt, _>(author_id.get())
        .bind::<Array<Text>, _>(usernames)
        .bind::<Array<Integer>, _>(username_starts)
        .bind::<Array<Integer>, _>(username_ends)
        .bind::<Array<Text>, _>(hashtags)
        .bind::<Array<Integer>, _>(hashtag_starts)
        .bind::<Array<Integer>, _>(hashtag_ends)
}

/// What a write answered; `None` when a user whom it mentions was deleted after its snapshot. Nothing was written then, and
/// the next statement takes the name for text.
pub(super) fn unless_mentioned_left<T>(answer: Result<T, DbError>) -> Result<Option<T>, DbError> {
    match answer {
        Err(error) if error.breaks(&MENTIONS_USER_ID_FKEY) => Ok(None),
        answer => answer.map(Some),
    }
}

fn columns(places: Vec<Place>) -> (Vec<String>, Vec<i32>, Vec<i32>) {
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for place in places {
        columns.0.push(place.name);
        columns.1.push(place.start);
        columns.2.push(place.end);
    }
    columns
}
