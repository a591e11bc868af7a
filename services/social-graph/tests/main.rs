//! One file per RPC, named as in `src/rpc`, and one for the settings.

mod accept_friend_request;
mod batch_befriend;
mod batch_check_follows;
mod batch_check_interactions;
mod batch_follow;
mod batch_get_relationships;
mod block_user;
mod cancel_friend_request;
mod check_interaction;
mod decline_friend_request;
mod follow;
mod friend_counters;
mod get_counts;
mod get_follow;
mod get_friend_request;
mod get_relationship;
mod graph;
mod list_blocks;
mod list_followers;
mod list_following;
mod list_friends;
mod list_mutes;
mod list_mutual_friends;
mod list_received_requests;
mod list_sent_requests;
mod mute_user;
mod remove_follower;
mod repair_counters;
mod send_friend_request;
mod settings;
mod suggest_friends;
mod support;
mod unblock_user;
mod unfollow;
mod unfriend;
mod unmute_user;
mod verify_counters;

#[test]
fn each_rpc_has_its_tests() {
    kith_testkit::assert_each_rpc_has_its_tests(&["friend_counters", "graph", "settings", "support"]);
}
