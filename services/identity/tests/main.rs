//! One file per RPC, named as in `src/rpc`, and one for the settings.

mod authenticate;
mod batch_get_users;
mod batch_import_users;
mod delete_user;
mod get_profile;
mod get_user;
mod list_signing_keys;
mod register;
mod settings;
mod support;
mod update_profile;
mod who_am_i;

#[test]
fn each_rpc_has_its_tests() {
    kith_testkit::assert_each_rpc_has_its_tests(&["settings", "support"]);
}
