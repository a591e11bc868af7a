//! Parsed values of identity. What is here cannot be wrong; each parser holds the rules that the database holds too.

mod email;
mod password;
mod person_name;
mod profile;
mod text;
mod username;

pub(crate) use email::Email;
pub(crate) use password::Password;
pub(crate) use person_name::PersonName;
pub(crate) use profile::{Bio, Location, ProfileChange, WebUrl};
pub(crate) use username::Username;
