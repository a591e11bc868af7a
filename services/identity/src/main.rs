//! `kith-identity`: the service as a process of its own.

use std::process::ExitCode;

use kith_identity::IdentitySettings;
use kith_settings::Program;

const PROGRAM: Program = Program {
    name: "kith-identity",
    version: env!("CARGO_PKG_VERSION"),
    about: "Serves accounts, profiles and access tokens over gRPC",
};

fn main() -> ExitCode {
    kith_rpc::process::main(
        &PROGRAM,
        |settings: &IdentitySettings| settings.listen_address,
        kith_identity::run,
    )
}
