//! What operators do to a running Kith.

mod counters;
mod users;

pub(crate) use self::counters::{Checked, repair_counters, verify_counters};
pub(crate) use self::users::{UserAction, act_on};
