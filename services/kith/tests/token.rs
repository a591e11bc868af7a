//! `kith token`.

use std::io::ErrorKind;
use std::net::TcpListener;

use rustix::process::Signal;

use super::support::{Scratch, Up, full, kith, path, run, run_command};

#[tokio::test]
async fn a_users_token_is_for_the_user_whatever_the_case_of_the_name() {
    let up = Up::start(&["--ephemeral"]);
    let alice = up.register("alice").await;
    let answer = up.who_am_i(up.token(&["ALICE"])).await;
    assert_eq!(answer.user.expect("a user").id, alice);
}

#[tokio::test]
async fn an_operators_token_has_the_scopes_that_were_asked_for() {
    let up = Up::start(&["--ephemeral"]);
    let answer = up
        .who_am_i(up.token(&["--scope", "identity.users.import", "--scope", "a.b"]))
        .await;
    assert_eq!((answer.service_id, answer.user), (1, None));
    assert_eq!(answer.scopes, ["a.b", "identity.users.import"]);
}

#[test]
fn for_nobody_it_says_how_to_register() {
    let up = Up::start(&["--ephemeral"]);
    let said = up.run(&["token", "mallory"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    let call = format!(
        "{} kith.identity.v1.IdentityService/Register",
        up.identity_address()
    );
    assert!(
        said.stderr.contains(r#"no user is called "mallory""#) && said.stderr.contains(&call),
        "{}",
        said.stderr
    );
}

#[test]
fn a_name_that_nobody_can_have_is_refused_in_its_own_words() {
    let up = Up::start(&["--ephemeral"]);
    let said = up.run(&["token", r#"a"b"#]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    assert!(
        said.stderr.starts_with("error: a username may only have "),
        "{}",
        said.stderr
    );
}

#[test]
fn where_nothing_is_up_it_says_what_to_start() {
    let scratch = Scratch::new("token-down");
    let directory = scratch.join("data");
    for who in [["token", "alice"].as_slice(), &["token", "--scope", "a.b"]] {
        let said = run(&[who, &["--data-directory", path(&directory)]].concat());
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
        let start = format!("/kith up --data-directory {}\n", path(&directory));
        assert!(said.stderr.ends_with(&start), "{}", said.stderr);
    }
}

#[test]
fn it_is_either_a_user_or_scopes() {
    for arguments in [["token"].as_slice(), &["token", "alice", "--scope", "a.b"]] {
        let said = run(arguments);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{said:?}");
    }
}

// Keeps out: after a kill, an operator's token went to whoever had taken identity's port.
#[test]
fn after_a_kill_nobody_is_called_and_nothing_is_signed() {
    let scratch = Scratch::new("token-killed");
    let directory = scratch.join("data");
    let up = Up::on(&directory);
    let address = up.identity_address();
    up.end(Signal::KILL);
    assert!(directory.join("kith.run").exists());
    let other = TcpListener::bind(address).expect("the port");
    other.set_nonblocking(true).expect("its mode");
    for who in [["token", "alice"].as_slice(), &["token", "--scope", "a.b"]] {
        let said = run(&[who, &["--data-directory", path(&directory)]].concat());
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
        assert!(said.stderr.contains("kith is not up on "), "{}", said.stderr);
    }
    let called = other.accept().expect_err("nobody calls");
    assert_eq!(called.kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_token_that_cannot_be_written_is_a_failure() {
    let up = Up::start(&["--ephemeral"]);
    let directory = up.directory();
    let mut token = kith(&["token", "--scope", "a.b", "--data-directory", path(&directory)]);
    let said = run_command(token.stdout(full()));
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr.contains("error: cannot write the result: "),
        "{}",
        said.stderr
    );
}
