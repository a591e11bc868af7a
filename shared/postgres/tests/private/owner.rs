//! A process that owns a cluster, to be killed: this test binary, started once more.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use kith_postgres::private::{Keep, PrivateCluster};

/// Says what the second process is to own: a kind, a colon, a directory (none: a fresh one).
const TASK: &str = "KITH_TEST_OWNS";
/// The words before its answer.
const READY: &str = "cluster ready: ";

/// The other process.
pub(crate) struct Owner {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Owner {
    /// Starts a process that starts a cluster; `directory` is empty for a fresh one.
    pub(crate) fn start(kind: &str, directory: &Path) -> Self {
        Self::spawn(&mut Self::command(
            &std::env::current_exe().expect("this binary"),
            kind,
            directory,
        ))
    }

    /// As [`Owner::start`], as another user, who needs a copy of this binary that it can reach.
    pub(crate) fn start_as(user: u32, place: &Path, kind: &str, directory: &Path) -> Self {
        let copy = place.join("owner");
        fs::copy(std::env::current_exe().expect("this binary"), &copy).expect("a copy");
        Self::spawn(
            Self::command(&copy, kind, directory)
                .uid(user)
                .gid(user)
                .current_dir(place),
        )
    }

    fn command(binary: &Path, kind: &str, directory: &Path) -> Command {
        let mut command = Command::new(binary);
        command.args([
            "private::owner::owns_a_cluster_when_told_to",
            "--exact",
            "--nocapture",
        ]);
        command.env(TASK, format!("{kind}:{}", directory.display()));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    fn spawn(command: &mut Command) -> Self {
        // A copy of this program was just written, and a process that another test forks meanwhile holds it open for
        // writing until it execs: the kernel lets nobody run it before that.
        let mut child = loop {
            match command.spawn() {
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
                spawned => break spawned.expect("a second process"),
            }
        };
        let stderr = BufReader::new(child.stderr.take().expect("its standard error"));
        Self { child, stderr }
    }

    /// Waits for the cluster; answers its directory and the superuser's URL, or else what the process said.
    pub(crate) fn ready(&mut self) -> Result<(PathBuf, String), String> {
        let mut said = String::new();
        loop {
            let start = said.len();
            if self.stderr.read_line(&mut said).expect("text") == 0 {
                return Err(said);
            }
            if let Some((directory, url)) = said[start..]
                .strip_prefix(READY)
                .and_then(|answer| answer.trim().split_once(' '))
            {
                return Ok((directory.into(), url.to_owned()));
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("to kill it");
        self.child.wait().expect("its end");
    }

    /// Has it stop its cluster, and waits for that.
    pub(crate) fn stop(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().expect("its end").success());
    }
}

#[test]
fn owns_a_cluster_when_told_to() {
    let Ok(task) = std::env::var(TASK) else { return };
    let (kind, directory) = task.split_once(':').expect("a kind and a directory");
    let cluster = match (kind, directory) {
        (_, "") => PrivateCluster::start_ephemeral(),
        ("ephemeral", _) => PrivateCluster::start(Path::new(directory), Keep::Ephemeral),
        _ => PrivateCluster::start(Path::new(directory), Keep::Persistent),
    };
    let cluster = cluster.unwrap_or_else(|error| panic!("{error}"));
    eprintln!(
        "{READY}{} {}",
        cluster.directory().display(),
        cluster.superuser_url("postgres")
    );
    // Until the test that started this ends or says so, by closing the pipe.
    std::io::stdin()
        .read_to_end(&mut Vec::new())
        .expect("the end of the input");
    cluster.stop();
}
