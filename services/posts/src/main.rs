//! `kith-posts`: the service as a process of its own.

use std::process::ExitCode;

use kith_posts::PostsSettings;
use kith_posts::settings::{ADMIN_LISTEN_ADDRESS, LISTEN_ADDRESS};
use kith_rpc::Listeners;
use kith_settings::Program;

const PROGRAM: Program = Program {
    name: "kith-posts",
    version: env!("CARGO_PKG_VERSION"),
    about: "Serves posts, likes, shares and timelines over gRPC",
};

fn main() -> ExitCode {
    kith_rpc::process::main(
        &PROGRAM,
        |settings: &PostsSettings| {
            Listeners::bind(
                (&LISTEN_ADDRESS, settings.service.listen_address),
                (&ADMIN_LISTEN_ADDRESS, settings.service.admin_listen_address),
            )
        },
        kith_posts::run,
    )
}
