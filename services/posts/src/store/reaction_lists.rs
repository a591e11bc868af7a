//! Who likes or has shared a post, and what a user likes or has shared.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, cursor, page_start, run, sql_query};
use kith_primitives::{Failure, Page, PostId, UserId};

use super::accounts::account_required;
use super::posts::{post_find, post_not_found};
use super::reactions::ReactionRow;
use super::shape::{PostRow, hidden, of_page, page, viewer};
use crate::domain::Reaction;

/// A post that a user likes or has shared.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct ReactedPostRow {
    #[diesel(embed)]
    pub(crate) post: PostRow,
    #[diesel(sql_type = BigInt)]
    user_id: i64,
    #[diesel(sql_type = Timestamptz)]
    reacted_at: DateTime<Utc>,
}

impl ReactedPostRow {
    /// The like or share that put the post on the list.
    pub(crate) fn reaction(&self) -> ReactionRow {
        ReactionRow {
            post_id: self.post.id,
            user_id: self.user_id,
            created_at: self.reacted_at,
        }
    }
}

/// Those of a post that the viewer sees, by users whom the viewer does not block.
macro_rules! of_post {
    ($table:literal) => {
        concat!(
            "WITH ",
            hidden!(),
            ", post AS MATERIALIZED (
    SELECT id FROM posts.posts WHERE id = $2 AND author_id NOT IN (SELECT user_id FROM hidden)
)
SELECT post_id, user_id, created_at FROM posts.",
            $table,
            "
WHERE post_id = (SELECT id FROM post) AND (created_at, user_id) < ($3, $4)
    AND user_id NOT IN (SELECT user_id FROM hidden)
ORDER BY created_at DESC, user_id DESC
LIMIT $5
"
        )
    };
}

/// Those of a user, on posts that the viewer sees; none when the viewer blocks the user. Each post is looked up by its id, in
/// the order of the rows: `OFFSET 0` keeps the planner from joining the tables in another way.
macro_rules! of_user {
    ($table:literal) => {
        concat!(
            "WITH ",
            hidden!(),
            ", ",
            page!(
                "
    SELECT found.*, reactions.user_id, reactions.created_at AS reacted_at
    FROM posts.",
                $table,
                " AS reactions CROSS JOIN LATERAL (
        SELECT * FROM posts.posts
        WHERE id = reactions.post_id AND author_id NOT IN (SELECT user_id FROM hidden)
        OFFSET 0
    ) AS found
    WHERE reactions.user_id = $2 AND (reactions.created_at, reactions.post_id) < ($3, $4)
        AND $2 NOT IN (SELECT user_id FROM hidden)
    ORDER BY reactions.created_at DESC, reactions.post_id DESC
    LIMIT $5"
            ),
            of_page!(),
            "ORDER BY page.reacted_at DESC, page.id DESC"
        )
    };
}

impl Reaction {
    /// The name of the statement that lists those of a post, and its text; and so on.
    fn of_post(self) -> (&'static str, &'static str) {
        match self {
            Reaction::Like => ("likers_page", of_post!("likes")),
            Reaction::Share => ("sharers_page", of_post!("shares")),
        }
    }

    fn of_user(self) -> (&'static str, &'static str) {
        match self {
            Reaction::Like => ("liked_posts_page", of_user!("likes")),
            Reaction::Share => ("shared_posts_page", of_user!("shares")),
        }
    }
}

/// The likes or shares of a post, newest first.
pub(crate) async fn reactions_page(
    database: &Database,
    reaction: Reaction,
    user: Option<UserId>,
    post_id: PostId,
    page: &Page,
) -> Result<(Vec<ReactionRow>, String), Failure> {
    let (name, sql) = reaction.of_post();
    let (time, key) = page_start(page);
    let mut rows: Vec<ReactionRow> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(sql)
                .bind::<BigInt, _>(viewer(user))
                .bind::<BigInt, _>(post_id.get())
                .bind::<Timestamptz, _>(time)
                .bind::<BigInt, _>(key)
                .bind::<BigInt, _>(page.limit());
            Ok(run(name, query.load(conn)).await?)
        })
        .await?;
    if rows.is_empty() && post_find(database, user, post_id).await?.is_none() {
        return Err(post_not_found(post_id));
    }
    let next = page.finish(&mut rows, |row| cursor(row.created_at, row.user_id));
    Ok((rows, next))
}

/// What `of` likes or has shared, newest like or share first.
pub(crate) async fn reacted_posts_page(
    database: &Database,
    reaction: Reaction,
    user: Option<UserId>,
    of: UserId,
    page: &Page,
) -> Result<(Vec<ReactedPostRow>, String), Failure> {
    let (name, sql) = reaction.of_user();
    let (time, key) = page_start(page);
    let mut rows: Vec<ReactedPostRow> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(sql)
                .bind::<BigInt, _>(viewer(user))
                .bind::<BigInt, _>(of.get())
                .bind::<Timestamptz, _>(time)
                .bind::<BigInt, _>(key)
                .bind::<BigInt, _>(page.limit());
            let rows: Vec<ReactedPostRow> = run(name, query.load(conn)).await?;
            if rows.is_empty() {
                account_required(conn, of).await?;
            }
            Ok(rows)
        })
        .await?;
    let next = page.finish(&mut rows, |row| cursor(row.reacted_at, row.post.id));
    Ok((rows, next))
}
