//! Installs PostgreSQL where there is none: on Debian and its kin, as root.

use std::collections::VecDeque;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, pipe};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use kith_postgres::SUPPORTED_VERSIONS;
use kith_postgres::private::{
    MadeDirectories, PrivateError, find_binaries, find_binaries_for, make_directories,
};
use kith_rpc::process::AnyError;
use rustix::process::geteuid;

use crate::report::progress;

const APT: &str = "apt-get";
/// Another apt that is at work is waited for.
const PATIENT: [&str; 2] = ["-o", "DPkg::Lock::Timeout=300"];
const APT_CACHE: &str = "apt-cache";
const PACKAGE: &str = "postgresql";
/// Nothing that is there is removed for it, and no file of settings that somebody has changed is replaced.
const INSTALL: [&str; 6] = [
    "-q",
    "-y",
    "--no-install-recommends",
    "--no-remove",
    "-o",
    "Dpkg::Options::=--force-confold",
];
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
            let text = missing.to_string();
            let what = text.split("; install one with").next().unwrap_or_default();
            install_with_apt(what, directory.and_then(data_version).as_deref())?;
            Ok(find().map(drop)?)
        }
        Err(ref error @ PrivateError::OtherVersion { ref data_version, .. })
            if install == Install::WhereWeCan && may_install() && !is_told_where() =>
        {
            let what =
                format!("PostgreSQL {data_version}, which has written the data, is not installed here");
            install_with_apt(&what, Some(data_version)).map_err(|failure| format!("{error}\n{failure}"))?;
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

/// Whether somebody says which PostgreSQL is taken: another one that is installed would not be.
fn is_told_where() -> bool {
    env::var_os("KITH_POSTGRES_BIN").is_some_and(|value| !value.is_empty())
}

/// The major version that has written the data of a cluster, where there are some.
fn data_version(cluster: &Path) -> Option<String> {
    let text = fs::read_to_string(cluster.join("data/PG_VERSION")).ok()?;
    Some(text.trim().to_owned())
}

/// `what` is missing. Data of another version than `data_version` would need another PostgreSQL than Debian's preferred one.
fn install_with_apt(what: &str, data_version: Option<&str>) -> Result<(), AnyError> {
    progress(&format!("{what}; installing it, which --no-install forbids …"));
    if let Err(error) = run(&["update", "-q"]) {
        // One source of many that does not answer keeps nothing from being installed from the others.
        progress(&format!(
            "{error}\ngoing on with the lists of packages that are here …"
        ));
    }
    let package = data_version.map_or_else(|| PACKAGE.to_owned(), |major| format!("{PACKAGE}-{major}"));
    suitable(&package, candidate(&package)?.as_deref())?;
    let _held_back = NoCluster::make()?;
    run(&[&["install"], INSTALL.as_slice(), &[&package]].concat())
}

/// Whether Kith works with what would be installed as `package`.
fn suitable(package: &str, candidate: Option<&str>) -> Result<(), AnyError> {
    let seen = match candidate {
        Some(version) if major(version).is_some_and(|major| SUPPORTED_VERSIONS.contains(&major)) => {
            return Ok(());
        }
        Some(version) => {
            format!("{package} of this system's packages is {version}, where 15 to 18 is needed")
        }
        None => format!("this system's packages have no {package}"),
    };
    let way = "https://www.postgresql.org/download/";
    Err(format!("{seen}; nothing is installed. Install it in another way ({way}), and start again").into())
}

/// 15 of `15+248+deb12u2` and of `1:15.4-1`.
fn major(version: &str) -> Option<i32> {
    let upstream = version.split_once(':').map_or(version, |(_, upstream)| upstream);
    let digits = upstream.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// The version of `package` that would be installed; `None` where there is none.
fn candidate(package: &str) -> Result<Option<String>, AnyError> {
    let mut command = Command::new(APT_CACHE);
    command.args(["policy", package]).env("LC_ALL", "C.UTF-8");
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {APT_CACHE}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "));
    Ok(version.filter(|version| *version != "(none)").map(str::to_owned))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_that_kith_works_with_are_installed() {
        for good in ["15+248+deb12u2", "17+278", "18.1-1.pgdg13+1", "1:16.4-1"] {
            assert!(suitable(PACKAGE, Some(good)).is_ok(), "{good}");
        }
        for bad in ["14+238", "19~beta1-1", "13.16-0+deb11u1", "1:9.6", "unstable", ""] {
            let error = suitable(PACKAGE, Some(bad)).expect_err(bad).to_string();
            assert!(
                error.contains("where 15 to 18 is needed; nothing is installed"),
                "{error}"
            );
        }
        let error = suitable("postgresql-16", None).expect_err("none").to_string();
        assert!(
            error.starts_with("this system's packages have no postgresql-16"),
            "{error}"
        );
    }
}
