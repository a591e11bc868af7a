//! Finds PostgreSQL on this machine.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::PrivateError;
use super::home::data_version;
use super::install::install_command;

/// Names the directory of the binaries, for an installation that is found nowhere else.
pub(super) const POSTGRES_BIN: &str = "KITH_POSTGRES_BIN";

/// The major versions that Kith works with.
pub(super) const MAJORS: RangeInclusive<u32> = 15..=18;

/// The major versions that are looked for: what is too old or too new is worth a word when nothing fits.
const LOOKED_FOR: RangeInclusive<u32> = 10..=25;

/// Where installations lie when they are not on PATH: `parent/prefix<major>/rest`.
const PLACES: [(&str, &str, &str); 9] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/lib", "postgresql", "bin"),
    ("/usr/lib64", "postgresql-", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/opt/local/lib", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// An installation of PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    /// The directory that `postgres` and `initdb` are in.
    pub directory: PathBuf,
    /// The major version, for example 15.
    pub major: u32,
}

impl Binaries {
    /// The installation in `directory`, if it is complete and runs.
    fn inspect(directory: &Path) -> Option<Self> {
        // What lies on PATH may be links; the programs beside them are where the links lead.
        let postgres = fs::canonicalize(directory.join("postgres")).ok()?;
        let directory = postgres
            .parent()
            .filter(|parent| parent.join("initdb").is_file())?
            .to_owned();
        let output = Command::new(directory.join("postgres"))
            .arg("--version")
            .output()
            .ok()?;
        let major = major_version(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { directory, major })
    }

    /// The path of one of its programs, for example `psql`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Finds the PostgreSQL that a new cluster would use.
///
/// `KITH_POSTGRES_BIN` comes first, and then alone; otherwise PATH, then the usual places with the newest
/// first.
///
/// # Errors
/// [`PrivateError::NotInstalled`] when there is none of version 15 to 18; [`PrivateError::BinariesUnusable`]
/// when `KITH_POSTGRES_BIN` is set and wrong.
pub fn find_binaries() -> Result<Binaries, PrivateError> {
    Search::of_machine().find(None)
}

/// Finds the PostgreSQL that a cluster in `directory` would use: the one of its data, where there are some.
///
/// # Errors
/// As [`find_binaries`]; [`PrivateError::OtherVersion`] when the data are of a version that is not installed.
pub fn find_binaries_for(directory: &Path) -> Result<Binaries, PrivateError> {
    find_for(directory, data_version(directory)?.as_deref())
}

/// As [`find_binaries`], for data of the major version `data_version`, or for no data.
pub(super) fn find_for(directory: &Path, data_version: Option<&str>) -> Result<Binaries, PrivateError> {
    Search::of_machine().find(data_version.map(|version| (directory, version)))
}

/// Where to look.
struct Search {
    configured: Option<PathBuf>,
    candidates: Vec<PathBuf>,
}

impl Search {
    fn of_machine() -> Self {
        let configured = env::var_os(POSTGRES_BIN)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from);
        let path = env::var_os("PATH").unwrap_or_default();
        Self {
            configured,
            candidates: candidates(&path, Path::new("/")),
        }
    }

    fn find(&self, data: Option<(&Path, &str)>) -> Result<Binaries, PrivateError> {
        let (suitable, unsuitable): (Vec<_>, Vec<_>) = self
            .installed()?
            .into_iter()
            .partition(|binaries| MAJORS.contains(&binaries.major));
        if suitable.is_empty() {
            return Err(PrivateError::NotInstalled {
                command: install_command(),
                unsuitable,
            });
        }
        let Some((directory, version)) = data else {
            return Ok(suitable[0].clone());
        };
        suitable
            .iter()
            .find(|binaries| binaries.major.to_string() == version)
            .cloned()
            .ok_or_else(|| PrivateError::OtherVersion {
                directory: directory.to_owned(),
                data_version: version.to_owned(),
                installed: list(&suitable),
            })
    }

