//! Likes and shares: two tables of one shape.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Nullable, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, run, sql_query};
use kith_primitives::{Failure, PostId, Reason, UserId};
use kith_rules::Rule;
use kith_rules::posts::{
    LIKE, LIKES_PKEY, LIKES_POST_ID_FKEY, LIKES_USER_ID_FKEY, SHARE, SHARES_PKEY, SHARES_POST_ID_FKEY,
    SHARES_USER_ID_FKEY,
};

use crate::domain::{Parties, Reaction, decide};

/// A like or a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct ReactionRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) post_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) user_id: i64,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) created_at: DateTime<Utc>,
}

/// What became of a wish to like or share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reacted {
    pub(crate) reaction: ReactionRow,
    /// Whether it was there before.
    pub(crate) existing: bool,
}

/// The post's lock first. Everything else goes on from the author that it answers. Blocks are looked up one pair at a time, by
/// their primary key: an OR would read all blocks of somebody. What is there is the first from there on in the order of the
/// primary key, which no other index has: a condition on both columns seems to cost the same by the index of a page, which
/// would be walked from end to end where very many like the post.
macro_rules! create {
    ($table:literal) => {
        concat!(
            "
WITH post AS MATERIALIZED (
    SELECT posts.post_lock($1) AS author_id
), accounts AS MATERIALIZED (
    SELECT id, is_active FROM identity.accounts WHERE id IN ($2, (SELECT author_id FROM post))
), blocks AS MATERIALIZED (
    SELECT FROM social_graph.block_edges WHERE blocker_id = $2 AND blocked_id = (SELECT author_id FROM post)
    UNION ALL
    SELECT FROM social_graph.block_edges WHERE blocker_id = (SELECT author_id FROM post) AND blocked_id = $2
), facts AS MATERIALIZED (
    SELECT
        author_id,
        (SELECT is_active FROM accounts WHERE id = $2) AS actor_active,
        (SELECT is_active FROM accounts WHERE id = author_id) AS author_active,
        EXISTS (SELECT FROM blocks) AS is_blocked
    FROM post
), made AS (
    INSERT INTO posts.",
            $table,
            " (post_id, user_id)
    SELECT $1, $2 FROM facts WHERE actor_active AND author_active AND NOT is_blocked
    ON CONFLICT ON CONSTRAINT posts_",
            $table,
            "_pkey DO NOTHING
    RETURNING created_at
)
SELECT
    author_id, actor_active, author_active, is_blocked,
    (SELECT created_at FROM made) AS made_at,
    (
        SELECT CASE WHEN (post_id, user_id) = ($1, $2) THEN created_at END FROM posts.",
            $table,
            "
        WHERE (post_id, user_id) >= ($1, $2) ORDER BY post_id, user_id LIMIT 1
    ) AS existing_since
FROM facts
"
        )
    };
}

/// The post's lock first. A post that is gone has taken its likes and shares with it. The row is found as in [`create`], and
/// named by its place, which it keeps: nobody ever changes one.
macro_rules! delete {
    ($table:literal) => {
        concat!(
            "
WITH post AS MATERIALIZED (
    SELECT posts.post_lock($1) AS author_id
), nearest AS MATERIALIZED (
    SELECT ctid AS place, post_id, user_id FROM posts.",
            $table,
            "
    WHERE (post_id, user_id) >= ($1, $2) ORDER BY post_id, user_id LIMIT 1
)
DELETE FROM posts.",
            $table,
            " AS reaction USING post
WHERE author_id IS NOT NULL
    AND reaction.ctid = ANY (ARRAY (SELECT place FROM nearest WHERE (post_id, user_id) = ($1, $2)))
RETURNING post_id, user_id, created_at
"
        )
    };
}

impl Reaction {
    /// The name of the statement that makes one, and its text; and so on.
    fn create(self) -> (&'static str, &'static str) {
        match self {
            Reaction::Like => ("like_create", create!("likes")),
            Reaction::Share => ("share_create", create!("shares")),
        }
    }

    fn delete(self) -> (&'static str, &'static str) {
        match self {
            Reaction::Like => ("like_delete", delete!("likes")),
            Reaction::Share => ("share_delete", delete!("shares")),
        }
    }

