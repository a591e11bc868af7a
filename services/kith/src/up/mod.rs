//! What `kith up` is made of: a PostgreSQL, a migrated database, the services, and calls to paste.

mod announcement;
mod cast;
mod database;
mod install;
mod postgres;
mod services;
mod settings;

pub(crate) use self::announcement::{Announcement, PASSWORD, address, register_call};
pub(crate) use self::cast::Cast;
pub(crate) use self::database::{bring_up_to_date, check_roles, create_roles};
pub(crate) use self::install::{Install, ensure_programs, may_install};
pub(crate) use self::postgres::{DATABASE, Postgres};
pub(crate) use self::services::{Listeners, Services};
pub(crate) use self::settings::{DATABASE_URL, UpSettings};
