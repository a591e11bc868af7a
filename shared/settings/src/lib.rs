//! Settings: flags before environment before defaults, and every mistake reported at once.
//!
//! A [`Setting`] is a constant with a name, from which flag and variable follow: `pool-size` is `--pool-size` and
//! `KITH_POOL_SIZE`. A [`Topic`] is a small struct that reads a handful of them; programs are made of topics.
//!
//! ```
//! use kith_settings::{Environment, Program, Reader, Setting, Topic, load};
//!
//! const POOL_SIZE: Setting =
//!     Setting::new("pool-size", "connections that a process keeps").number(1, 1000).default("20");
//!
//! struct PoolSettings {
//!     size: usize,
//! }
//!
//! impl Topic for PoolSettings {
//!     fn settings() -> Vec<&'static Setting> {
//!         vec![&POOL_SIZE]
//!     }
//!
//!     fn read(reader: &mut Reader<'_>) -> Option<Self> {
//!         let size = reader.number(&POOL_SIZE);
//!         Some(Self { size: size? })
//!     }
//! }
//!
//! let program = Program { name: "demo", version: "1.0.0", about: "shows how it is done" };
//! let environment = Environment::from([("KITH_POOL_SIZE", "7")]);
//! let settings: PoolSettings = load(&program, ["demo".into()], &environment)?;
//! assert_eq!(settings.size, 7);
//! # Ok::<(), kith_settings::SettingsError>(())
//! ```
//!
//! * An empty variable counts as not set, since templates of containers make such; an empty flag does not.
//! * An unknown flag is a mistake, and so is an unknown variable that begins with `KITH_`, for it is a typing error
//!   that nobody would notice. What belongs to other programs is named with [`Environment::expecting`]; variables
//!   that Kubernetes makes for a service whose name begins with `kith-` are let be.
//! * A secret is never a flag, since `ps` shows flags to everybody on the machine: it comes in its variable, or in a
//!   file that `--name-file` or `KITH_NAME_FILE` names. No message shows it.
#![warn(missing_docs)]

mod clap_args;
mod duration;
mod environment;
mod error;
mod invocation;
mod markdown;
mod reader;
mod setting;
mod suggest;
mod topic;

pub use clap_args::args;
pub use duration::parse as parse_duration;
pub use environment::Environment;
pub use error::{Mistake, SettingsError};
pub use invocation::{Invocation, Program, load};
pub use markdown::markdown_table;
pub use reader::Reader;
pub use setting::Setting;
pub use topic::Topic;
