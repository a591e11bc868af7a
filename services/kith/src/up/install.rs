//! Installs PostgreSQL where there is none: on Debian and its kin, as root.

use std::collections::VecDeque;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, pipe};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use kith_postgres::private::{
    MadeDirectories, PrivateError, find_binaries, find_binaries_for, make_directories,
};
use kith_rpc::process::AnyError;
use rustix::process::geteuid;

use crate::report::progress;

const APT: &str = "apt-get";
/// Another apt that is at work is waited for.
const PATIENT: [&str; 2] = ["-o", "DPkg::Lock::Timeout=300"];
const PACKAGE: &str = "postgresql";
/// Debian's package makes a cluster and starts it, unless told not to before it is installed. This file says so, and is there
/// for no longer than that.
const NO_CLUSTER: &str = "/etc/postgresql-common/createcluster.d/kith-up.conf";
/// As much of what a program said is repeated when it fails.
const LAST_LINES: usize = 15;

/// Whether PostgreSQL may be installed where it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Install {
    /// Where we are root, on Debian.
    WhereWeCan,
    /// Nowhere.
    Never,
}

/// Makes sure that there is a PostgreSQL to run, for the cluster in `directory` or for a new one. Blocks.
pub(crate) fn ensure_programs(directory: Option<&Path>, install: Install) -> Result<(), AnyError> {
    let find = || match directory {
        Some(directory) => find_binaries_for(directory),
        None => find_binaries(),
    };
    match find() {
        Err(missing @ PrivateError::NotInstalled { .. })
            if install == Install::WhereWeCan && may_install() =>
        {
            install_with_apt(&missing)?;
            Ok(find().map(drop)?)
        }
        Err(error @ PrivateError::NotInstalled { .. }) => Err(error.into()),
        // Whoever starts the cluster says what is wrong.
        _ => Ok(()),
    }
}

/// Whether this is a machine where we can install PostgreSQL: Debian or its kin, and we are root.
pub(crate) fn may_install() -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    geteuid().is_root()
        && Path::new("/etc/debian_version").exists()
        && env::split_paths(&path).any(|directory| directory.join(APT).is_file())
}

fn install_with_apt(missing: &PrivateError) -> Result<(), AnyError> {
    let text = missing.to_string();
    let what = text.split("; install one with").next().unwrap_or_default();
    progress(&format!("{what}; installing it, which --no-install forbids …"));
    run(&["update", "-q"])?;
    let _held_back = NoCluster::make()?;
    run(&["install", "-q", "-y", "--no-install-recommends", PACKAGE])
}

/// As long as it lives, packages of PostgreSQL make no cluster.
struct NoCluster {
    /// What was not there before.
    made: MadeDirectories,
}

impl NoCluster {
    fn make() -> Result<Self, AnyError> {
        let file = PathBuf::from(NO_CLUSTER);
        let cannot = |error| format!("cannot write {NO_CLUSTER}: {error}");
        let made = make_directories(file.parent().unwrap_or(Path::new("/"))).map_err(cannot)?;
        let held_back = Self { made };
        progress(&format!("+ echo 'create_main_cluster = false' > {NO_CLUSTER}"));
        fs::write(&file, "create_main_cluster = false\n").map_err(cannot)?;
        Ok(held_back)
    }
}

impl Drop for NoCluster {
    fn drop(&mut self) {
        progress(&format!("+ rm {NO_CLUSTER}"));
        // One that stays keeps later packages from making a cluster, and nothing else.
        let _ = fs::remove_file(NO_CLUSTER);
        self.made.remove_empty();
    }
}

/// Runs apt-get, and shows what it says.
fn run(arguments: &[&str]) -> Result<(), AnyError> {
    let arguments = [&PATIENT, arguments].concat();
    let line = format!("{APT} {}", arguments.join(" "));
    progress(&format!("+ {line}"));
    let (status, last) = follow(&arguments).map_err(|error| format!("cannot run {APT}: {error}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!(
        "{line} failed ({status}):\n{}\nmend that, or install PostgreSQL 15 to 18 in another way \
         (https://www.postgresql.org/download/), and start again",
        last.join("\n")
    )
    .into())
}

/// How it ended, and its last lines.
fn follow(arguments: &[&str]) -> std::io::Result<(ExitStatus, Vec<String>)> {
    let (reader, writer) = pipe()?;
    let mut command = Command::new(APT);
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        // Ctrl-C is for us: half an installation would have to be mended by hand.
        .process_group(0);
    let mut child = command.spawn()?;
    // With the ends of the pipe that it holds, there would be no end to read.
    drop(command);
    let mut last = VecDeque::new();
    for line in BufReader::new(reader).lines().map_while(Result::ok) {
        progress(&format!("  {line}"));
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
    Ok((child.wait()?, last.into()))
}
