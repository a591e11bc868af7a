//! Every statement on schema `identity`. Functions take keys and parsed values and return rows.

mod account_changes;
mod account_lists;
mod accounts;
mod audit;
mod credentials;
mod imports;
mod profiles;
mod refreshes;
mod service_accounts;
mod sessions;
mod signing_keys;
mod sweeps;
mod throttles;
mod users;

pub(crate) use account_changes::{account_update, user_deactivate, user_reactivate};
pub(crate) use account_lists::{account_find, accounts_page, users_search};
pub(crate) use accounts::{NewAccount, account_create};
pub(crate) use audit::{AuditEventRow, audit_event_count, audit_event_create_in_txn, audit_events_page};
pub(crate) use credentials::{
    Candidate, Credential, SignInName, credential_find, credential_of, credential_update,
};
pub(crate) use imports::{Imported, NewUser, users_import};
pub(crate) use profiles::{ProfileRow, profile_find, profile_update};
pub(crate) use refreshes::{NextToken, Refresh, refresh_token_exchange, refresh_token_session};
pub(crate) use service_accounts::{
    ServiceAccountRow, service_account_create, service_account_prove, service_account_revoke,
    service_accounts_page, service_secret_rotate,
};
pub(crate) use sessions::{
    NewSession, SessionRow, session_create, session_delete, session_not_found, sessions_delete, sessions_page,
};
pub(crate) use signing_keys::{
    signing_key_remove, signing_key_rotate, signing_keys_find, signing_keys_page, signing_keys_publish,
};
pub(crate) use sweeps::{sessions_sweep, throttles_sweep};
pub(crate) use throttles::{throttles_fill, throttles_take};
pub(crate) use users::{AccountRow, UserRow, not_owner, user_delete, user_exists, user_find, users_find};
