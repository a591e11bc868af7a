//! What can go wrong, in words that a person at a terminal can act on.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::Binaries;
use super::binaries::{MAJORS, POSTGRES_BIN};

/// Why a private PostgreSQL cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    /// No PostgreSQL of a major version that Kith works with is on this machine.
    #[error("{}", NotInstalled { command, unsuitable })]
    NotInstalled {
        /// The shell command that installs one.
        command: String,
        /// What is installed, but too old or too new.
        unsuitable: Vec<Binaries>,
    },

    /// `KITH_POSTGRES_BIN` names something else than a usable installation.
    #[error("{POSTGRES_BIN} is {}, but {problem}", directory.display())]
    BinariesUnusable {
        /// The value of the variable.
        directory: PathBuf,
        /// What is wrong with it.
        problem: String,
    },

    /// The data was written by a major version that is not installed here.
    #[error(
        "the data in {} was written by PostgreSQL {data_version}, which is not what is installed here \
         ({installed}); install PostgreSQL {data_version}, or name another directory to start without this data",
        directory.display()
    )]
    OtherVersion {
        /// The cluster's directory.
        directory: PathBuf,
        /// The major version of the data.
        data_version: String,
        /// The major versions that were found, for people.
        installed: String,
    },

    /// We are root, and the user that PostgreSQL runs as instead cannot get to a path.
    #[error(
        "PostgreSQL refuses to run as root, and {user}, who runs it instead, cannot enter {}; {fix}",
        path.display()
    )]
    Unreachable {
        /// The path that bars the way.
        path: PathBuf,
        /// The user that PostgreSQL would run as.
        user: String,
        /// What to do about it.
        fix: String,
    },

    /// The directory belongs to another user, and we are not root.
    #[error(
        "{} belongs to {owner}; run as that user (or as root), or name another directory",
        directory.display()
    )]
    OtherOwner {
        /// The cluster's directory.
        directory: PathBuf,
        /// The user it belongs to.
        owner: String,
    },

    /// The directory holds something that a cluster of this kind must not touch.
    #[error("{} {problem}; name a directory that is empty or not there yet", directory.display())]
    NotEmpty {
        /// The directory.
        directory: PathBuf,
        /// What it holds.
        problem: &'static str,
    },

    /// Another process has a server running on the directory.
    #[error(
        "{} is in use by process {pid}; stop that process first, or name another directory",
        directory.display()
    )]
    InUse {
        /// The cluster's directory.
        directory: PathBuf,
        /// The process: the owner of the cluster, or PostgreSQL itself when it was started without one.
        pid: u32,
    },

    /// `initdb` failed.
    #[error("initdb failed ({status}):\n{output}")]
    InitFailed {
        /// How it ended.
        status: String,
        /// What it printed.
        output: String,
    },

    /// The server did not come up.
    #[error("PostgreSQL {problem}; the end of its log, {}:\n{log_tail}", log.display())]
    StartFailed {
        /// What happened.
        problem: String,
        /// The server's log.
        log: PathBuf,
        /// Its last lines.
        log_tail: String,
    },

    /// The system refused something.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl PrivateError {
    /// For `map_err`: "cannot `action` `path`".
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

struct NotInstalled<'a> {
    command: &'a str,
    unsuitable: &'a [Binaries],
}

impl fmt::Display for NotInstalled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, unsuitable } = self;
        let (oldest, newest) = (MAJORS.start(), MAJORS.end());
        write!(f, "no PostgreSQL {oldest} to {newest} is installed here")?;
        for binaries in *unsuitable {
            write!(
                f,
                " (found PostgreSQL {} in {})",
                binaries.major,
                binaries.directory.display()
            )?;
        }
        if command.is_empty() {
            return write!(f, "; install one from https://www.postgresql.org/download/");
        }
        write!(f, "; install one with: {command}")?;
        if !unsuitable.is_empty() {
            write!(
                f,
                " (where that brings no newer one: https://www.postgresql.org/download/)"
            )?;
        }
        Ok(())
    }
}
