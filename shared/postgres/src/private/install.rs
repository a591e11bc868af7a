//! The command that installs PostgreSQL on this machine.

use std::env;

use rustix::process::geteuid;

/// Each package manager with the steps that install PostgreSQL, the system's own before what may lie on top.
const MANAGERS: [(&str, &[&str]); 7] = [
    ("apt-get", &["apt-get update", "apt-get install postgresql"]),
    ("dnf", &["dnf install postgresql-server"]),
    ("yum", &["yum install postgresql-server"]),
    ("zypper", &["zypper install postgresql-server"]),
    ("apk", &["apk add postgresql"]),
    ("pacman", &["pacman -S postgresql"]),
    ("brew", &["brew install postgresql@18"]),
];

/// The shell command for this machine and this user; empty when no package manager is known.
pub(super) fn install_command() -> String {
    let path = env::var_os("PATH").unwrap_or_default();
    let exists = |name: &str| env::split_paths(&path).any(|directory| directory.join(name).is_file());
    command(exists, geteuid().is_root())
}

fn command(exists: impl Fn(&str) -> bool, is_root: bool) -> String {
    let Some((manager, steps)) = MANAGERS.iter().find(|(manager, _)| exists(manager)) else {
        return String::new();
    };
    // Homebrew refuses root.
    let sudo = if is_root || *manager == "brew" {
        ""
    } else {
        "sudo "
    };
    steps
        .iter()
        .map(|step| format!("{sudo}{step}"))
        .collect::<Vec<_>>()
        .join(" && ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_gets_its_own_command_with_sudo_unless_root() {
        let debian = |name: &str| name == "apt-get" || name == "brew";
        assert_eq!(
            command(debian, true),
            "apt-get update && apt-get install postgresql"
        );
        assert_eq!(
            command(debian, false),
            "sudo apt-get update && sudo apt-get install postgresql"
        );
    }

    #[test]
    fn homebrew_is_never_run_by_root() {
        assert_eq!(
            command(|name| name == "brew", false),
            "brew install postgresql@18"
        );
    }

    #[test]
    fn an_unknown_system_gets_no_command() {
        assert_eq!(command(|_| false, true), "");
    }
}
