//! One file per RPC, named as in `src/rpc`, and one for the settings.

mod batch_get_posts;
mod create_post;
mod list_mentions;
mod list_posts;
mod list_posts_by_author;
mod list_posts_by_hashtag;
mod list_replies;
mod lists;
mod settings;
mod support;

#[test]
fn each_rpc_has_its_tests() {
    kith_testkit::assert_each_rpc_has_its_tests(&["lists", "settings", "support"]);
}
