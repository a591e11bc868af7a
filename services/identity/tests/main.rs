//! One file per RPC, named as in `src/rpc`, and one for the settings.

mod authenticate;
mod batch_get_users;
mod batch_import_users;
mod change_password;
mod create_service_account;
mod deactivate_user;
mod delete_user;
mod get_account;
mod get_profile;
mod get_user;
mod issue_service_token;
mod list_audit_events;
mod list_service_accounts;
mod list_sessions;
mod list_signing_keys;
mod list_users;
mod reactivate_user;
mod refresh_token;
mod register;
mod remove_signing_key;
mod revoke_all_sessions;
mod revoke_service_account;
mod revoke_session;
mod rotate_service_secret;
mod rotate_signing_key;
mod search_users;
mod settings;
mod signing_keys;
mod support;
mod sweep;
mod throttles;
mod update_profile;
mod update_user;
mod who_am_i;

#[test]
fn each_rpc_has_its_tests() {
    kith_testkit::assert_each_rpc_has_its_tests(&[
        "settings",
        "signing_keys",
        "support",
        "sweep",
        "throttles",
    ]);
}
