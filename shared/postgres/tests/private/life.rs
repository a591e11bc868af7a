//! From start to end, and every kind of end.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use kith_postgres::private::{Keep, PrivateCluster};
use rustix::process::{Pid, Signal, kill_process};

use super::scratch::{backends_of, server_pid, stat_field};
use super::{Owner, Scratch, eventually, processes_of, query};

fn start(directory: &Path, keep: Keep) -> PrivateCluster {
    PrivateCluster::start(directory, keep).unwrap_or_else(|error| panic!("{error}"))
}

fn start_ephemeral() -> PrivateCluster {
    PrivateCluster::start_ephemeral().unwrap_or_else(|error| panic!("{error}"))
}

fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).expect("a process id")).expect("a process id");
    kill_process(pid, signal).expect("the process to be there");
}

fn kill_server(cluster: &PrivateCluster) {
    send(server_pid(cluster.directory()).expect("a server"), Signal::KILL);
}

/// Holds a connection with a statement that does not end by itself.
fn keep_busy(url: &str) -> thread::JoinHandle<()> {
    let config: tokio_postgres::Config = url.parse().expect("a URL");
    let watcher = url.to_owned();
    let sleeper = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("a connection");
            tokio::spawn(connection);
            client
                .simple_query("SELECT pg_sleep(3600)")
                .await
                .expect_err("the server ends first");
        });
    });
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'";
    eventually("the statement runs", || query(&watcher, asleep) == "1");
    sleeper
}

/// Freezes the server's process that [`keep_busy`] keeps busy.
fn stop_sleeper(url: &str) -> u32 {
    let backend = query(
        url,
        "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'",
    );
    let backend = backend.parse().expect("a process id");
    send(backend, Signal::STOP);
    backend
}

#[test]
fn an_ephemeral_cluster_leaves_nothing_behind() {
    let cluster = start_ephemeral();
    let directory = cluster.directory().to_owned();
    let sleeper = keep_busy(&cluster.superuser_url("postgres"));
    assert!(!backends_of(&directory).is_empty() && directory.is_dir());
    cluster.stop();
    assert!(processes_of(&directory).is_empty() && !directory.exists());
    sleeper.join().expect("the statement to end");
}

#[test]
fn a_persistent_cluster_finds_its_data_again() {
    let scratch = Scratch::new();
    let directory = scratch.join("made/on/demand");
    let cluster = start(&directory, Keep::Persistent);
    query(
        &cluster.superuser_url("postgres"),
        "CREATE TABLE kept AS SELECT 42 AS it",
    );
    let sleeper = keep_busy(&cluster.superuser_url("postgres"));
    drop(cluster);
    assert!(processes_of(&directory).is_empty() && !directory.join("socket").exists());
    sleeper.join().expect("the statement to end");

    let cluster = start(&directory, Keep::Persistent);
    assert_eq!(
        query(&cluster.superuser_url("postgres"), "SELECT it FROM kept"),
        "42"
    );
}

#[test]
fn the_settings_are_those_that_kith_relies_on() {
    let scratch = Scratch::new();
    let settings = |cluster: &PrivateCluster| {
        query(
            &cluster.superuser_url("postgres"),
            "SELECT string_agg(current_setting(name), ' ' ORDER BY nr) FROM unnest(ARRAY['server_encoding',
             'lc_messages', 'listen_addresses', 'max_locks_per_transaction', 'TimeZone', 'fsync',
             'synchronous_commit', 'full_page_writes']) WITH ORDINALITY AS it (name, nr)",
        )
    };
    let persistent = start(&scratch.join("persistent"), Keep::Persistent);
    assert_eq!(settings(&persistent), "UTF8 C  1024 UTC on on on");
    let locale = "SELECT datcollate || ' ' || datctype FROM pg_database WHERE datname = 'template1'";
    assert_eq!(
        query(&persistent.superuser_url("postgres"), locale),
        "C.UTF-8 C.UTF-8"
    );
    let ephemeral = start(&scratch.join("ephemeral"), Keep::Ephemeral);
    assert_eq!(settings(&ephemeral), "UTF8 C  1024 UTC off on off");
}

#[test]
fn killing_the_owner_of_a_persistent_cluster_ends_the_server_and_keeps_the_data() {
    let scratch = Scratch::new();
    let mut owner = Owner::start("persistent", &scratch.join("cluster"));
    let (directory, url) = owner.ready().expect("a cluster");
    query(&url, "CREATE TABLE kept AS SELECT 42 AS it");
    let sleeper = keep_busy(&url);
    assert!(!backends_of(&directory).is_empty());
    owner.kill();

    // At once: the start waits for the server that is still shutting down.
    let cluster = start(&directory, Keep::Persistent);
    assert_eq!(
        query(&cluster.superuser_url("postgres"), "SELECT it FROM kept"),
        "42"
    );
    sleeper.join().expect("the statement to end");
    cluster.stop();
    eventually("no process is left", || processes_of(&directory).is_empty());
}

#[test]
fn a_start_waits_for_the_server_of_a_killed_owner() {
    let scratch = Scratch::new();
    let directory = scratch.join("cluster");
    let mut owner = Owner::start("persistent", &directory);
    let (_, url) = owner.ready().expect("a cluster");
    let sleeper = keep_busy(&url);
    let backend = query(
        &url,
        "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'",
    );
    let backend = backend.parse().expect("a process id");
    // The server cannot end before this process of it goes on.
    send(backend, Signal::STOP);
    owner.kill();

    let (sender, receiver) = mpsc::channel();
    let starting = directory.clone();
    let starter = thread::spawn(move || sender.send(PrivateCluster::start(&starting, Keep::Persistent)));
    receiver
        .recv_timeout(Duration::from_millis(300))
        .expect_err("it still waits");
    send(backend, Signal::CONT);
    let cluster = receiver
        .recv()
        .expect("an answer")
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(query(&cluster.superuser_url("postgres"), "SELECT 1"), "1");
    starter.join().expect("no panic").expect("a receiver");
    sleeper.join().expect("the statement to end");
}

