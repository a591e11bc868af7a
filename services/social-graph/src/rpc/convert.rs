use kith_contracts::social_graph::v1::{CounterDrift, Counts, Follow};
use kith_rpc::timestamp;

use crate::store::{DriftRow, FollowRow};

pub(super) fn follow(row: FollowRow) -> Follow {
    Follow {
        follower_id: row.follower_id,
        followed_id: row.followed_id,
        create_time: Some(timestamp(row.created_at)),
    }
}

pub(super) fn drift(row: DriftRow) -> CounterDrift {
    let counts = |followers_count, following_count, friends_count| Counts {
        user_id: row.user_id,
        followers_count,
        following_count,
        friends_count,
    };
    CounterDrift {
        counted: Some(counts(
            row.counted_followers,
            row.counted_following,
            row.counted_friends,
        )),
        actual: Some(counts(
            row.actual_followers,
            row.actual_following,
            row.actual_friends,
        )),
    }
}
