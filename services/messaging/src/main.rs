//! `kith-messaging`: the service as a process of its own.

use std::process::ExitCode;

use kith_messaging::MessagingSettings;
use kith_messaging::settings::{ADMIN_LISTEN_ADDRESS, LISTEN_ADDRESS};
use kith_rpc::Listeners;
use kith_settings::Program;

const PROGRAM: Program = Program {
    name: "kith-messaging",
    version: env!("CARGO_PKG_VERSION"),
    about: "Serves direct messages over gRPC",
};

fn main() -> ExitCode {
    kith_rpc::process::main(
        &PROGRAM,
        |settings: &MessagingSettings| {
            Listeners::bind(
                (&LISTEN_ADDRESS, settings.service.listen_address),
                (&ADMIN_LISTEN_ADDRESS, settings.service.admin_listen_address),
            )
        },
        kith_messaging::run,
    )
}
