//! `kith-identity`: the service as a process of its own.

use std::process::ExitCode;

use kith_identity::IdentitySettings;
use kith_identity::settings::{ADMIN_LISTEN_ADDRESS, LISTEN_ADDRESS};
use kith_rpc::Listeners;
use kith_settings::Program;

const PROGRAM: Program = Program {
    name: "kith-identity",
    version: env!("CARGO_PKG_VERSION"),
    about: "Serves accounts, profiles and access tokens over gRPC",
};

fn main() -> ExitCode {
    kith_rpc::process::main(
        &PROGRAM,
        |settings: &IdentitySettings| {
            Listeners::bind(
                (&LISTEN_ADDRESS, settings.listen_address),
                (&ADMIN_LISTEN_ADDRESS, settings.admin_listen_address),
            )
        },
        kith_identity::run,
    )
}
