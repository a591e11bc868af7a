//! A PostgreSQL of our own, for `kith up` and for tests: started on a directory, reached through a Unix
//! socket in it, gone when its owner is gone.
//!
//! The calls block; from async code use them through `spawn_blocking`.
//!
//! * Nothing listens on TCP. The socket lies in a directory of mode 0700, and whoever reaches it is trusted.
//! * As root, PostgreSQL runs as another user, see [`PrivateCluster::start`].
//! * PostgreSQL stands in a process group of its own, so that Ctrl-C reaches the owner alone, which drains
//!   first.
//! * The owner's death, also by `kill -9`, shuts the server down. On Linux, the kernel sees to that;
//!   elsewhere only an orderly end does.

mod account;
mod binaries;
mod directories;
mod error;
mod home;
mod init;
mod install;
mod lock;
mod log;
mod pid_file;
mod reaper;
#[cfg(test)]
mod scratch;
mod server;
mod socket;
mod warden;

use std::path::Path;

pub use self::binaries::{Binaries, find_binaries, find_binaries_for};
pub use self::directories::{MadeDirectories, make_directories};
pub use self::error::PrivateError;
use self::home::Home;
use self::pid_file::PidFile;
use self::server::Server;
pub use self::warden::Exit;
use self::warden::Warden;

/// The role that owns every private cluster.
pub const SUPERUSER: &str = "postgres";

/// How long a cluster's data lives, and with it how much is done to keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The data stays in the directory; every acknowledged commit is on disk.
    Persistent,
    /// The directory goes away when the owner ends, however it ends; nothing is flushed to disk.
    Ephemeral,
}

/// The URL by which `role` reaches `database` of the cluster in `directory`, which another process has started; `None` when
/// no server says that it is ready there.
pub fn running_url(directory: &Path, role: &str, database: &str) -> Option<String> {
    let file = PidFile::read(&directory.join(home::DATA)).filter(PidFile::is_ready)?;
    Some(socket::url(&file.socket_directory, role, database))
}

/// A running PostgreSQL server that belongs to this process.
#[derive(Debug)]
pub struct PrivateCluster {
    // Fields are dropped in this order: the server ends before what it stands on is given up.
    warden: Warden,
    home: Home,
    binaries: Binaries,
}

impl PrivateCluster {
    /// Starts PostgreSQL on `directory`, which is made and initialised when it is not there yet.
    ///
    /// The directory is the cluster's alone. As root, the server runs as the owner of the directory if it
    /// exists and belongs to somebody else than root, otherwise as the user `postgres` or else `nobody`, who
    /// then owns it. When a server left behind by an owner that died is still shutting down there, this waits
    /// up to 10 seconds for it.
    ///
    /// # Errors
    /// [`PrivateError`], whose text says what to do about it.
    pub fn start(directory: &Path, keep: Keep) -> Result<Self, PrivateError> {
        let directory = std::path::absolute(directory).map_err(PrivateError::io("resolve", directory))?;
        Self::launch(move || Home::claim(&directory, keep))
    }

    /// Starts PostgreSQL on a fresh directory below the system's folder for temporary files.
    ///
    /// # Errors
    /// [`PrivateError`], whose text says what to do about it.
    pub fn start_ephemeral() -> Result<Self, PrivateError> {
        Self::launch(|| Home::fresh(&std::env::temp_dir()))
    }

    fn launch(
        claim: impl FnOnce() -> Result<(Home, Binaries), PrivateError> + Send + 'static,
    ) -> Result<Self, PrivateError> {
        let (warden, (home, binaries)) = Warden::spawn(move || {
            let (mut home, binaries) = claim()?;
            let server = Server::start(&mut home, &binaries)?;
            Ok((server, (home, binaries)))
        })?;
        Ok(Self {
            warden,
            home,
            binaries,
        })
    }

    /// The URL by which `role` reaches `database`: `postgres://role@%2Fsocket%2Fdirectory/database`.
    pub fn url(&self, role: &str, database: &str) -> String {
        self.home.socket().url(role, database)
    }

    /// The URL by which [`SUPERUSER`] reaches `database`.
    pub fn superuser_url(&self, database: &str) -> String {
        self.url(SUPERUSER, database)
    }

    /// The directory that everything of this cluster is in.
    pub fn directory(&self) -> &Path {
        self.home.directory()
    }

    /// The server's log since this start; that of the start before lies beside it, with `.1` at the end.
    pub fn log(&self) -> &Path {
        self.home.log().path()
    }

    /// The PostgreSQL installation that it runs from, where `psql` and `pgbench` are too.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// How the server ended, if it did so without being told to.
    pub fn exited(&self) -> Option<Exit> {
        self.warden.exited()
    }

    /// Calls `tell` when the server ends without being told to, at once if it already has.
    ///
    /// It runs on a thread of the cluster, so it must not block. When the cluster is stopped first, `tell` is
    /// dropped without a call.
    pub fn on_exit(&self, tell: impl FnOnce(Exit) + Send + 'static) {
        self.warden.on_exit(Box::new(tell));
    }

    /// Shuts the server down and waits for it: open transactions are rolled back, everything committed is on
    /// disk.
    ///
    /// Dropping the cluster does the same.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for PrivateCluster {
    fn drop(&mut self) {
        self.home.announce_stop();
    }
}
