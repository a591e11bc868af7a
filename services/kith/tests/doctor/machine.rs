//! What the machine gives: ports, descriptors, programs; and what the doctor is told.

use std::net::TcpListener;
use std::process::{Command, id};

use super::scene::{Said, doctor, in_shell};
use crate::support::{kith, run, run_command};

#[test]
fn an_address_that_is_in_use_is_told_with_who_has_it() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    for (variable, check) in [
        ("KITH_POSTS_LISTEN_ADDRESS", "address of posts"),
        ("KITH_POSTS_ADMIN_LISTEN_ADDRESS", "admin address of posts"),
    ] {
        let said = Said::by(doctor().env(variable, address.to_string()));
        let seen = said.seen(check, "problem");
        assert!(
            seen.starts_with(&format!("{address} is in use by process {} (", id())),
            "{seen}"
        );
        assert!(said.fix(check, "advice").contains(variable));
    }
    drop(listener);
    let mut command = doctor();
    command.env("KITH_POSTS_LISTEN_ADDRESS", address.to_string());
    assert_eq!(Said::by(&mut command).state("address of posts"), "ok");
}

#[test]
fn an_address_of_another_machine_is_a_problem() {
    // Kept for documentation by RFC 5737: no machine has it.
    let mut command = doctor();
    command
        .env("KITH_POSTS_LISTEN_ADDRESS", "192.0.2.1:50053")
        .env("KITH_PLAINTEXT", "allowed");
    let said = Said::by(&mut command);
    assert!(
        said.seen("address of posts", "problem")
            .contains("cannot listen on 192.0.2.1:50053")
    );
}

#[test]
fn too_few_descriptors_are_told_and_the_command_gives_more() {
    // The soft limit, which the command may raise again.
    let few = |descriptors: &str, then: &Command| in_shell(&format!("ulimit -S -n {descriptors}"), then);
    let said = Said::by(&mut few("100", &doctor()));
    assert_eq!(
        said.seen("descriptors", "problem"),
        "100 at once for a process started from here"
    );
    let fix = said.fix("descriptors", "command");
    let said = Said::by(&mut in_shell(&format!("ulimit -S -n 100\n{fix}"), &doctor()));
    assert_eq!(said.state("descriptors"), "ok");

    // A service that serves others wants room for all its callers; nobody needs to answer at its database for that.
    let mut service = doctor();
    service.env(
        "KITH_POSTS_DATABASE_URL",
        "postgres://kith_posts@127.0.0.1:1/kith",
    );
    let said = Said::by(&mut few("1000", &service));
    assert_eq!(said.state("descriptors"), "warning");
    let hard = Said::by(&mut in_shell("ulimit -n 1000", &service));
    assert_eq!(
        hard.fix("descriptors", "command"),
        "prlimit --pid $$ --nofile=11000:11000"
    );
}

#[test]
fn programs_of_postgresql_that_are_not_there_are_told() {
    let said = Said::by(doctor().env("KITH_POSTGRES_BIN", "/nowhere"));
    let seen = said.seen("PostgreSQL's programs", "problem");
    assert!(seen.contains("KITH_POSTGRES_BIN is /nowhere"), "{seen}");
}

#[test]
fn every_mistake_in_the_settings_of_any_program_is_told_at_once() {
    let mut command = kith(&["doctor", "--format", "xml"]);
    command
        .env("KITH_POOL_SIZE", "0")
        .env("KITH_POSTS_DATABASE_URL", "mysql://t0psecret")
        .env("KITH_THROTTLE_SIGN_IN", "never")
        .env("KITH_TLS_KEY_FILE", "/some/key")
        .env("KITH_NONSENSE", "1");
    let said = run_command(&mut command);
    assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""));
    for part in [
        "--format: must be human or json",
        "KITH_POOL_SIZE",
        "KITH_POSTS_DATABASE_URL",
        "KITH_THROTTLE_SIGN_IN",
        "KITH_TLS_CERTIFICATE_FILE: is required where another file of TLS is given",
        "KITH_NONSENSE: ",
    ] {
        assert!(said.stderr.contains(part), "{part}: {}", said.stderr);
    }
    assert!(!said.stderr.contains("t0psecret"), "{}", said.stderr);
}

#[test]
fn help_says_what_it_does_and_how_it_ends() {
    let said = run(&["doctor", "--help"]);
    assert_eq!(said.code, Some(0));
    for part in [
        "It changes nothing and shows no secret",
        "0 when there is no problem, 1 when there is one",
    ] {
        assert!(said.stdout.replace('\n', " ").contains(part), "{}", said.stdout);
    }
}