    /// Every installation, the preferred one first.
    fn installed(&self) -> Result<Vec<Binaries>, PrivateError> {
        let Some(configured) = &self.configured else {
            return Ok(self
                .candidates
                .iter()
                .filter_map(|candidate| Binaries::inspect(candidate))
                .collect());
        };
        let unusable = |problem: &str| PrivateError::BinariesUnusable {
            directory: configured.clone(),
            problem: problem.to_owned(),
        };
        let binaries = Binaries::inspect(configured)
            .ok_or_else(|| unusable("no working postgres and initdb are in there"))?;
        if !MAJORS.contains(&binaries.major) {
            let (oldest, newest) = (MAJORS.start(), MAJORS.end());
            return Err(unusable(&format!(
                "that is PostgreSQL {}; needed is {oldest} to {newest}",
                binaries.major
            )));
        }
        Ok(vec![binaries])
    }
}

/// The directories worth a look: PATH, then the usual places below `root`, newest major version first.
fn candidates(path: &OsStr, root: &Path) -> Vec<PathBuf> {
    let usual = LOOKED_FOR.rev().flat_map(|major| {
        PLACES.iter().map(move |(parent, prefix, rest)| {
            root.join(parent.trim_start_matches('/'))
                .join(format!("{prefix}{major}"))
                .join(rest)
        })
    });
    env::split_paths(path)
        .chain(usual)
        .filter(|directory| directory.is_absolute() && directory.join("postgres").is_file())
        .collect()
}

/// 15 from `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`; betas say `18beta1`.
fn major_version(output: &str) -> Option<u32> {
    let version = output.strip_prefix("postgres (PostgreSQL) ")?;
    let digits = version
        .find(|c: char| !c.is_ascii_digit())
        .map_or(version, |end| &version[..end]);
    digits.parse().ok()
}

fn list(installed: &[Binaries]) -> String {
    let each = installed
        .iter()
        .map(|binaries| format!("{} in {}", binaries.major, binaries.directory.display()));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::scratch::Scratch;
    use super::*;

    /// Programs that print what PostgreSQL of this version prints, in
    /// `<root>/usr/lib/postgresql/<major>/bin`.
    fn install(root: &Path, major: u32) {
        let bin = root.join(format!("usr/lib/postgresql/{major}/bin"));
        fs::create_dir_all(&bin).expect("a directory");
        for program in ["postgres", "initdb"] {
            let program = bin.join(program);
            fs::write(
                &program,
                format!("#!/bin/sh\necho 'postgres (PostgreSQL) {major}.3'\n"),
            )
            .expect("a script");
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
        }
    }

    fn search(root: &Path) -> Search {
        Search {
            configured: None,
            candidates: candidates(OsStr::new(""), root),
        }
    }

    fn find(installed: &[u32], data: Option<&str>) -> Result<u32, String> {
        let root = Scratch::new();
        installed.iter().for_each(|major| install(root.path(), *major));
        search(root.path())
            .find(data.map(|version| (Path::new("/data"), version)))
            .map(|binaries| binaries.major)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_installed_says_how_to_install_it() {
        let error = find(&[], None).expect_err("nothing is there");
        assert_eq!(
            error,
            format!(
                "no PostgreSQL 15 to 18 is installed here; install one with: {}",
                install_command()
            )
        );
    }

    #[test]
    fn a_version_that_is_too_old_is_named() {
        let error = find(&[14], None).expect_err("it is too old");
        assert!(error.contains("(found PostgreSQL 14 in /"), "{error}");
    }

    #[test]
    fn new_data_gets_the_newest_version_and_old_data_its_own() {
        assert_eq!(find(&[15, 17, 19], None), Ok(17));
        assert_eq!(find(&[15, 17], Some("15")), Ok(15));
    }

    #[test]
    fn data_of_a_version_that_is_not_installed_is_refused() {
        let error = find(&[15, 17], Some("16")).expect_err("16 is not there");
        assert!(
            error.contains("/data was written by PostgreSQL 16") && error.contains("(17 in /"),
            "{error}"
        );
    }

    #[test]
    fn a_configured_directory_is_the_only_one() {
        let root = Scratch::new();
        install(root.path(), 15);
        let search = Search {
            configured: Some(root.join("elsewhere")),
            ..search(root.path())
        };
        let error = search.find(None).expect_err("it is not there").to_string();
        assert!(error.starts_with("KITH_POSTGRES_BIN is /"), "{error}");
    }

    #[test]
    fn the_version_is_read_from_what_distributions_print() {
        assert_eq!(
            major_version("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_version("some other postgres\n"), None);
    }
}