#[test]
fn killing_the_owner_of_an_ephemeral_cluster_removes_it() {
    for place in [PathBuf::new(), Scratch::new().join("cluster")] {
        let mut owner = Owner::start("ephemeral", &place);
        let (directory, url) = owner.ready().expect("a cluster");
        let sleeper = keep_busy(&url);
        assert!(!backends_of(&directory).is_empty() && directory.is_dir());
        owner.kill();
        eventually("no process is left", || processes_of(&directory).is_empty());
        assert!(!directory.exists());
        sleeper.join().expect("the statement to end");
    }
}

#[test]
fn the_thread_that_starts_a_cluster_may_end() {
    let cluster = thread::spawn(start_ephemeral).join().expect("a cluster");
    assert_eq!(query(&cluster.superuser_url("postgres"), "SELECT 1"), "1");
    assert_eq!(cluster.exited(), None);
}

#[test]
fn ctrl_c_reaches_the_owner_alone() {
    let cluster = start_ephemeral();
    let own_group = stat_field(std::process::id(), 2);
    for pid in processes_of(cluster.directory()) {
        assert_ne!(stat_field(pid, 2), own_group);
    }
}

#[test]
fn a_server_that_ends_by_itself_is_noticed() {
    let cluster = start_ephemeral();
    let (sender, receiver) = mpsc::channel();
    let also_told = sender.clone();
    cluster.on_exit(move |exit| sender.send(exit).expect("a receiver"));
    kill_server(&cluster);
    let exit = receiver.recv().expect("to be told");
    assert!(
        exit.status.contains("SIGKILL") && exit.log_tail.contains("ready to accept connections"),
        "{exit}"
    );
    assert_eq!(cluster.exited(), Some(exit.clone()));
    cluster.on_exit(move |exit| also_told.send(exit).expect("a receiver"));
    assert_eq!(receiver.recv(), Ok(exit));
}

#[test]
fn nobody_is_told_of_an_end_that_was_asked_for() {
    let cluster = start_ephemeral();
    let (sender, receiver) = mpsc::channel();
    cluster.on_exit(move |exit| sender.send(exit).expect("a receiver"));
    cluster.stop();
    receiver.recv().expect_err("the sender is dropped without a word");
}

#[test]
fn a_server_that_was_killed_recovers_what_was_committed() {
    let scratch = Scratch::new();
    let cluster = start(&scratch.join("cluster"), Keep::Persistent);
    query(
        &cluster.superuser_url("postgres"),
        "CREATE TABLE kept AS SELECT 42 AS it",
    );
    let sleeper = keep_busy(&cluster.superuser_url("postgres"));
    kill_server(&cluster);
    drop(cluster);

    let cluster = start(&scratch.join("cluster"), Keep::Persistent);
    assert_eq!(
        query(&cluster.superuser_url("postgres"), "SELECT it FROM kept"),
        "42"
    );
    sleeper.join().expect("the statement to end");
}

#[test]
fn a_start_waits_for_what_a_killed_server_left_running() {
    let scratch = Scratch::new();
    let directory = scratch.join("cluster");
    let cluster = start(&directory, Keep::Persistent);
    let sleeper = keep_busy(&cluster.superuser_url("postgres"));
    let orphan = stop_sleeper(&cluster.superuser_url("postgres"));
    kill_server(&cluster);
    drop(cluster);

    let starting = directory.clone();
    let starter = thread::spawn(move || PrivateCluster::start(&starting, Keep::Persistent));
    let refused = |log: String| log.contains("pre-existing shared memory block");
    eventually("the server refuses", || {
        fs::read_to_string(directory.join("postgres.log")).is_ok_and(refused)
    });
    send(orphan, Signal::CONT);
    let cluster = starter
        .join()
        .expect("no panic")
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(query(&cluster.superuser_url("postgres"), "SELECT 1"), "1");
    sleeper.join().expect("the statement to end");
}

#[test]
fn a_stale_pid_file_that_names_somebody_else_is_no_obstacle() {
    let scratch = Scratch::new();
    let directory = scratch.join("cluster");
    let cluster = start(&directory, Keep::Persistent);
    let pid_file = directory.join("data/postmaster.pid");
    let text = fs::read_to_string(&pid_file).expect("a pid file");
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(&directory).expect("the directory"));
    cluster.stop();

    // The same user's, or PostgreSQL would see by itself that it is no server.
    let mut namesake = Command::new("sleep");
    let mut namesake = namesake
        .arg("3600")
        .uid(owner)
        .stdin(Stdio::null())
        .spawn()
        .expect("a process");
    let (_, rest) = text.split_once('\n').expect("lines");
    fs::write(&pid_file, format!("{}\n{rest}", namesake.id())).expect("to write the file");
    std::os::unix::fs::chown(&pid_file, Some(owner), None).expect("to give it back");
    let started = PrivateCluster::start(&directory, Keep::Persistent);
    namesake.kill().expect("to kill it");
    namesake.wait().expect("its end");
    started.unwrap_or_else(|error| panic!("{error}"));
}
