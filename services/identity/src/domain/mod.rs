//! Parsed values of identity. What is here cannot be wrong; each parser holds the rules that the database holds too.

mod account_change;
mod audit;
mod device_label;
mod email;
mod password;
mod person_name;
mod profile;
mod search_query;
mod secrets;
mod service_account;
mod signing_keys;
mod throttle;
mod username;

pub(crate) use account_change::AccountChange;
pub(crate) use audit::{Actor, AuditEvent, AuditEventType, AuditSubject};
pub(crate) use device_label::DeviceLabel;
pub(crate) use email::Email;
pub(crate) use password::Password;
pub(crate) use person_name::PersonName;
pub(crate) use profile::{Bio, Location, ProfileChange, WebUrl};
pub(crate) use search_query::SearchQuery;
pub(crate) use secrets::{RefreshSecret, ServiceSecret};
pub(crate) use service_account::{Scopes, ServiceName};
pub(crate) use signing_keys::{KeyCursor, KeyState, KnownKey, active_key, next_key};
pub use throttle::Limit;
pub(crate) use throttle::{Bucket, NameKey, Origin, Whose};
pub(crate) use username::Username;
