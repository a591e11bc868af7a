//! `postmaster.pid`, by which PostgreSQL says who it is and how far it has come.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::PrivateError;
use super::lock::{DYING_WITHIN, POLL};

/// How long after its owner's death a server may take to notice.
const NOTICED_WITHIN: Duration = Duration::from_secs(1);

/// What the file says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: u32,
    /// Where its socket is; empty while it is not there yet.
    pub(super) socket_directory: String,
    /// `starting`, `ready`, `stopping` or `standby`; empty while it is not there yet.
    status: String,
}

impl PidFile {
    pub(super) const NAME: &str = "postmaster.pid";

    /// Reads the file in the data directory `data`; `None` when there is none, or not much of it yet.
    pub(super) fn read(data: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(data.join(Self::NAME)).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        // A server without a postmaster (single-user mode) writes its id with a minus sign.
        let pid = lines.next()?.trim().trim_start_matches('-').parse().ok()?;
        // Data directory, start time and port lie between; listen address and shared memory behind it.
        let socket_directory = lines.nth(3).unwrap_or_default().trim().to_owned();
        let status = lines.nth(2).unwrap_or_default().trim().to_owned();
        Some(Self {
            pid,
            socket_directory,
            status,
        })
    }

    pub(super) fn is_ready(&self) -> bool {
        self.status == "ready"
    }
}

/// Waits until no server is left on `data`, if the one there is dying.
///
/// Answers the process that the file names when that is alive but is no PostgreSQL: after a crash of the
/// machine or the container, its id may be anybody's.
pub(super) fn wait_for_previous(directory: &Path, data: &Path) -> Result<Option<u32>, PrivateError> {
    let start = Instant::now();
    loop {
        let Some(PidFile { pid, status, .. }) = PidFile::read(data) else {
            return Ok(None);
        };
        match process(pid) {
            Process::Gone => return Ok(None),
            Process::Other => return Ok(Some(pid)),
            Process::Postgres => {}
        }
        let patience = if status == "stopping" {
            DYING_WITHIN
        } else {
            NOTICED_WITHIN
        };
        if start.elapsed() > patience {
            return Err(PrivateError::InUse {
                directory: directory.to_owned(),
                pid,
            });
        }
        thread::sleep(POLL);
    }
}

/// What runs under a process id.
#[derive(Debug, PartialEq, Eq)]
enum Process {
    Gone,
    Postgres,
    Other,
}

fn process(pid: u32) -> Process {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return if is_alive(pid) {
            Process::Postgres
        } else {
            Process::Gone
        };
    };
    // "pid (name) state ...", where the name may hold anything, parentheses too.
    let name = stat.split_once('(').map_or("", |(_, rest)| rest);
    let (name, state) = name.rsplit_once(") ").unwrap_or((name, ""));
    match name {
        _ if state.starts_with(['Z', 'X']) => Process::Gone,
        "postgres" | "postmaster" => Process::Postgres,
        _ => Process::Other,
    }
}

/// Whether the process exists, also if it is somebody else's.
fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| matches!(test_kill_process(pid), Ok(()) | Err(Errno::PERM)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "4711\n/data\n1763625600\n5432\n/data/socket\n\n  5432001         7\n";

    #[test]
    fn the_status_stands_in_the_eighth_line() {
        let ready = PidFile::parse(&format!("{FILE}ready   \n")).expect("a complete file");
        assert!(ready.is_ready() && ready.pid == 4711 && ready.socket_directory == "/data/socket");
        assert!(
            !PidFile::parse(&format!("{FILE}starting\n"))
                .expect("a complete file")
                .is_ready()
        );
    }

    #[test]
    fn a_file_still_being_written_is_not_ready() {
        assert_eq!(PidFile::parse(""), None);
        assert_eq!(PidFile::parse(FILE).map(|file| file.is_ready()), Some(false));
    }

    #[test]
    fn this_process_is_no_postgres() {
        assert_eq!(process(std::process::id()), Process::Other);
    }
}
