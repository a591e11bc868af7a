//! The thread that a server belongs to: it starts it, waits for its end, and tells.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::PrivateError;
use super::server::Server;

/// How long a server may take to shut down before it is made to; its last checkpoint can be large.
const SHUTDOWN_WITHIN: Duration = Duration::from_secs(60);
/// How long an immediate shutdown may take; PostgreSQL itself kills its processes after 5 seconds.
const IMMEDIATE_WITHIN: Duration = Duration::from_secs(10);

/// How a server ended that nobody stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The status or signal, for people.
    pub status: String,
    /// The server's log.
    pub log: PathBuf,
    /// Its last lines.
    pub log_tail: String,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status,
            log,
            log_tail,
        } = self;
        write!(
            f,
            "PostgreSQL ended by itself ({status}); the end of its log, {}:\n{log_tail}",
            log.display()
        )
    }
}

type Tell = Box<dyn FnOnce(Exit) + Send>;

/// Holds the thread; the server is shut down when this is dropped.
pub(super) struct Warden {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    ended: Condvar,
    shutdown_signal: Signal,
}

/// What is known of the server.
struct State {
    /// Present until the server's end is collected: as long, the id is nobody else's.
    pid: Option<Pid>,
    is_stopping: bool,
    exit: Option<Exit>,
    tell: Vec<Tell>,
}

impl Warden {
    /// Runs `launch` on a new thread and answers what it made beside the server, which stays with that
    /// thread.
    pub(super) fn spawn<T: Send + 'static>(
        launch: impl FnOnce() -> Result<(Server, T), PrivateError> + Send + 'static,
    ) -> Result<(Self, T), PrivateError> {
        let (answer, started) = mpsc::sync_channel(1);
        let attend = move || match launch() {
            Ok((server, made)) => {
                let shared = Arc::new(Shared::of(&server));
                // The receiver waits below, whatever happens.
                let _ = answer.send(Ok((Arc::clone(&shared), made)));
                shared.attend(server);
            }
            Err(error) => {
                let _ = answer.send(Err(error));
            }
        };
        let name = "postgres-warden";
        let thread = thread::Builder::new().name(name.to_owned()).spawn(attend);
        let thread = thread.map_err(PrivateError::io("start the thread", Path::new(name)))?;
        let died =
            |_| PrivateError::io("keep up the thread", Path::new(name))(std::io::ErrorKind::Other.into());
        let (shared, made) = started.recv().map_err(died)??;
        Ok((
            Self {
                shared,
                thread: Some(thread),
            },
            made,
        ))
    }

    pub(super) fn exited(&self) -> Option<Exit> {
        self.shared.state().exit.clone()
    }

    pub(super) fn on_exit(&self, tell: Tell) {
        let mut state = self.shared.state();
        match state.exit.clone() {
            None => state.tell.push(tell),
            Some(exit) => {
                drop(state);
                tell(exit);
            }
        }
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        self.shared.stop();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported where it happened.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Warden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Warden")
            .field("pid", &self.shared.state().pid)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn of(server: &Server) -> Self {
        let state = State {
            pid: Some(server.pid()),
            is_stopping: false,
            exit: None,
            tell: Vec::new(),
        };
        Self {
            state: Mutex::new(state),
            ended: Condvar::new(),
            shutdown_signal: server.shutdown_signal(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the end of the server and tells whoever wants to know.
    fn attend(&self, mut server: Server) {
        wait_without_collecting(server.pid());
        let mut state = self.state();
        let status = server
            .collect()
            .map_or_else(|error| error.to_string(), |status| status.to_string());
        state.pid = None;
        let tell = std::mem::take(&mut state.tell);
        if state.is_stopping {
            self.ended.notify_all();
            return;
        }
        let exit = Exit {
            status,
            log: server.log().path().to_owned(),
            log_tail: server.log().tail(),
        };
        state.exit = Some(exit.clone());
        drop(state);
        for tell in tell {
            tell(exit.clone());
        }
    }

    /// Shuts the server down, harder each time that it does not obey.
    fn stop(&self) {
        let steps = [
            (self.shutdown_signal, SHUTDOWN_WITHIN),
            (Signal::QUIT, IMMEDIATE_WITHIN),
            (Signal::KILL, IMMEDIATE_WITHIN),
        ];
        let mut state = self.state();
        state.is_stopping = true;
        for (signal, patience) in steps {
            let Some(pid) = state.pid else { return };
            // Not collected yet, so the worst is that it has ended already.
            let _ = kill_process(pid, signal);
            let waited = self
                .ended
                .wait_timeout_while(state, patience, |state| state.pid.is_some());
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Waits for the end of a child and leaves its status, and so its id, in place.
fn wait_without_collecting(pid: Pid) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(pid), options), Err(Errno::INTR)) {}
}
