//! Starts the server and waits until it takes connections.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::home::Home;
use super::init::ensure_initialised;
use super::lock::{DYING_WITHIN, POLL};
use super::log::Log;
use super::pid_file::PidFile;
use super::{Binaries, Keep, PrivateError};

/// How long a server may take to come up; most of it is for the recovery after a crash.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// What a server says that finds processes of a killed one still at work. They end by themselves.
const ORPHANS: &str = "pre-existing shared memory block";

/// Settings of every private cluster. On the command line, they hold also for data that an older Kith made.
const SETTINGS: [&str; 13] = [
    "listen_addresses=",
    "port=5432",
    "unix_socket_permissions=0700",
    "logging_collector=off",
    "log_destination=stderr",
    // Refused statements are the callers' business, happen all the time and carry their data.
    "log_min_messages=log",
    "lc_messages=C",
    "timezone=UTC",
    "log_timezone=UTC",
    "max_connections=200",
    // Each pair of a batch that is being changed takes one.
    "max_locks_per_transaction=1024",
    "shared_buffers=128MB",
    "max_wal_size=2GB",
];
const DURABLE: [&str; 3] = ["fsync=on", "full_page_writes=on", "synchronous_commit=on"];
const FORGETFUL: [&str; 3] = ["fsync=off", "full_page_writes=off", "synchronous_commit=on"];

/// A running server.
///
/// It must be started and waited for on one thread: the kernel takes the end of that thread for the parent's
/// death.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    log: Log,
    keep: Keep,
}

impl Server {
    /// Initialises the data if need be, starts the server and waits until it is ready.
    pub(super) fn start(home: &mut Home, binaries: &Binaries) -> Result<Self, PrivateError> {
        ensure_initialised(home, binaries)?;
        let give_up = Instant::now() + DYING_WITHIN;
        loop {
            let mut server = Self::spawn(home, binaries)?;
            home.holds_server(server.child.id());
            match server.wait_until_ready(home) {
                Ok(()) => return Ok(server),
                Err(problem) => {
                    let failed = server.failed(problem);
                    if !is_waiting_for_orphans(&failed) || Instant::now() > give_up {
                        return Err(failed);
                    }
                    thread::sleep(POLL);
                }
            }
        }
    }

    fn spawn(home: &Home, binaries: &Binaries) -> Result<Self, PrivateError> {
        let program = binaries.program("postgres");
        let log = home.log().open(home.account())?;
        let log_twin = log
            .try_clone()
            .map_err(PrivateError::io("open", home.log().path()))?;
        let mut command = home.account().command(&program, home.directory());
        command.arg("-D").arg(home.data()).stdout(log_twin).stderr(log);
        command
            .arg("-c")
            .arg(format!("unix_socket_directories={}", home.socket().path()));
        let durability = match home.keep() {
            Keep::Persistent => DURABLE,
            Keep::Ephemeral => FORGETFUL,
        };
        for setting in SETTINGS.iter().chain(&durability) {
            command.args(["-c", setting]);
        }
        // PostgreSQL takes this process for its own family instead of for a server that holds the data.
        command.envs(home.namesake().map(|pid| ("PG_GRANDPARENT_PID", pid.to_string())));
        end_with_parent(&mut command, shutdown_signal(home.keep()));
        let child = command.spawn().map_err(PrivateError::io("run", &program))?;
        Ok(Self {
            child,
            log: home.log().clone(),
            keep: home.keep(),
        })
    }

    /// Waits for the server's own word; the error says what happened instead.
    fn wait_until_ready(&mut self, home: &Home) -> Result<(), String> {
        let deadline = Instant::now() + READY_WITHIN;
        let data = home.data();
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("ended while it started ({status})"));
            }
            if PidFile::read(&data).is_some_and(|file| file.pid == self.child.id() && file.is_ready()) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!(
                    "did not become ready within {} seconds",
                    READY_WITHIN.as_secs()
                ));
            }
            thread::sleep(POLL);
        }
    }

    /// Ends a server that did not come up.
    fn failed(mut self, problem: String) -> PrivateError {
        if matches!(self.child.try_wait(), Ok(None)) {
            // It may have ended just now.
            let _ = kill_process(self.pid(), Signal::KILL);
            let _ = self.child.wait();
        }
        PrivateError::StartFailed {
            problem,
            log: self.log.path().to_owned(),
            log_tail: self.log.tail(),
        }
    }

    pub(super) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    /// The signal that shuts it down: an orderly end for data that stays, the quickest for data that does
    /// not.
    pub(super) fn shutdown_signal(&self) -> Signal {
        shutdown_signal(self.keep)
    }

    /// Collects the status of a server that has ended.
    pub(super) fn collect(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }
}

fn shutdown_signal(keep: Keep) -> Signal {
    match keep {
        Keep::Persistent => Signal::INT,
        Keep::Ephemeral => Signal::QUIT,
    }
}

fn is_waiting_for_orphans(error: &PrivateError) -> bool {
    matches!(error, PrivateError::StartFailed { log_tail, .. } if log_tail.contains(ORPHANS))
}

/// Has the kernel send `signal` to the process of `command` when the thread that spawns it ends.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "there is no safe way to act between fork and exec")]
pub(super) fn end_with_parent(command: &mut Command, signal: Signal) {
    use std::os::unix::process::CommandExt;

    use rustix::process::{getpid, getppid, set_parent_process_death_signal};

    let parent = getpid();
    let arrange = move || {
        set_parent_process_death_signal(Some(signal))?;
        // A parent that died before that line has sent no signal.
        if getppid() == Some(parent) {
            Ok(())
        } else {
            Err(rustix::io::Errno::SRCH.into())
        }
    };
    // SAFETY: between fork and exec only async-signal-safe things may be done. `arrange` makes two system
    // calls and compares two numbers; it neither allocates nor takes a lock. It runs after the change of
    // user, which would clear it.
    unsafe { command.pre_exec(arrange) };
}

/// Elsewhere, only an orderly end of the owner ends the server.
#[cfg(not(target_os = "linux"))]
pub(super) fn end_with_parent(_command: &mut Command, _signal: Signal) {}
