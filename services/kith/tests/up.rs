//! `kith up`: starting, stopping, dying.

use std::io::{Read, Write};
use std::net::TcpStream;

use kith_contracts::social_graph::v1::GetCountsRequest;
use rustix::process::{Signal, geteuid, kill_process};

use super::support::{
    Scratch, Up, eventually, full, has_backends, is_at_work, kith, path, run, run_command, server_pid,
    was_killed,
};

#[tokio::test]
async fn an_ephemeral_kith_serves_and_leaves_nothing_behind() {
    let up = Up::start(&["--ephemeral"]);
    let alice = up.register("alice").await;
    let token = up.token(&["alice"]);
    assert_eq!(
        up.who_am_i(token.clone()).await.user.expect("a user").username,
        "alice"
    );
    let counts = up
        .social_graph(token)
        .get_counts(GetCountsRequest { user_id: alice })
        .await;
    counts.expect("social-graph knows the keys and the user");

    let directory = up.directory();
    assert!(has_backends(&directory));
    assert_eq!(up.end(Signal::TERM).code(), Some(0));
    assert!(!is_at_work(&directory) && !directory.exists());
}

#[test]
fn metrics_of_each_service_are_where_it_says() {
    let up = Up::start(&["--ephemeral"]);
    let urls = up.metrics();
    let services = ["identity", "social-graph", "posts", "messaging"];
    assert_eq!(urls.len(), services.len(), "{urls:?}");
    for (url, service) in urls.iter().zip(services) {
        let address = url
            .strip_prefix("http://")
            .and_then(|url| url.strip_suffix("/metrics"));
        let mut socket = TcpStream::connect(address.expect("a URL")).expect("it listens");
        let request = b"GET /metrics HTTP/1.1\r\nhost: kith\r\nconnection: close\r\n\r\n";
        socket.write_all(request).expect("it listens");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains(&format!("service=\"{service}\"")), "{answer}");
    }
    up.stop();
}

