//! `kith up` where no PostgreSQL is installed. What this machine has is hidden from it, and an `apt-get` of the test's own
//! stands for Debian's: it notes what it is asked for, and lets PostgreSQL be seen again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use kith_postgres::private::find_binaries;

use super::support::{Said, Scratch, Up, path, run_command};

/// What Debian has said no more of once it is done.
const NO_CLUSTER: &str = "/etc/postgresql-common/createcluster.d/kith-up.conf";

/// Debian 12's.
const CANDIDATES: &str = "postgresql 15+248+deb12u2\npostgresql-15 15.20-0+deb12u1";

/// A machine without PostgreSQL, as one process and its children see it.
struct Bare {
    scratch: Scratch,
}

impl Bare {
    /// `None`, and a word about it, where we may not make one; under `CI=true`, where nobody reads that, it is a failure.
    /// `apt_get` is what its apt-get does, and `candidates` has the lines of packages and their versions that there are.
    fn new(apt_get: &str, candidates: &str) -> Option<Self> {
        let may = Command::new("unshare")
            .args(["-m", "true"])
            .stderr(Stdio::null())
            .status();
        let has = Path::new("/etc/debian_version").exists() && Path::new("/usr/lib/postgresql").is_dir();
        let elsewhere =
            find_binaries().is_ok_and(|found| !found.directory.starts_with("/usr/lib/postgresql"));
        if !may.is_ok_and(|status| status.success()) || !has || elsewhere {
            let skipped = "skipped: only root on Debian can hide PostgreSQL from itself";
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{skipped}");
            eprintln!("{skipped}");
            return None;
        }
        let bare = Self {
            scratch: Scratch::new("bare"),
        };
        fs::create_dir(bare.scratch.join("bin")).expect("a directory");
        let script = format!(
            "#!/bin/sh\necho \"$@ [$DEBIAN_FRONTEND] [$(cat {NO_CLUSTER} 2>&1)]\" >> {}\n{apt_get}\n",
            path(&bare.scratch.join("asked"))
        );
        let policy = format!(
            "#!/bin/sh\necho \"$2:\"\necho '  Installed: (none)'\nwhile read -r package version; do\n\
             [ \"$package\" = \"$2\" ] && echo \"  Candidate: $version\"\ndone <<END\n{candidates}\nEND\n"
        );
        for (name, text) in [("bin/apt-get", &script), ("bin/apt-cache", &policy)] {
            let program = bare.scratch.file(name, text);
            fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("its mode");
        }
        Some(bare)
    }

