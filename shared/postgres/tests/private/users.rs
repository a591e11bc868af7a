//! As root and as somebody else.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use kith_postgres::private::{Keep, PrivateCluster};

use super::{Owner, Scratch, eventually, is_skipped_without_root, processes_of, query};

/// `nobody`, who has nothing to do with PostgreSQL.
const NOBODY: u32 = 65534;

#[test]
fn the_server_never_runs_as_root() {
    let cluster = PrivateCluster::start_ephemeral().unwrap_or_else(|error| panic!("{error}"));
    let directory = fs::metadata(cluster.directory()).expect("the directory");
    assert_ne!(directory.uid(), 0);
    assert_eq!(directory.mode() & 0o777, 0o700);
    let server = super::scratch::server_pid(cluster.directory()).expect("a server");
    assert_eq!(
        fs::metadata(format!("/proc/{server}"))
            .expect("its process")
            .uid(),
        directory.uid()
    );
}

#[test]
fn root_runs_a_directory_of_somebody_as_that_user() {
    if is_skipped_without_root() {
        return;
    }
    let scratch = Scratch::new();
    let directory = scratch.join("cluster");
    fs::create_dir(&directory).expect("a directory");
    chown(&directory, Some(NOBODY), Some(NOBODY)).expect("to give it away");
    let cluster =
        PrivateCluster::start(&directory, Keep::Persistent).unwrap_or_else(|error| panic!("{error}"));
    let server = super::scratch::server_pid(cluster.directory()).expect("a server");
    assert_eq!(
        fs::metadata(format!("/proc/{server}"))
            .expect("its process")
            .uid(),
        NOBODY
    );
}

#[test]
fn root_is_told_which_directory_bars_the_way() {
    if is_skipped_without_root() {
        return;
    }
    let scratch = Scratch::new();
    let barrier = scratch.join("closed");
    fs::create_dir_all(barrier.join("below")).expect("a directory");
    fs::set_permissions(&barrier, Permissions::from_mode(0o700)).expect("its mode");
    let error = PrivateCluster::start(&barrier.join("below/made/cluster"), Keep::Persistent)
        .expect_err("the way is barred")
        .to_string();
    let barrier = barrier.display();
    assert!(error.contains(&format!("cannot enter {barrier}; ")), "{error}");
    assert!(error.ends_with(&format!("chmod o+x {barrier}")), "{error}");
    assert!(!scratch.join("closed/below/made").exists());
}

#[test]
fn another_user_runs_a_cluster_and_loses_it_by_kill_9_as_root_does() {
    if is_skipped_without_root() {
        return;
    }
    let scratch = Scratch::new();
    fs::set_permissions(scratch.path(), Permissions::from_mode(0o777)).expect("its mode");
    for kind in ["persistent", "ephemeral"] {
        let directory = scratch.join(kind);
        let mut owner = Owner::start_as(NOBODY, scratch.path(), kind, &directory);
        let (_, url) = owner.ready().expect("a cluster");
        assert_eq!(query(&url, "SELECT 1"), "1");
        assert!(!super::scratch::backends_of(&directory).is_empty());
        assert_eq!(fs::metadata(&directory).expect("the directory").uid(), NOBODY);
        owner.kill();
        eventually("no process is left", || processes_of(&directory).is_empty());
        assert_eq!(directory.exists(), kind == "persistent");
    }
}

#[test]
fn another_users_directory_is_refused_with_its_owner() {
    if is_skipped_without_root() {
        return;
    }
    let scratch = Scratch::new();
    fs::set_permissions(scratch.path(), Permissions::from_mode(0o777)).expect("its mode");
    let directory = scratch.join("cluster");
    PrivateCluster::start(&directory, Keep::Persistent)
        .unwrap_or_else(|error| panic!("{error}"))
        .stop();
    let mut owner = Owner::start_as(NOBODY, scratch.path(), "persistent", &directory);
    let said = owner.ready().expect_err("it is not theirs");
    assert!(
        said.contains(&format!("{} belongs to the user ", directory.display())),
        "{said}"
    );
}
