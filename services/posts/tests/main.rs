//! One file per RPC, named as in `src/rpc`, and one for the settings.

mod create_post;
mod settings;
mod support;

#[test]
fn each_rpc_has_its_tests() {
    kith_testkit::assert_each_rpc_has_its_tests(&["settings", "support"]);
}
