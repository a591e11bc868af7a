//! The rules of schema `social_graph`.

use kith_contracts::social_graph::v1::*;
use prost::Message;

use super::{Break, Made, NOBODY, deed, long, nothing};
use crate::rows::World;

pub(super) fn breaks() -> Vec<Break> {
    [follows_and_friendships(), blocks_and_mutes(), friend_requests()]
        .into_iter()
        .flatten()
        .collect()
}

fn follows_and_friendships() -> Vec<Break> {
    vec![
        follow(
            "social_graph_follows_pkey",
            |world| world.owner.id,
            |world| world.other.id,
        ),
        follow(
            "social_graph_follows_no_self_follow",
            |world| world.owner.id,
            |world| world.owner.id,
        ),
        follow(
            "social_graph_follows_followed_id_fkey",
            |world| world.owner.id,
            |_| NOBODY,
        ),
        follow(
            "social_graph_follows_follower_id_fkey",
            |_| NOBODY,
            |world| world.owner.id,
        ),
        friendship(
            "social_graph_friendships_pkey",
            Box::new(|world| insert_friendship(world.owner.id, world.other.id)),
            |world| world.other.id,
        ),
        friendship(
            "social_graph_friendships_no_self_friendship",
            nothing(),
            |world| world.owner.id,
        ),
        friendship("social_graph_friendships_user_id_fkey", nothing(), |_| NOBODY),
        friendship(
            "social_graph_friendships_not_blocked",
            Box::new(|world| insert_block(world.other.id, world.owner.id)),
            |world| world.other.id,
        ),
    ]
}

/// A rule of `social_graph.follows`, broken by a follow.
fn follow(constraint: &'static str, follower: fn(&World) -> i64, followed: fn(&World) -> i64) -> Break {
    let is_owners = constraint != "social_graph_follows_follower_id_fkey";
    Break {
        constraint,
        method: if is_owners { "Follow" } else { "BatchFollow" },
        before: Box::new(|world| insert_follow(world.owner.id, world.other.id)),
        request: Box::new(move |world| {
            let (follower_id, followed_id) = (follower(world), followed(world));
            if is_owners {
                return FollowRequest {
                    user_id: followed_id,
                    allow_existing: false,
                }
                .encode_to_vec();
            }
            let pairs = vec![FollowPair {
                follower_id,
                followed_id,
            }];
            BatchFollowRequest {
                pairs,
                allow_existing: false,
            }
            .encode_to_vec()
        }),
        sql: Box::new(move |world| insert_follow(follower(world), followed(world))),
    }
}

fn insert_follow(follower_id: i64, followed_id: i64) -> String {
    format!(
        "INSERT INTO social_graph.follows (follower_id, followed_id) VALUES ({follower_id}, {followed_id})"
    )
}

/// A rule of `social_graph.friendships`, broken by a friendship.
fn friendship(constraint: &'static str, before: Made<String>, friend: fn(&World) -> i64) -> Break {
    Break {
        constraint,
        method: "BatchBefriend",
        before,
        request: Box::new(move |world| {
            let pairs = vec![FriendPair {
                user_id: world.owner.id,
                friend_id: friend(world),
            }];
            BatchBefriendRequest {
                pairs,
                allow_existing: false,
            }
            .encode_to_vec()
        }),
        sql: Box::new(move |world| insert_friendship(world.owner.id, friend(world))),
    }
}

fn insert_friendship(one: i64, other: i64) -> String {
    format!(
        "INSERT INTO social_graph.friendships (user_id, friend_id) VALUES ({one}, {other}), ({other}, {one})"
    )
}

fn insert_block(blocker_id: i64, blocked_id: i64) -> String {
    format!("INSERT INTO social_graph.blocks (blocker_id, blocked_id) VALUES ({blocker_id}, {blocked_id})")
}

fn insert_mute(muter_id: i64, muted_id: i64, expires_at: &str) -> String {
    format!(
        "INSERT INTO social_graph.mutes (muter_id, muted_id, expires_at) VALUES ({muter_id}, {muted_id}, {expires_at})"
    )
}

fn insert_request(from_user_id: i64, to_user_id: i64, note: &str) -> String {
    format!(
        "INSERT INTO social_graph.friend_requests (from_user_id, to_user_id, note)
        VALUES ({from_user_id}, {to_user_id}, '{note}')"
    )
}

fn block(user_id: i64) -> BlockUserRequest {
    BlockUserRequest {
        user_id,
        allow_existing: false,
    }
}

