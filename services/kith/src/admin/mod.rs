//! What operators do to a running Kith.

mod counters;
mod service_accounts;
mod signing_keys;
mod users;

pub(crate) use self::counters::{Checked, repair_counters, verify_counters};
pub(crate) use self::service_accounts::{
    MANAGE_SERVICES, WithSecret, service_account_create, service_account_revoke, service_accounts_list,
    service_secret_rotate,
};
pub(crate) use self::signing_keys::{MANAGE_KEYS, signing_key_remove, signing_key_rotate, signing_keys_list};
pub(crate) use self::users::{UserAction, act_on};