#[tokio::test]
async fn what_was_there_at_ctrl_c_is_there_again() {
    let scratch = Scratch::new("ctrl-c");
    let directory = scratch.join("data");
    let up = Up::on(&directory);
    assert!(
        up.announcement.contains(r#"-d '{"username": "alice", "#),
        "{}",
        up.announcement
    );
    let alice = up.register("alice").await;
    let token = up.token(&["alice"]);
    assert!(has_backends(&directory));
    assert_eq!(up.end(Signal::INT).code(), Some(0));
    assert!(!is_at_work(&directory) && !directory.join("kith.run").exists());

    let up = Up::on(&directory);
    let user = up
        .who_am_i(token)
        .await
        .user
        .expect("a user, by a token of the same key");
    assert_eq!((user.id, user.username.as_str()), (alice, "alice"));
    // The first call must work as it is pasted, so it is not for a name that is taken.
    assert!(
        up.announcement.contains(r#"-d '{"username": "bob", "#),
        "{}",
        up.announcement
    );
    assert!(
        !up.announcement.contains(r#"{"username": "alice""#),
        "{}",
        up.announcement
    );
}

#[tokio::test]
async fn kill_9_leaves_no_process_and_loses_nothing() {
    let scratch = Scratch::new("kill-9");
    let directory = scratch.join("data");
    let up = Up::on(&directory);
    up.register("alice").await;
    assert!(has_backends(&directory));
    assert!(was_killed(up.end(Signal::KILL)));
    eventually("no process is left", || !is_at_work(&directory));

    let up = Up::on(&directory);
    up.token(&["alice"]);
    up.stop();
}

#[test]
fn kill_9_of_an_ephemeral_kith_leaves_no_directory() {
    let up = Up::start(&["--ephemeral"]);
    let directory = up.directory();
    assert!(directory.exists() && has_backends(&directory));
    assert!(was_killed(up.end(Signal::KILL)));
    eventually("nothing is left", || {
        !is_at_work(&directory) && !directory.exists()
    });
}

#[test]
fn a_second_kith_on_a_directory_is_told_who_has_it() {
    let scratch = Scratch::new("second");
    let directory = scratch.join("data");
    let up = Up::on(&directory);
    let said = run(&["up", "--data-directory", path(&directory)]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr
            .contains(&format!("already up on {} (process ", path(&directory))),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("--data-directory"), "{}", said.stderr);
    // The first is not disturbed.
    up.token(&["--scope", "a.b"]);
    up.stop();
}

#[test]
fn a_port_that_is_taken_is_named_with_its_setting() {
    let scratch = Scratch::new("port");
    let up = Up::start(&["--ephemeral"]);
    let (directory, address) = (scratch.join("data"), up.identity_address());
    let said = run(&[
        "up",
        "--data-directory",
        path(&directory),
        "--identity-listen-address",
        &address,
    ]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr.contains(&format!("cannot listen on {address}")),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr
            .contains("--identity-listen-address, KITH_IDENTITY_LISTEN_ADDRESS"),
        "{}",
        said.stderr
    );
    assert!(!is_at_work(&directory) && !directory.exists());
}

#[test]
fn the_end_of_postgresql_ends_kith_with_the_reason() {
    let scratch = Scratch::new("postgres-dies");
    let directory = scratch.join("data");
    let mut up = Up::on(&directory);
    kill_process(server_pid(&directory.join("postgres")), Signal::KILL).expect("to kill it");
    assert_eq!(up.wait().code(), Some(1));
    let said = up.said();
    assert!(
        said.contains("error: PostgreSQL ended by itself (signal: 9 (SIGKILL))"),
        "{said}"
    );
    eventually("no process is left", || !is_at_work(&directory));
}

#[test]
fn every_mistake_in_the_settings_is_told_at_once() {
    let said = run(&[
        "up",
        "--pool-size=0",
        "--identity-listen-address",
        "localhost",
        "--nonsense",
    ]);
    assert_eq!(said.code, Some(2));
    for part in ["--nonsense", "--pool-size", "--identity-listen-address"] {
        assert!(said.stderr.contains(part), "{}", said.stderr);
    }
}

#[test]
fn without_a_subcommand_there_is_help() {
    let said = run(&[]);
    assert_eq!(said.code, Some(2));
    for part in ["up", "migrate", "token", "import", "seed", "admin"] {
        assert!(said.stderr.contains(&format!("\n  {part} ")), "{}", said.stderr);
    }
}

// Keeps out: variables were let be that began with the name of another.
#[test]
fn a_variable_that_no_setting_has_is_a_mistake() {
    let said = run_command(
        kith(&["up"])
            .env("KITH_POOL_SIZES", "4")
            .env("KITH_PLAINTEXT_ALLOWED", "1"),
    );
    assert_eq!(said.code, Some(2));
    for part in [
        "KITH_POOL_SIZES: ",
        "did you mean KITH_POOL_SIZE?",
        "KITH_PLAINTEXT_ALLOWED: ",
    ] {
        assert!(said.stderr.contains(part), "{}", said.stderr);
    }
}

#[test]
fn ctrl_c_while_it_starts_is_answered_and_leaves_no_process() {
    let scratch = Scratch::new("early");
    let directory = scratch.join("data");
    let said = Up::interrupt("making a PostgreSQL in ", &directory);
    assert_eq!(
        (said.code, said.stdout.as_str()),
        (Some(0), ""),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("\nstopping, as soon as "), "{}", said.stderr);
    assert!(!is_at_work(&directory));
}

// Keeps out: with a umask of 077, the user that runs PostgreSQL for root could not get through what root had made.
#[test]
fn a_umask_bars_no_way() {
    let scratch = Scratch::new("umask");
    let directory = scratch.join("u1/u2");
    let up = Up::spawn(&mut Up::with_umask(
        "077",
        &["--data-directory", path(&directory)],
    ));
    up.unwrap_or_else(|said| panic!("{said:?}")).stop();
}

#[test]
fn a_start_that_fails_takes_back_what_it_made() {
    let scratch = Scratch::new("taken-back");
    let mut up = Up::command(&["--data-directory", path(&scratch.join("u1/u2"))]);
    let said = run_command(up.env("KITH_POSTGRES_BIN", "/nowhere"));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(!scratch.join("u1").exists());
}

#[test]
fn root_does_not_lock_a_user_out_of_its_own_directory() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can do this");
        return;
    }
    let scratch = Scratch::new("of-nobody");
    std::os::unix::fs::chown(scratch.join(""), Some(65534), Some(65534)).expect("to give it away");
    for name in ["", "not/there/yet"] {
        let said = run(&["up", "--data-directory", path(&scratch.join(name))]);
        assert_eq!(said.code, Some(1));
        assert!(
            said.stderr.contains("belongs to the user with id 65534")
                && said.stderr.contains("run kith as that user"),
            "{}",
            said.stderr
        );
    }
    assert!(!scratch.join("not").exists() && !scratch.join("postgres").exists());
}

// Keeps out: a panic, and exit code 101.
#[test]
fn help_that_cannot_be_written_is_a_failure() {
    for arguments in [["--help"].as_slice(), &["up", "--help"], &["--version"]] {
        let said = run_command(kith(arguments).stdout(full()));
        assert_eq!((said.code, said.stderr.as_str()), (Some(1), ""), "{arguments:?}");
    }
    let said = run_command(kith(&["up", "--nonsense"]).stderr(full()));
    assert_eq!(said.code, Some(2));
}

#[test]
fn an_ephemeral_kith_removes_no_directory_that_it_has_not_made() {
    let scratch = Scratch::new("not-ours");
    let said = run(&["up", "--ephemeral", "--data-directory", path(&scratch.join(""))]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("is there already"), "{}", said.stderr);
    assert!(scratch.join("").exists());
}