fn mute(user_id: i64) -> MuteUserRequest {
    MuteUserRequest {
        user_id,
        ..Default::default()
    }
}

fn ask(user_id: i64) -> SendFriendRequestRequest {
    SendFriendRequestRequest {
        user_id,
        ..Default::default()
    }
}

fn blocks_and_mutes() -> Vec<Break> {
    vec![
        deed(
            "social_graph_follows_not_blocked",
            "Follow",
            Box::new(|world| insert_block(world.other.id, world.owner.id)),
            |world| FollowRequest {
                user_id: world.other.id,
                allow_existing: true,
            },
            |world| insert_follow(world.owner.id, world.other.id),
        ),
        deed(
            "social_graph_blocks_pkey",
            "BlockUser",
            Box::new(|world| insert_block(world.owner.id, world.other.id)),
            |world| block(world.other.id),
            |world| insert_block(world.owner.id, world.other.id),
        ),
        deed(
            "social_graph_blocks_no_self_block",
            "BlockUser",
            nothing(),
            |world| block(world.owner.id),
            |world| insert_block(world.owner.id, world.owner.id),
        ),
        deed(
            "social_graph_blocks_blocker_id_fkey",
            "BlockUser",
            nothing(),
            |world| block(world.other.id),
            |world| insert_block(NOBODY, world.other.id),
        ),
        deed(
            "social_graph_blocks_blocked_id_fkey",
            "BlockUser",
            nothing(),
            |_| block(NOBODY),
            |world| insert_block(world.owner.id, NOBODY),
        ),
        deed(
            "social_graph_mutes_pkey",
            "MuteUser",
            Box::new(|world| insert_mute(world.owner.id, world.other.id, "NULL")),
            |world| mute(world.other.id),
            |world| insert_mute(world.owner.id, world.other.id, "NULL"),
        ),
        deed(
            "social_graph_mutes_no_self_mute",
            "MuteUser",
            nothing(),
            |world| mute(world.owner.id),
            |world| insert_mute(world.owner.id, world.owner.id, "NULL"),
        ),
        deed(
            "social_graph_mutes_muter_id_fkey",
            "MuteUser",
            nothing(),
            |world| mute(world.other.id),
            |world| insert_mute(NOBODY, world.other.id, "NULL"),
        ),
        deed(
            "social_graph_mutes_muted_id_fkey",
            "MuteUser",
            nothing(),
            |_| mute(NOBODY),
            |world| insert_mute(world.owner.id, NOBODY, "NULL"),
        ),
        deed(
            "social_graph_mutes_expires_later",
            "MuteUser",
            nothing(),
            |world| MuteUserRequest {
                ttl: Some(prost_types::Duration::default()),
                ..mute(world.other.id)
            },
            |world| insert_mute(world.owner.id, world.other.id, "now()"),
        ),
    ]
}

fn friend_requests() -> Vec<Break> {
    const METHOD: &str = "SendFriendRequest";
    let asks_the_other = |world: &World| insert_request(world.owner.id, world.other.id, "");
    vec![
        deed(
            "social_graph_friend_requests_pair_key",
            METHOD,
            Box::new(asks_the_other),
            |world| ask(world.other.id),
            asks_the_other,
        ),
        deed(
            "social_graph_friend_requests_not_friends",
            METHOD,
            Box::new(|world| insert_friendship(world.owner.id, world.other.id)),
            |world| ask(world.other.id),
            asks_the_other,
        ),
        deed(
            "social_graph_friend_requests_not_blocked",
            METHOD,
            Box::new(|world| insert_block(world.other.id, world.owner.id)),
            |world| ask(world.other.id),
            asks_the_other,
        ),
        deed(
            "social_graph_friend_requests_no_self_request",
            METHOD,
            nothing(),
            |world| ask(world.owner.id),
            |world| insert_request(world.owner.id, world.owner.id, ""),
        ),
        deed(
            "social_graph_friend_requests_from_user_id_fkey",
            METHOD,
            nothing(),
            |world| ask(world.other.id),
            |world| insert_request(NOBODY, world.other.id, ""),
        ),
        deed(
            "social_graph_friend_requests_to_user_id_fkey",
            METHOD,
            nothing(),
            |_| ask(NOBODY),
            |world| insert_request(world.owner.id, NOBODY, ""),
        ),
        deed(
            "social_graph_friend_requests_note_length",
            METHOD,
            nothing(),
            |world| SendFriendRequestRequest {
                note: long(201),
                ..ask(world.other.id)
            },
            |world| insert_request(world.owner.id, world.other.id, &long(201)),
        ),
    ]
}
