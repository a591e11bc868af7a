//! Every statement on schema `identity`. Functions take keys and parsed values and return rows.

mod accounts;
mod credentials;
mod imports;
mod profiles;
mod users;

pub(crate) use accounts::{NewAccount, account_create};
pub(crate) use credentials::{SignInName, credential_find};
pub(crate) use imports::{Imported, NewUser, users_import};
pub(crate) use profiles::{ProfileRow, profile_find, profile_update};
pub(crate) use users::{AccountRow, UserRow, not_owner, user_delete, user_exists, user_find, users_find};
