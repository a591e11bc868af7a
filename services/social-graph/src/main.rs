//! `kith-social-graph`: the service as a process of its own.

use std::process::ExitCode;

use kith_rpc::Listeners;
use kith_settings::Program;
use kith_social_graph::SocialGraphSettings;
use kith_social_graph::settings::{ADMIN_LISTEN_ADDRESS, LISTEN_ADDRESS};

const PROGRAM: Program = Program {
    name: "kith-social-graph",
    version: env!("CARGO_PKG_VERSION"),
    about: "Serves what users are to each other over gRPC",
};

fn main() -> ExitCode {
    kith_rpc::process::main(
        &PROGRAM,
        |settings: &SocialGraphSettings| {
            Listeners::bind(
                (&LISTEN_ADDRESS, settings.service.listen_address),
                (&ADMIN_LISTEN_ADDRESS, settings.service.admin_listen_address),
            )
        },
        kith_social_graph::run,
    )
}
