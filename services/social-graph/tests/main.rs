//! One file per RPC, named as in `src/rpc`, and one for the settings.

mod batch_befriend;
mod batch_check_follows;
mod batch_follow;
mod follow;
mod get_counts;
mod get_follow;
mod list_followers;
mod list_following;
mod list_friends;
mod list_mutual_friends;
mod repair_counters;
mod settings;
mod suggest_friends;
mod support;
mod unfollow;
mod verify_counters;

#[test]
fn each_rpc_has_its_tests() {
    kith_testkit::assert_each_rpc_has_its_tests(&["settings", "support"]);
}
