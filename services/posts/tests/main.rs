//! One file per RPC, named as in `src/rpc`, and one for the settings.

mod batch_get_posts;
mod counters;
mod create_post;
mod delete_post;
mod get_post;
mod get_thread;
mod like_post;
mod list_home_timeline;
mod list_liked_posts;
mod list_likers;
mod list_mentions;
mod list_post_edits;
mod list_posts;
mod list_posts_by_author;
mod list_posts_by_hashtag;
mod list_replies;
mod list_shared_posts;
mod list_sharers;
mod lists;
mod plans;
mod reactions;
mod repair_counters;
mod replays;
mod search_posts;
mod settings;
mod share_post;
mod support;
mod timeline_growth;
mod timeline_model;
mod timeline_plans;
mod unlike_post;
mod unshare_post;
mod update_post;
mod verify_counters;

#[test]
fn each_rpc_has_its_tests() {
    kith_testkit::assert_each_rpc_has_its_tests(&[
        "counters",
        "lists",
        "plans",
        "reactions",
        "replays",
        "settings",
        "support",
        "timeline_growth",
        "timeline_model",
        "timeline_plans",
    ]);
}
