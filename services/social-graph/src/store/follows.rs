use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, OptionalRow, run, sql_query};
use kith_primitives::{Failure, Reason, UserId};
use kith_rules::social_graph::FOLLOW;
use kith_schema::tables::social_graph::follows;

use crate::domain::{Facts, FollowEdge, decide};

/// A follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = follows, check_for_backend(diesel::pg::Pg))]
pub(crate) struct FollowRow {
    pub(crate) follower_id: i64,
    pub(crate) followed_id: i64,
    pub(crate) created_at: DateTime<Utc>,
}

impl FollowRow {
    pub(super) fn of(edge: FollowEdge, created_at: DateTime<Utc>) -> Self {
        Self {
            follower_id: edge.follower_id().get(),
            followed_id: edge.followed_id().get(),
            created_at,
        }
    }
}

/// What became of a wish to follow.
#[derive(Clone, Debug)]
pub(crate) struct Created {
    pub(crate) follow: FollowRow,
    /// Whether it was there before.
    pub(crate) existing: bool,
}

/// The policy on deactivated users is read once, in the write's own statement. It is the trigger that refuses for a block:
/// it alone looks when the pair's lock is there.
const FOLLOW_CREATE: &str = "
WITH accounts AS MATERIALIZED (
    SELECT id, is_active FROM identity.accounts WHERE id IN ($1, $2)
), made AS (
    INSERT INTO social_graph.follows (follower_id, followed_id)
    SELECT $1, $2
    WHERE (SELECT count(*) FROM accounts WHERE is_active) = 2
    ON CONFLICT ON CONSTRAINT social_graph_follows_pkey DO NOTHING
    RETURNING created_at
)
SELECT
    (SELECT is_active FROM accounts WHERE id = $1) AS follower_active,
    (SELECT is_active FROM accounts WHERE id = $2) AS followed_active,
    (SELECT created_at FROM made) AS made_at,
    (SELECT created_at FROM social_graph.follows WHERE follower_id = $1 AND followed_id = $2) AS existing_since
";

#[derive(QueryableByName)]
struct CreateOutcome {
    #[diesel(sql_type = Nullable<Bool>)]
    follower_active: Option<bool>,
    #[diesel(sql_type = Nullable<Bool>)]
    followed_active: Option<bool>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    made_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    existing_since: Option<DateTime<Utc>>,
}

/// Makes a follow. One that exists is a failure unless `allow_existing`.
pub(crate) async fn follow_create(
    database: &Database,
    edge: FollowEdge,
    allow_existing: bool,
) -> Result<Created, Failure> {
    loop {
        let outcome = follow_create_once(database, edge).await?;
        if let Some(made_at) = outcome.made_at {
            return Ok(Created {
                follow: FollowRow::of(edge, made_at),
                existing: false,
            });
        }
        if let (Some(since), true) = (outcome.existing_since, allow_existing) {
            return Ok(Created {
                follow: FollowRow::of(edge, since),
                existing: true,
            });
        }
        decide(edge.interaction(), &outcome.facts(), 0)?;
        // The insert met a row that was made after the statement's snapshot. The next statement sees it.
    }
}

async fn follow_create_once(database: &Database, edge: FollowEdge) -> Result<CreateOutcome, Failure> {
    database
        .write(async |conn: &mut Connection| {
            let query = sql_query(FOLLOW_CREATE)
                .bind::<BigInt, _>(edge.follower_id().get())
                .bind::<BigInt, _>(edge.followed_id().get());
            // To the end: `get_result` would leave with the first row, before the commit has gone well.
            let outcomes = run("follow_create", query.load(conn)).await?;
            let outcome = outcomes.into_iter().next();
            Ok(outcome.ok_or_else(|| Failure::internal("a follow that was tried has no outcome"))?)
        })
        .await
}

impl CreateOutcome {
    /// Where a block stands, the statement has failed.
    fn facts(&self) -> Facts {
        Facts {
            actor_active: self.follower_active,
            target_active: self.followed_active,
            follows: self.existing_since.is_some(),
            ..Facts::default()
        }
    }
}

/// One follow, if it exists.
pub(crate) async fn follow_find(
    database: &Database,
    follower_id: UserId,
    followed_id: UserId,
) -> Result<Option<FollowRow>, Failure> {
    database
        .read(async |conn: &mut Connection| {
            let query = follows::table
                .find((follower_id.get(), followed_id.get()))
                .select(FollowRow::as_select());
            Ok(run("follow_find", query.first(conn)).await.optional()?)
        })
        .await
}

/// Removes one follow and answers it as it was.
pub(crate) async fn follow_delete(
    database: &Database,
    follower_id: UserId,
    followed_id: UserId,
) -> Result<Option<FollowRow>, Failure> {
    database
        .write(async |conn: &mut Connection| {
            let target = follows::table.find((follower_id.get(), followed_id.get()));
            let delete = diesel::delete(target).returning(FollowRow::as_returning());
            // To the end, as above.
            let deleted = run("follow_delete", delete.get_results(conn)).await?;
            Ok(deleted.into_iter().next())
        })
        .await
}

/// The failure of a call that names a follow which is not there.
pub(crate) fn follow_not_found(follower_id: UserId, followed_id: UserId) -> Failure {
    Failure::new(Reason::FollowNotFound, "there is no such follow")
        .with_resource(FOLLOW, format!("users/{follower_id}/following/{followed_id}"))
}
