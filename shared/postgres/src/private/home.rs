//! The directory of a cluster: who owns it, what is in it, what is left of it at the end.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::account::Account;
use super::binaries::find_for;
use super::directories::{make_directories, make_private};
use super::lock::Lock;
use super::log::Log;
use super::pid_file::wait_for_previous;
use super::reaper::Reaper;
use super::socket::{SocketDirectory, fresh};
use super::{Binaries, Keep, PrivateError};

/// The data directory's name.
pub(super) const DATA: &str = "data";

/// A directory that we hold: `data`, `socket`, `postgres.log` and the lock are in it.
#[derive(Debug)]
pub(super) struct Home {
    directory: PathBuf,
    log: Log,
    keep: Keep,
    account: Account,
    /// A process that has the id of the server before this one by chance.
    namesake: Option<u32>,
    // Given up in this order: the lock comes last, so that the next owner finds everything settled.
    reaper: Option<Reaper>,
    socket: SocketDirectory,
    lock: Lock,
}

impl Home {
    /// Takes `directory`, making it if need be, and finds the PostgreSQL for it.
    pub(super) fn claim(directory: &Path, keep: Keep) -> Result<(Self, Binaries), PrivateError> {
        let account = Account::for_directory(directory)?;
        let binaries = find_for(directory, data_version(directory)?.as_deref())?;
        account.check_reach(directory.parent().unwrap_or(directory), &binaries)?;
        make_directories(directory).map_err(PrivateError::io("make", directory))?;
        let directory = fs::canonicalize(directory).map_err(PrivateError::io("resolve", directory))?;
        refuse_foreign(&directory)?;
        let lock = Lock::take(&directory, &account)?;
        if keep == Keep::Ephemeral {
            refuse_data(&directory)?;
        }
        let home = Self::settle(directory, keep, account, lock)?;
        Ok((home, binaries))
    }

    /// Makes a directory in `place` for an ephemeral cluster, and takes it.
    pub(super) fn fresh(place: &Path) -> Result<(Self, Binaries), PrivateError> {
        let account = Account::for_new_directory();
        let binaries = find_for(place, None)?;
        account.check_reach(place, &binaries)?;
        let place = fs::canonicalize(place).map_err(PrivateError::io("resolve", place))?;
        let directory = fresh(&place);
        make_private(&directory).map_err(PrivateError::io("make", &directory))?;
        let lock = Lock::take(&directory, &account)?;
        let home = Self::settle(directory, Keep::Ephemeral, account, lock)?;
        Ok((home, binaries))
    }

    /// Prepares a directory that holds no running server but maybe a dying one.
    fn settle(directory: PathBuf, keep: Keep, account: Account, lock: Lock) -> Result<Self, PrivateError> {
        let data = directory.join(DATA);
        let socket = SocketDirectory::place(&directory);
        let reaper = match keep {
            Keep::Ephemeral => Some(Reaper::start(&data, &[&directory, &socket])?),
            Keep::Persistent if !socket.starts_with(&directory) => Some(Reaper::start(&data, &[&socket])?),
            Keep::Persistent => None,
        };
        account.own(&directory)?;
        let namesake = wait_for_previous(&directory, &data)?;
        let socket = SocketDirectory::make(&socket, &account)?;
        let log = Log::in_directory(&directory);
        Ok(Self {
            directory,
            log,
            keep,
            account,
            namesake,
            reaper,
            socket,
            lock,
        })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn data(&self) -> PathBuf {
        self.directory.join(DATA)
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    pub(super) fn keep(&self) -> Keep {
        self.keep
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    pub(super) fn socket(&self) -> &SocketDirectory {
        &self.socket
    }

    pub(super) fn namesake(&self) -> Option<u32> {
        self.namesake
    }

    /// Has the removal at our end wait for the server `pid`.
    pub(super) fn holds_server(&mut self, pid: u32) {
        if let Some(reaper) = &mut self.reaper {
            reaper.wait_for(pid);
        }
    }

    /// Tells whoever wants the directory that it is free in a moment.
    pub(super) fn announce_stop(&mut self) {
        self.lock.announce_stop();
    }
}

/// The major version that wrote the data in `directory`; `None` when there is none.
pub(super) fn data_version(directory: &Path) -> Result<Option<String>, PrivateError> {
    let path = directory.join(DATA).join("PG_VERSION");
    match fs::read_to_string(&path) {
        Ok(version) => Ok(Some(version.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PrivateError::io("read", &path)(error)),
    }
}

/// Refuses a directory that somebody uses for something else: we would lock them out of it.
fn refuse_foreign(directory: &Path) -> Result<(), PrivateError> {
    let names = names(directory)?;
    if names.is_empty() || names.iter().any(|name| name == Lock::FILE) {
        return Ok(());
    }
    let problem = "is not empty and holds no private PostgreSQL";
    Err(PrivateError::NotEmpty {
        directory: directory.to_owned(),
        problem,
    })
}

/// Refuses a directory with anything in it that its removal would destroy.
fn refuse_data(directory: &Path) -> Result<(), PrivateError> {
    if names(directory)?.iter().all(|name| name == Lock::FILE) {
        return Ok(());
    }
    let problem = "is not empty, and an ephemeral PostgreSQL would remove what is there at its end";
    Err(PrivateError::NotEmpty {
        directory: directory.to_owned(),
        problem,
    })
}

fn names(directory: &Path) -> Result<Vec<OsString>, PrivateError> {
    let entries = fs::read_dir(directory).map_err(PrivateError::io("list", directory))?;
    entries
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<Result<_, _>>()
        .map_err(PrivateError::io("list", directory))
}
