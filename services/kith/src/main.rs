//! `kith`: everything in one process, and the operator's tool.

mod admin;
mod command_line;
mod commands;
mod data_directory;
mod doctor;
mod held;
mod import;
mod local;
mod operator;
mod report;
mod retry;
mod roles;
mod run_file;
mod seed;
mod terminal;
mod up;

use std::process::ExitCode;

use kith_settings::Environment;

fn main() -> ExitCode {
    commands::run(std::env::args_os(), Environment::of_process())
}