    /// `kith up` there.
    fn up(&self, arguments: &[&str]) -> Command {
        let up = Up::command(arguments);
        let mut command = Command::new("unshare");
        command
            .args(["-m", "--propagation", "private", "sh", "-ec"])
            .arg("mount -t tmpfs none /usr/lib/postgresql; mount -t tmpfs none /etc/postgresql-common; exec \"$@\"")
            .arg("sh")
            .arg(up.get_program())
            .args(up.get_args())
            .stdin(Stdio::null())
            .env_remove("KITH_POSTGRES_BIN");
        for (name, value) in up.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let bin = self.scratch.join("bin");
        command.env("PATH", format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", path(&bin)));
        command
    }

    /// What apt-get was asked for.
    fn asked(&self) -> String {
        fs::read_to_string(self.scratch.join("asked")).unwrap_or_default()
    }
}

const INSTALLS: &str =
    "echo 'Setting up postgresql ...'; case \"$*\" in *install*) umount /usr/lib/postgresql;; esac";

// Control: `NoCluster` that writes nothing; apt-get found no such file.
#[test]
fn root_on_debian_gets_postgresql_installed_and_goes_on() {
    let Some(bare) = Bare::new(INSTALLS, CANDIDATES) else {
        return;
    };
    let up = Up::spawn(&mut bare.up(&["--ephemeral"])).unwrap_or_else(|said| panic!("not up: {said:?}"));
    let said = up.said();
    up.stop();
    let asked = bare.asked();
    let lines: Vec<&str> = asked.lines().collect();
    let [update, install] = lines[..] else {
        panic!("{asked}")
    };
    assert!(update.contains(" update -q [noninteractive]"), "{update}");
    // While it installs, and no longer, Debian is told to make and start no cluster.
    assert!(
        install.contains(
            " install -q -y --no-install-recommends --no-remove -o Dpkg::Options::=--force-confold postgresql \
             [noninteractive] [create_main_cluster = false]"
        ),
        "{install}"
    );
    assert!(!Path::new(NO_CLUSTER).exists());
    for part in [
        "no PostgreSQL 15 to 18 is installed here; installing it, which --no-install forbids",
        "\n+ apt-get -o DPkg::Lock::Timeout=300 install -q -y --no-install-recommends --no-remove \
         -o Dpkg::Options::=--force-confold postgresql\n",
        "\n  Setting up postgresql ...\n",
        "\n+ rm /etc/postgresql-common/createcluster.d/kith-up.conf\n",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn whoever_forbids_it_is_told_the_command() {
    let Some(bare) = Bare::new(INSTALLS, CANDIDATES) else {
        return;
    };
    let said = run_command(&mut bare.up(&["--ephemeral", "--no-install"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.stderr
            .contains("install one with: apt-get update && apt-get install postgresql"),
        "{said:?}"
    );
    assert_eq!(bare.asked(), "");
}

#[test]
fn what_apt_get_fails_of_is_repeated() {
    let Some(bare) = Bare::new(
        "echo 'E: Unable to locate package postgresql' >&2; exit 100",
        CANDIDATES,
    ) else {
        return;
    };
    let said: Said = run_command(&mut bare.up(&["--ephemeral"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    let error = said.stderr.split("error: ").nth(1).expect("an error");
    assert!(
        error.contains(
            " postgresql failed (exit status: 100):\nE: Unable to locate package postgresql\nmend that, or "
        ),
        "{error}"
    );
    // Without fresh lists it goes on, and says so.
    assert!(
        said.stderr.contains("update -q failed (exit status: 100)"),
        "{said:?}"
    );
    assert!(
        said.stderr
            .contains("going on with the lists of packages that are here"),
        "{said:?}"
    );
    assert_eq!(bare.asked().lines().count(), 2, "{}", bare.asked());
}

// Without the look at the candidate, `up` went on as if it were installed, and this did not end.
#[test]
fn a_version_that_kith_does_not_work_with_is_not_installed() {
    let Some(bare) = Bare::new(INSTALLS, "postgresql 13+225+deb11u1") else {
        return;
    };
    let said = run_command(&mut bare.up(&["--ephemeral"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.stderr
            .contains("postgresql of this system's packages is 13+225+deb11u1, where 15 to 18 is needed; nothing is installed"),
        "{said:?}"
    );
    assert!(!bare.asked().contains(" install "), "{}", bare.asked());
}

#[test]
fn for_data_that_are_there_the_version_is_installed_that_has_written_them() {
    for (version, installs) in [("16", true), ("17", false)] {
        let Some(bare) = Bare::new("true", "postgresql 15+248+deb12u2\npostgresql-16 16.4-1") else {
            return;
        };
        fs::create_dir_all(bare.scratch.join("kith/postgres/data")).expect("a directory");
        bare.scratch
            .file("kith/postgres/data/PG_VERSION", &format!("{version}\n"));
        let directory = bare.scratch.join("kith");
        let said = run_command(&mut bare.up(&["--data-directory", path(&directory)]));
        assert_eq!(said.code, Some(1), "{said:?}");
        let asked = bare.asked();
        assert_eq!(asked.contains(" postgresql-16 "), installs, "{asked}");
        assert_eq!(asked.contains(" install "), installs, "{asked}");
        let none = "this system's packages have no postgresql-17; nothing is installed";
        assert_eq!(said.stderr.contains(none), !installs, "{said:?}");
    }
}