    fn existing(self) -> &'static Rule {
        match self {
            Reaction::Like => &LIKES_PKEY,
            Reaction::Share => &SHARES_PKEY,
        }
    }

    fn missing_post(self) -> &'static Rule {
        match self {
            Reaction::Like => &LIKES_POST_ID_FKEY,
            Reaction::Share => &SHARES_POST_ID_FKEY,
        }
    }

    fn missing_user(self) -> &'static Rule {
        match self {
            Reaction::Like => &LIKES_USER_ID_FKEY,
            Reaction::Share => &SHARES_USER_ID_FKEY,
        }
    }
}

#[derive(QueryableByName)]
struct CreateOutcome {
    /// `None` when there is no such post.
    #[diesel(sql_type = Nullable<BigInt>)]
    author_id: Option<i64>,
    #[diesel(sql_type = Nullable<Bool>)]
    actor_active: Option<bool>,
    #[diesel(sql_type = Nullable<Bool>)]
    author_active: Option<bool>,
    #[diesel(sql_type = Bool)]
    is_blocked: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    made_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    existing_since: Option<DateTime<Utc>>,
}

/// Makes a user like or share a post. What is there already is a failure unless `allow_existing`.
pub(crate) async fn reaction_create(
    database: &Database,
    reaction: Reaction,
    user_id: UserId,
    post_id: PostId,
    allow_existing: bool,
) -> Result<Reacted, Failure> {
    loop {
        let outcome = reaction_create_once(database, reaction, user_id, post_id).await?;
        let existing = outcome.existing_since.filter(|_| allow_existing);
        if let Some(created_at) = outcome.made_at.or(existing) {
            return Ok(Reacted {
                reaction: ReactionRow {
                    post_id: post_id.get(),
                    user_id: user_id.get(),
                    created_at,
                },
                existing: outcome.made_at.is_none(),
            });
        }
        outcome.decide(reaction, user_id)?;
        // The insert met a row that was made after the statement's snapshot. The next statement sees it.
    }
}

async fn reaction_create_once(
    database: &Database,
    reaction: Reaction,
    user_id: UserId,
    post_id: PostId,
) -> Result<CreateOutcome, Failure> {
    let (name, sql) = reaction.create();
    database
        .write(async |conn: &mut Connection| {
            let query = sql_query(sql)
                .bind::<BigInt, _>(post_id.get())
                .bind::<BigInt, _>(user_id.get());
            // To the end: `get_result` would leave with the first row, before the commit has gone well.
            let outcomes = run(name, query.load(conn)).await?;
            let outcome = outcomes.into_iter().next();
            Ok(outcome.ok_or_else(|| Failure::internal("a like or share that was tried has no outcome"))?)
        })
        .await
}

impl CreateOutcome {
    /// Why nothing was made, if it was refused. What is missing is told by the rule that would miss it, and what is there
    /// already before any policy, so that a repetition meets it whatever came since.
    fn decide(&self, reaction: Reaction, user_id: UserId) -> Result<(), Failure> {
        if self.actor_active.is_none() {
            return Err(reaction.missing_user().failure());
        }
        let Some(author_id) = self.author_id else {
            return Err(reaction.missing_post().failure());
        };
        if self.existing_since.is_some() {
            return Err(reaction.existing().failure());
        }
        decide(Parties {
            actor_id: user_id,
            actor_active: self.actor_active,
            target_id: UserId::from_database(author_id),
            target_active: self.author_active,
            is_blocked: self.is_blocked,
        })
    }
}

/// Removes a user's like or share and answers it as it was.
pub(crate) async fn reaction_delete(
    database: &Database,
    reaction: Reaction,
    user_id: UserId,
    post_id: PostId,
) -> Result<Option<ReactionRow>, Failure> {
    let (name, sql) = reaction.delete();
    database
        .write(async |conn: &mut Connection| {
            let query = sql_query(sql)
                .bind::<BigInt, _>(post_id.get())
                .bind::<BigInt, _>(user_id.get());
            // To the end, as above.
            let deleted = run(name, query.load(conn)).await?;
            Ok(deleted.into_iter().next())
        })
        .await
}

/// The failure of a call that names a like or share which is not there.
pub(crate) fn reaction_not_found(reaction: Reaction, user_id: UserId, post_id: PostId) -> Failure {
    let (reason, message, resource, collection) = match reaction {
        Reaction::Like => (Reason::LikeNotFound, "there is no such like", LIKE, "likes"),
        Reaction::Share => (Reason::ShareNotFound, "there is no such share", SHARE, "shares"),
    };
    Failure::new(reason, message).with_resource(resource, format!("posts/{post_id}/{collection}/{user_id}"))
}
