use kith_contracts::social_graph::v1::Follow;
use kith_rpc::timestamp;

use crate::store::FollowRow;

pub(super) fn follow(row: FollowRow) -> Follow {
    Follow {
        follower_id: row.follower_id,
        followed_id: row.followed_id,
        create_time: Some(timestamp(row.created_at)),
    }
}
