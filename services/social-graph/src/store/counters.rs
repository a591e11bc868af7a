use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, run, sql_query};
use kith_primitives::{Failure, Page};

use crate::domain::UserCursor;

/// Counts that are not the rows that they count, or are nobody's.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub(crate) struct DriftRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) user_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) counted_followers: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) counted_following: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) counted_friends: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) actual_followers: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) actual_following: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) actual_friends: i64,
}

/// What came of a walk over a range of users.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    pub(crate) drifts: Vec<DriftRow>,
    pub(crate) users: usize,
    pub(crate) next_page_token: String,
}

#[derive(QueryableByName)]
struct ComparedRow {
    #[diesel(embed)]
    counters: DriftRow,
    /// Counts of nobody are on the page too.
    #[diesel(sql_type = Bool)]
    is_user: bool,
}

#[derive(QueryableByName)]
struct FollowsRepaired {
    #[diesel(sql_type = BigInt)]
    user_id: i64,
    #[diesel(sql_type = BigInt)]
    counted_followers: i64,
    #[diesel(sql_type = BigInt)]
    counted_following: i64,
    #[diesel(sql_type = BigInt)]
    actual_followers: i64,
    #[diesel(sql_type = BigInt)]
    actual_following: i64,
}

#[derive(QueryableByName)]
struct FriendsRepaired {
    #[diesel(sql_type = BigInt)]
    user_id: i64,
    #[diesel(sql_type = BigInt)]
    counted_friends: i64,
    #[diesel(sql_type = BigInt)]
    actual_friends: i64,
}

impl ComparedRow {
    fn follows_drifted(&self) -> bool {
        let row = &self.counters;
        let counted = (row.counted_followers, row.counted_following);
        !self.is_user || counted != (row.actual_followers, row.actual_following)
    }

    fn friends_drifted(&self) -> bool {
        !self.is_user || self.counters.counted_friends != self.counters.actual_friends
    }
}

impl DriftRow {
    /// What the repair found at last; what it found to be right by then is told as such.
    fn repaired(
        mut self,
        follows: Option<&FollowsRepaired>,
        friends: Option<&FriendsRepaired>,
    ) -> Option<Self> {
        match follows {
            Some(row) => {
                self.counted_followers = row.counted_followers;
                self.counted_following = row.counted_following;
                self.actual_followers = row.actual_followers;
                self.actual_following = row.actual_following;
            }
            None => {
                self.counted_followers = self.actual_followers;
                self.counted_following = self.actual_following;
            }
        }
        match friends {
            Some(row) => {
                self.counted_friends = row.counted_friends;
                self.actual_friends = row.actual_friends;
            }
            None => self.counted_friends = self.actual_friends,
        }
        (follows.is_some() || friends.is_some()).then_some(self)
    }
}

/// The next of all ids that users or counts have. One snapshot, in which a count and its rows are equal: whoever changes
/// them commits both together.
const COUNTERS_COMPARE: &str = "
WITH accounts AS MATERIALIZED (
    SELECT id FROM identity.accounts WHERE id > $1 ORDER BY id LIMIT $2
), follow_counts AS MATERIALIZED (
    SELECT user_id AS id, followers, following
    FROM social_graph.follow_counts WHERE user_id > $1 ORDER BY user_id LIMIT $2
), friend_counts AS MATERIALIZED (
    SELECT user_id AS id, friends FROM social_graph.friend_counts WHERE user_id > $1 ORDER BY user_id LIMIT $2
), page AS MATERIALIZED (
    SELECT
        id AS user_id, accounts.id IS NOT NULL AS is_user, coalesce(followers, 0) AS counted_followers,
        coalesce(following, 0) AS counted_following, coalesce(friends, 0) AS counted_friends
    FROM accounts FULL JOIN follow_counts USING (id) FULL JOIN friend_counts USING (id)
    ORDER BY id LIMIT $2
)
SELECT
    user_id, is_user, counted_followers, counted_following, counted_friends,
    (SELECT count(*) FROM social_graph.follows WHERE followed_id = page.user_id) AS actual_followers,
    (SELECT count(*) FROM social_graph.follows WHERE follower_id = page.user_id) AS actual_following,
    (SELECT count(*) FROM social_graph.friendships WHERE friendships.user_id = page.user_id) AS actual_friends
