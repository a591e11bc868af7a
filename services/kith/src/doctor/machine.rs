//! What this machine gives: descriptors, and for a private PostgreSQL programs, a directory and room in it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use kith_postgres::private::{PrivateError, find_binaries_for};
use kith_postgres::{DatabaseUrl, PoolSettings, private};
use kith_rpc::MAX_CONNECTIONS;
use rustix::fs::statvfs;
use rustix::process::{Resource, geteuid, getrlimit};

use super::finding::{Finding, Fix};
use crate::command_line::own_command;
use crate::data_directory::DataDirectory;
use crate::report::grouped;
use crate::up::{DATABASE, may_install};

const DESCRIPTORS: &str = "descriptors";
const PROGRAMS: &str = "PostgreSQL's programs";
const DIRECTORY: &str = "data directory";
const DISK: &str = "disk space";

/// What a process has open beside connections: its listener, logs, files that it reads again.
const BESIDE_CONNECTIONS: u64 = 64;
/// Fewer callers than this at once are no service.
const FEW_CALLERS: u64 = 64;
/// A private PostgreSQL keeps up to 2 GB of its log of changes.
const LITTLE_SPACE: u64 = 4 << 30;
const NO_SPACE: u64 = 256 << 20;

/// What a process has open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Connections to the database.
    pub(super) pools: u64,
    /// As many callers as it takes.
    pub(super) callers: u64,
}

impl Load {
    /// Of a service in production, in a process of its own.
    pub(super) fn of_service(pool: &PoolSettings) -> Self {
        Self {
            pools: pool.size as u64,
            callers: MAX_CONNECTIONS as u64,
        }
    }

    /// Of a Kith of one's own: `services` in one process, and people who try them.
    pub(super) fn of_private(pool: &PoolSettings, services: usize) -> Self {
        Self {
            pools: (pool.size * services) as u64,
            callers: FEW_CALLERS,
        }
    }
}

/// Whether a process may open as much.
pub(super) fn descriptors(load: Load) -> Finding {
    let limit = getrlimit(Resource::Nofile);
    judge_descriptors(limit.current, limit.maximum, load)
}

/// No limit is `None`.
fn judge_descriptors(soft: Option<u64>, hard: Option<u64>, load: Load) -> Finding {
    let Some(soft) = soft else {
        return Finding::ok(DESCRIPTORS, "without limit");
    };
    let seen = format!("{} at once for a process started from here", grouped(soft));
    let own = load.pools + BESIDE_CONNECTIONS;
    let wanted = own + load.callers;
    let raise = |wanted: u64| {
        let wanted = wanted.next_multiple_of(1000);
        if hard.is_none_or(|hard| wanted <= hard) {
            Fix::command(format!("ulimit -n {wanted}"))
                .then("start it from the same shell (systemd: LimitNOFILE=)")
        } else {
            Fix::command(format!("prlimit --pid $$ --nofile={wanted}:{wanted}"))
                .then("start it from the same shell, all as root (systemd: LimitNOFILE=)")
        }
    };
    if soft < own + FEW_CALLERS {
        Finding::problem(DESCRIPTORS, seen)
            .why("the pool and a few callers take more")
            .fix(raise(wanted))
    } else if soft < wanted {
        Finding::warning(DESCRIPTORS, seen)
            .why("a service takes 10,000 connections; from where they run out, callers wait to be accepted")
            .fix(raise(wanted))
    } else {
        Finding::ok(DESCRIPTORS, seen)
    }
}

/// Whether a private PostgreSQL can be started for `directory`.
pub(super) fn programs(directory: &DataDirectory) -> Finding {
    match find_binaries_for(&directory.cluster()) {
        Ok(binaries) => {
            let (major, path) = (binaries.major, binaries.directory.display().to_string());
            Finding::ok(PROGRAMS, format!("PostgreSQL {major} in {path}"))
        }
        Err(error @ PrivateError::NotInstalled { .. }) if may_install() => {
            Finding::warning(PROGRAMS, short(&error))
                .why("kith up installs them with apt-get before it starts")
        }
        Err(PrivateError::NotInstalled { command, .. }) if !command.is_empty() => {
            Finding::problem(PROGRAMS, "no PostgreSQL 15 to 18 is installed here").fix(Fix::command(command))
        }
        Err(error) => Finding::problem(PROGRAMS, short(&error)).fix(Fix::advice("as it says there")),
    }
}

