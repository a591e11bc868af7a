//! What the tests here share.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A place for the directories of one test; removed at its end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("kith-test-{:016x}", rand::random::<u64>()));
        fs::create_dir(&path).expect("a directory below the temporary one");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether a test is over that only root can do; it says so then.
pub(crate) fn is_skipped_without_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: only root can do this");
    }
    !is_root
}

/// Waits for `condition`, 30 seconds at most.
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs `sql` over a connection of its own; answers the first column of the last row.
pub(crate) fn query(url: &str, sql: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
            .await
            .expect("a connection");
        tokio::spawn(connection);
        let messages = client.simple_query(sql).await.expect("an answer");
        let values = messages.iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(ToOwned::to_owned),
            _ => None,
        });
        values.last().unwrap_or_default()
    })
}

/// Every process that names `directory` on its command line (server, reaper, initdb) or works in it (the server's
/// children, which name nothing and outlive a server that is killed).
pub(crate) fn processes_of(directory: &Path) -> BTreeSet<u32> {
    pids()
        .filter(|pid| names(*pid, directory) || works_in(*pid, directory))
        .collect()
}

/// The server's children: they work in `directory` and do not name it.
pub(crate) fn backends_of(directory: &Path) -> BTreeSet<u32> {
    pids()
        .filter(|pid| !names(*pid, directory) && works_in(*pid, directory))
        .collect()
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").expect("/proc");
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn names(pid: u32, directory: &Path) -> bool {
    // The dead have no command line any more.
    let command_line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&command_line).contains(directory.to_str().expect("a plain path"))
}

/// Also when the directory is removed already, which the system adds to its name.
fn works_in(pid: u32, directory: &Path) -> bool {
    let place = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
    place
        .to_string_lossy()
        .starts_with(directory.to_str().expect("a plain path"))
}

/// A field of `/proc/<pid>/stat`, counted from the state, which is 0; `None` for the dead.
pub(crate) fn stat_field(pid: u32, index: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.clone().next()?;
    if state == "Z" {
        None
    } else {
        fields.nth(index).map(ToOwned::to_owned)
    }
}

/// The server's process, by its own word.
pub(crate) fn server_pid(directory: &Path) -> Option<u32> {
    fs::read_to_string(directory.join("data/postmaster.pid"))
        .ok()?
        .lines()
        .next()?
        .parse()
        .ok()
}
