//! The binary as its users run it: processes, signals, real calls.

mod admin;
mod database_url;
mod doctor;
mod health;
mod import;
mod import_friendships;
mod install;
mod migrate;
mod seed;
mod seed_again;
mod service_accounts;
mod signing_keys;
mod support;
mod token;
mod up;