FROM page
ORDER BY user_id
";

const FOLLOW_COUNTERS_REPAIR: &str = "
SELECT user_id, counted_followers, counted_following, actual_followers, actual_following
FROM social_graph.follow_counts_repair($1)
";

const FRIEND_COUNTERS_REPAIR: &str = "
SELECT user_id, counted_friends, actual_friends FROM social_graph.friend_counts_repair($1)
";

/// Compares the counts of a page of users with the rows.
pub(crate) async fn counters_verify(
    database: &Database,
    page: &Page<UserCursor>,
) -> Result<Verified, Failure> {
    let (rows, verified) = counters_compare(database, page).await?;
    Ok(Verified {
        drifts: rows.into_iter().map(|row| row.counters).collect(),
        ..verified
    })
}

/// The same, and sets right what drifted. Nothing is locked as long as nothing did.
///
/// Each of the two tables of counts is repaired by itself: what is told of the other one is from the look before.
pub(crate) async fn counters_repair(
    database: &Database,
    page: &Page<UserCursor>,
) -> Result<Verified, Failure> {
    let (rows, verified) = counters_compare(database, page).await?;
    let follows = follow_counters_repair(database, &ids(&rows, ComparedRow::follows_drifted)).await?;
    let friends = friend_counters_repair(database, &ids(&rows, ComparedRow::friends_drifted)).await?;
    let repaired = |row: ComparedRow| {
        let id = row.counters.user_id;
        row.counters.repaired(follows.get(&id), friends.get(&id))
    };
    Ok(Verified {
        drifts: rows.into_iter().filter_map(repaired).collect(),
        ..verified
    })
}

/// The rows of a page that drifted, and the rest of what came of the walk.
async fn counters_compare(
    database: &Database,
    page: &Page<UserCursor>,
) -> Result<(Vec<ComparedRow>, Verified), Failure> {
    let after = page.after().map_or(i64::MIN, |cursor| cursor.0);
    let mut rows: Vec<ComparedRow> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(COUNTERS_COMPARE)
                .bind::<BigInt, _>(after)
                .bind::<BigInt, _>(page.limit());
            Ok(run("counters_compare", query.load(conn)).await?)
        })
        .await?;
    let next_page_token = page.finish(&mut rows, |row| UserCursor(row.counters.user_id));
    let users = rows.iter().filter(|row| row.is_user).count();
    rows.retain(|row| row.follows_drifted() || row.friends_drifted());
    let verified = Verified {
        drifts: Vec::new(),
        users,
        next_page_token,
    };
    Ok((rows, verified))
}

fn ids(rows: &[ComparedRow], of: impl Fn(&ComparedRow) -> bool) -> Vec<i64> {
    let drifted = rows.iter().filter(|row| of(row));
    drifted.map(|row| row.counters.user_id).collect()
}

async fn follow_counters_repair(
    database: &Database,
    user_ids: &[i64],
) -> Result<HashMap<i64, FollowsRepaired>, Failure> {
    if user_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<FollowsRepaired> = database
        .write(async |conn: &mut Connection| {
            let query = sql_query(FOLLOW_COUNTERS_REPAIR).bind::<Array<BigInt>, _>(user_ids);
            Ok(run("follow_counters_repair", query.load(conn)).await?)
        })
        .await?;
    Ok(rows.into_iter().map(|row| (row.user_id, row)).collect())
}

async fn friend_counters_repair(
    database: &Database,
    user_ids: &[i64],
) -> Result<HashMap<i64, FriendsRepaired>, Failure> {
    if user_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<FriendsRepaired> = database
        .write(async |conn: &mut Connection| {
            let query = sql_query(FRIEND_COUNTERS_REPAIR).bind::<Array<BigInt>, _>(user_ids);
            Ok(run("friend_counters_repair", query.load(conn)).await?)
        })
        .await?;
    Ok(rows.into_iter().map(|row| (row.user_id, row)).collect())
}
