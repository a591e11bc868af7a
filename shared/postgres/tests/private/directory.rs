//! Which directories a cluster takes, and in which state.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;

use kith_postgres::private::{Keep, PrivateCluster, PrivateError};

use super::{Owner, Scratch, eventually, processes_of, query};

fn start(directory: &Path) -> Result<PrivateCluster, PrivateError> {
    PrivateCluster::start(directory, Keep::Persistent)
}

#[test]
fn a_second_start_is_refused_and_names_the_owner() {
    let scratch = Scratch::new();
    let mut owner = Owner::start("persistent", &scratch.join("cluster"));
    let (directory, url) = owner.ready().expect("a cluster");
    for keep in [Keep::Persistent, Keep::Ephemeral] {
        let error = PrivateCluster::start(&directory, keep)
            .expect_err("it is taken")
            .to_string();
        assert!(
            error.contains(&format!("is in use by process {};", owner.pid())),
            "{error}"
        );
    }
    assert_eq!(query(&url, "SELECT 1"), "1");
    owner.stop();
    start(&directory).expect("it is free");
}

#[test]
fn a_start_waits_for_a_cluster_that_is_just_stopping() {
    let scratch = Scratch::new();
    let directory = scratch.join("cluster");
    let cluster = start(&directory).expect("a cluster");
    query(
        &cluster.superuser_url("postgres"),
        "CREATE TABLE many AS SELECT generate_series(1, 200000)",
    );
    let stopping = thread::spawn(move || cluster.stop());
    let lock = directory.join("kith.lock");
    eventually("it is stopping", || {
        fs::read_to_string(&lock).is_ok_and(|text| text.contains("stopping"))
    });
    let cluster = start(&directory).expect("a cluster");
    stopping.join().expect("the end of the first");
    assert_eq!(
        query(&cluster.superuser_url("postgres"), "SELECT count(*) FROM many"),
        "200000"
    );
}

#[test]
fn a_server_without_an_owner_is_named() {
    let scratch = Scratch::new();
    let directory = scratch.join("cluster");
    let cluster = start(&directory).expect("a cluster");
    // The lock of a living owner is what keeps others out; without it there is only PostgreSQL's own file.
    let lock = directory.join("kith.lock");
    fs::remove_file(&lock)
        .and_then(|()| fs::write(&lock, ""))
        .expect("to put another file in its place");
    let error = start(&directory).expect_err("a server is there").to_string();
    let server = super::scratch::server_pid(&directory).expect("a server");
    assert!(
        error.contains(&format!("is in use by process {server};")),
        "{error}"
    );
    assert_eq!(query(&cluster.superuser_url("postgres"), "SELECT 1"), "1");
}

#[test]
fn data_of_another_major_version_is_refused() {
    let scratch = Scratch::new();
    let data = scratch.join("cluster/data");
    fs::create_dir_all(&data).expect("a directory");
    fs::write(data.join("PG_VERSION"), "9\n").expect("a file");
    let error = start(&scratch.join("cluster"))
        .expect_err("it is too old")
        .to_string();
    assert!(
        error.contains("was written by PostgreSQL 9, which is not what is installed here (1"),
        "{error}"
    );
}

#[test]
fn an_interrupted_initdb_does_no_harm() {
    let scratch = Scratch::new();
    let directory = scratch.join("cluster");
    let owner = Owner::start("persistent", &directory);
    let has_begun = || unfinished(&directory).is_some_and(|data| data.join("PG_VERSION").exists());
    eventually("initdb has begun", has_begun);
    owner.kill();
    eventually("initdb has ended", || processes_of(&directory).is_empty());
    assert!(!directory.join("data").exists());
    // What initdb could not clean up when it was killed itself.
    fs::create_dir_all(directory.join("data.init-1/base")).expect("a directory");

    let cluster = start(&directory).expect("a cluster");
    assert_eq!(query(&cluster.superuser_url("postgres"), "SELECT 1"), "1");
    assert_eq!(unfinished(&directory), None);
}

/// The directory that an initdb works in.
fn unfinished(directory: &Path) -> Option<std::path::PathBuf> {
    let entries = fs::read_dir(directory).ok()?;
    let mut paths = entries.flatten().map(|entry| entry.path());
    paths.find(|path| path.to_string_lossy().contains("data.init-"))
}

#[test]
fn a_path_too_long_or_odd_for_a_socket_is_no_obstacle() {
    let scratch = Scratch::new();
    for name in [&"d".repeat(150), "with space, comma and 'quotes'"] {
        let cluster = start(&scratch.join(name)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(query(&cluster.superuser_url("postgres"), "SELECT 1"), "1");
        let socket = query(&cluster.superuser_url("postgres"), "SHOW unix_socket_directories");
        assert!(socket.starts_with("/tmp/kith-") && Path::new(&socket).is_dir());
        cluster.stop();
        assert!(!Path::new(&socket).exists());
    }
}

#[test]
fn a_socket_directory_elsewhere_goes_away_with_a_killed_owner() {
    let scratch = Scratch::new();
    let mut owner = Owner::start("persistent", &scratch.join(&"d".repeat(150)));
    let (directory, url) = owner.ready().expect("a cluster");
    let socket = query(&url, "SHOW unix_socket_directories");
    assert!(Path::new(&socket).is_dir());
    owner.kill();
    eventually("no process is left", || {
        processes_of(&directory).is_empty() && processes_of(socket.as_ref()).is_empty()
    });
    assert!(!Path::new(&socket).exists() && directory.join("data/PG_VERSION").exists());
}

#[test]
fn a_directory_in_use_for_something_else_is_left_alone() {
    let scratch = Scratch::new();
    fs::write(scratch.join("thesis.tex"), "").expect("a file");
    let before = fs::metadata(scratch.path()).expect("the directory");
    for keep in [Keep::Persistent, Keep::Ephemeral] {
        let error = PrivateCluster::start(scratch.path(), keep)
            .expect_err("it is not empty")
            .to_string();
        assert!(
            error.contains("is not empty and holds no private PostgreSQL"),
            "{error}"
        );
    }
    let after = fs::metadata(scratch.path()).expect("the directory");
    assert_eq!((before.mode(), before.uid()), (after.mode(), after.uid()));
    assert!(scratch.join("thesis.tex").exists());
}

#[test]
fn an_ephemeral_cluster_does_not_take_a_directory_with_data() {
    let scratch = Scratch::new();
    let directory = scratch.join("cluster");
    start(&directory).expect("a cluster").stop();
    let error = PrivateCluster::start(&directory, Keep::Ephemeral)
        .expect_err("there is data")
        .to_string();
    assert!(error.contains("would remove what is there"), "{error}");
    assert!(directory.join("data/PG_VERSION").exists());
}

#[test]
fn a_server_that_cannot_start_shows_its_log() {
    let scratch = Scratch::new();
    let directory = scratch.join("cluster");
    start(&directory).expect("a cluster").stop();
    let settings = directory.join("data/postgresql.conf");
    let text = fs::read_to_string(&settings).expect("the settings");
    fs::write(&settings, text + "\nno_such_setting = on\n").expect("to write them");
    let error = start(&directory).expect_err("it cannot start").to_string();
    assert!(
        error.contains("ended while it started") && error.contains("\"no_such_setting\""),
        "{error}"
    );
    assert!(processes_of(&directory).is_empty() && !directory.join("socket").exists());
}
