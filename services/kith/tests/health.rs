//! `kith health`.

use std::net::TcpListener;

use rustix::process::{Pid, Signal, kill_process};

use super::support::{Up, eventually, run};

#[test]
fn what_serves_serves_at_both_ports_until_it_is_told_to_stop() {
    let up = Up::start(&["--ephemeral", "--shutdown-delay", "60s"]);
    let [identity, social_graph] =
        [up.identity_address(), up.social_graph_address()].map(|address| format!("http://{address}"));
    let both = run(&["health", &identity, &social_graph]);
    assert_eq!(
        both.stdout,
        format!("{identity} serves\n{social_graph} serves\n"),
        "{both:?}"
    );
    assert_eq!((both.code, both.stderr.as_str()), (Some(0), ""));

    let facts = std::fs::read_to_string(up.directory().join("kith.run")).expect("its facts");
    let pid = facts
        .lines()
        .find_map(|line| line.strip_prefix("pid "))
        .expect("its process");
    let pid = pid.parse().ok().and_then(Pid::from_raw).expect("a number");
    kill_process(pid, Signal::TERM).expect("it is there");
    eventually("it says so", || {
        let said = run(&["health", &social_graph]);
        said.code == Some(1) && said.stdout == format!("{social_graph} does not serve\n")
    });
    // The second signal does not wait for the delay.
    assert_eq!(up.end(Signal::TERM).code(), Some(130));
}

#[test]
fn one_that_does_not_answer_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = format!("http://{}", taken.local_addr().expect("an address"));
    let said = run(&["health", &silent]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(1), ""), "{said:?}");
    assert!(
        said.stdout.starts_with(&format!("{silent} does not answer: ")),
        "{said:?}"
    );
}

#[test]
fn what_is_no_address_is_refused() {
    for arguments in [["health"].as_slice(), &["health", "127.0.0.1:50051"]] {
        let said = run(arguments);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{said:?}");
    }
}
