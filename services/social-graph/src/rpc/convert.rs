use chrono::{DateTime, Utc};
use kith_contracts::social_graph::v1::{
    Block, BlockReceipt, CounterDrift, Counts, Follow, FriendRequest, FriendSuggestion, Friendship, Mute,
    Relationship,
};
use kith_primitives::UserId;
use kith_rpc::timestamp;

use crate::store::{
    BlockRow, DriftRow, FollowRow, FriendshipRow, MuteRow, Receipt, RelationshipRow, RequestRow,
    SuggestionRow,
};

pub(super) fn follow(row: FollowRow) -> Follow {
    Follow {
        follower_id: row.follower_id,
        followed_id: row.followed_id,
        create_time: Some(timestamp(row.created_at)),
    }
}

pub(super) fn friend_request(row: RequestRow) -> FriendRequest {
    FriendRequest {
        id: row.id,
        from_user_id: row.from_user_id,
        to_user_id: row.to_user_id,
        note: row.note,
        create_time: Some(timestamp(row.created_at)),
    }
}

pub(super) fn friendship(row: FriendshipRow) -> Friendship {
    Friendship {
        user_id: row.user_id,
        friend_id: row.friend_id,
        create_time: Some(timestamp(row.created_at)),
    }
}

pub(super) fn suggestion(row: SuggestionRow) -> FriendSuggestion {
    FriendSuggestion {
        user_id: row.user_id,
        // At most as many as friends were looked at.
        mutual_friends_count: i32::try_from(row.mutual_friends).unwrap_or(i32::MAX),
    }
}

pub(super) fn block(row: BlockRow) -> Block {
    Block {
        blocker_id: row.blocker_id,
        blocked_id: row.blocked_id,
        create_time: Some(timestamp(row.created_at)),
    }
}

pub(super) fn receipt(receipt: Receipt, blocker_id: i64) -> BlockReceipt {
    let by_blocker = |row: &FollowRow| row.follower_id == blocker_id;
    let (own, reverse): (Vec<_>, Vec<_>) = receipt.follows.into_iter().partition(by_blocker);
    BlockReceipt {
        follow: own.into_iter().next().map(follow),
        reverse_follow: reverse.into_iter().next().map(follow),
        friendship: receipt.friendship.map(friendship),
        friend_request: receipt.request.map(friend_request),
    }
}

pub(super) fn mute(row: MuteRow) -> Mute {
    Mute {
        muter_id: row.muter_id,
        muted_id: row.muted_id,
        create_time: Some(timestamp(row.created_at)),
        expire_time: row.expires_at.map(timestamp),
    }
}

/// Each part that has a time is there.
pub(super) fn relationship(viewer_id: UserId, row: RelationshipRow) -> Relationship {
    let (viewer_id, user_id) = (viewer_id.get(), row.user_id);
    let follow = |follower_id, followed_id, since: DateTime<Utc>| Follow {
        follower_id,
        followed_id,
        create_time: Some(timestamp(since)),
    };
    let block = |blocker_id, blocked_id, since: DateTime<Utc>| Block {
        blocker_id,
        blocked_id,
        create_time: Some(timestamp(since)),
    };
    Relationship {
        viewer_id,
        user_id,
        follow: row.follows_since.map(|since| follow(viewer_id, user_id, since)),
        reverse_follow: row.followed_since.map(|since| follow(user_id, viewer_id, since)),
        friendship: row.friends_since.map(|since| Friendship {
            user_id: viewer_id,
            friend_id: user_id,
            create_time: Some(timestamp(since)),
        }),
        friend_request: row.request.into_row().map(friend_request),
        block: row.blocks_since.map(|since| block(viewer_id, user_id, since)),
        mute: row.mutes_since.map(|since| Mute {
            muter_id: viewer_id,
            muted_id: user_id,
            create_time: Some(timestamp(since)),
            expire_time: row.mute_expires_at.map(timestamp),
        }),
        reverse_block: row.blocked_since.map(|since| block(user_id, viewer_id, since)),
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