fn short(error: &PrivateError) -> String {
    let text = error.to_string();
    text.split("; install one with")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Whether the data directory is ours to use.
pub(super) fn directory(directory: &DataDirectory) -> Finding {
    let path = directory.path();
    let Some((existing, metadata)) = existing(path) else {
        return Finding::unchecked(
            DIRECTORY,
            format!("nothing above {} can be looked at", path.display()),
        );
    };
    let (owner, we) = (metadata.uid(), geteuid().as_raw());
    let is_ours = owner == we;
    let mode = metadata.mode();
    let may_write = is_ours && mode & 0o300 == 0o300 || mode & 0o003 == 0o003;
    if !is_ours && (geteuid().is_root() || existing == path) {
        return Finding::problem(
            DIRECTORY,
            format!("{} belongs to the user with id {owner}", existing.display()),
        )
        .why("kith up neither takes it over nor reads its keys")
        .fix(Fix::advice(
            "run kith as that user, or name another directory by KITH_DATA_DIRECTORY",
        ));
    }
    if !may_write && !geteuid().is_root() {
        return Finding::problem(DIRECTORY, format!("{} takes nothing from us", existing.display()))
            .why("kith up cannot make its data there")
            .fix(Fix::advice("name another directory by KITH_DATA_DIRECTORY"));
    }
    let seen = if existing == path {
        format!("{}", path.display())
    } else {
        format!("{}, to be made by kith up", path.display())
    };
    Finding::ok(DIRECTORY, seen)
}

/// Whether there is room for data.
pub(super) fn disk(directory: &DataDirectory) -> Finding {
    let asked = existing(directory.path()).map(|(path, _)| (path, statvfs(path)));
    let Some((path, Ok(space))) = asked else {
        return Finding::unchecked(DISK, "the system does not say");
    };
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let seen = format!("{} MiB free at {}", grouped(free >> 20), path.display());
    let fix = || Fix::advice("make room there, or name another directory by KITH_DATA_DIRECTORY");
    if free < NO_SPACE {
        Finding::problem(DISK, seen)
            .why("PostgreSQL stops when it cannot write")
            .fix(fix())
    } else if free < LITTLE_SPACE {
        Finding::warning(DISK, seen)
            .why("PostgreSQL's log of changes alone may take 2 GB, and it stops when it cannot write")
            .fix(fix())
    } else {
        Finding::ok(DISK, seen)
    }
}

/// Where the private database is, if it runs; the finding says so.
pub(super) fn private_server(directory: &DataDirectory) -> (Finding, Option<DatabaseUrl>) {
    let check = "private PostgreSQL";
    let path = directory.path().display();
    let start = own_command("up", directory);
    let url = private::running_url(&directory.cluster(), private::SUPERUSER, DATABASE)
        .and_then(|url| DatabaseUrl::parse(&url).ok());
    match (directory.is_held(), url) {
        (Err(error), _) => (Finding::unchecked(check, error.to_string()), None),
        (Ok(true), Some(url)) => (Finding::ok(check, format!("runs in {path}")), Some(url)),
        (Ok(true), None) => {
            let because = format!("kith is up on {path} with another database; name that by DATABASE_URL");
            (Finding::unchecked(check, because), None)
        }
        // What the file says was left by one that was killed.
        (Ok(false), _) => (
            Finding::unchecked(
                check,
                format!("kith is not up on {path}; it is started by: {start}"),
            ),
            None,
        ),
    }
}

/// The nearest directory that is there.
fn existing(path: &Path) -> Option<(&Path, fs::Metadata)> {
    path.ancestors()
        .find_map(|ancestor| Some((ancestor, fs::metadata(ancestor).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    #[test]
    fn descriptors_are_counted_against_what_a_service_may_open() {
        let load = Load {
            pools: 16,
            callers: 10_000,
        };
        let state = |soft| judge_descriptors(Some(soft), None, load).state;
        assert_eq!(state(143), State::Problem);
        assert_eq!(state(144), State::Warning);
        assert_eq!(state(10_079), State::Warning);
        assert_eq!(state(10_080), State::Ok);
        assert_eq!(judge_descriptors(None, None, load).state, State::Ok);
    }
}
