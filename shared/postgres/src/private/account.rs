//! The user that PostgreSQL runs as: it refuses root.

use std::env;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{Mode, fchmod};
use rustix::process::{getegid, geteuid};

use super::directories::open_directory;
use super::{Binaries, PrivateError};

/// `nobody` where the user list does not say otherwise.
const NOBODY: u32 = 65534;

/// A user of this machine.
#[derive(Clone, Debug)]
pub(super) struct Account {
    uid: u32,
    gid: u32,
    /// Whether we are root and become this user; otherwise it is ourselves.
    is_dropped_to: bool,
}

impl Account {
    /// The user for a cluster in `directory`, which need not exist.
    pub(super) fn for_directory(directory: &Path) -> Result<Self, PrivateError> {
        let owner = fs::metadata(directory).ok().map(|metadata| metadata.uid());
        match (owner, geteuid().as_raw()) {
            (Some(0) | None, _) => Ok(Self::for_new_directory()),
            (Some(owner), 0) => {
                let user = find_user(|_, uid| uid == owner);
                Ok(Self::drop_to(&user.unwrap_or(User::unnamed(owner))))
            }
            (Some(owner), own) if owner == own => Ok(Self::for_new_directory()),
            (Some(owner), _) => Err(PrivateError::OtherOwner {
                directory: directory.to_owned(),
                owner: describe(owner),
            }),
        }
    }

    /// The user for a cluster in a directory that we make.
    pub(super) fn for_new_directory() -> Self {
        if !geteuid().is_root() {
            return Self {
                uid: geteuid().as_raw(),
                gid: getegid().as_raw(),
                is_dropped_to: false,
            };
        }
        let named = |wanted: &str| find_user(|name, _| name == wanted);
        let user = named("postgres").or_else(|| named("nobody"));
        Self::drop_to(&user.unwrap_or(User::unnamed(NOBODY)))
    }

    fn drop_to(user: &User) -> Self {
        Self {
            uid: user.uid,
            gid: user.gid,
            is_dropped_to: true,
        }
    }

    /// A command that runs as this user, in `directory`, with nothing in its environment that PostgreSQL
    /// would obey.
    pub(super) fn command(&self, program: &Path, directory: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("LC_ALL", "C")
            .current_dir(directory)
            .stdin(Stdio::null())
            .process_group(0);
        for name in ["PATH", "LD_LIBRARY_PATH"] {
            command.envs(env::var_os(name).map(|value| (name, value)));
        }
        if self.is_dropped_to {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Gives the directory at `path`, which has no links in it, to this user and nobody else.
    pub(super) fn own(&self, path: &Path) -> Result<(), PrivateError> {
        let own = || {
            let directory = open_directory(path)?;
            self.give(&directory)?;
            Ok(fchmod(&directory, Mode::from_raw_mode(0o700))?)
        };
        match self.is_dropped_to {
            true => own(),
            false => fs::set_permissions(path, Permissions::from_mode(0o700)),
        }
        .map_err(PrivateError::io("change the owner or mode of", path))
    }

    /// Gives an open file to this user, unless it is known by a second name: in a directory of somebody else, that may
    /// be a file that is none of theirs.
    pub(super) fn own_file(&self, file: &fs::File) -> io::Result<()> {
        if !self.is_dropped_to {
            return Ok(());
        }
        if file.metadata()?.nlink() > 1 {
            return Err(io::Error::other("the file has another name elsewhere"));
        }
        self.give(file)
    }

    /// Gives away what is ours; what is somebody else's already is put in our way.
    fn give(&self, it: &fs::File) -> io::Result<()> {
        let owner = it.metadata()?.uid();
        if owner != self.uid && owner != geteuid().as_raw() {
            return Err(io::Error::other(format!("it belongs to {}", describe(owner))));
        }
        fchown(it, Some(self.uid), Some(self.gid))
    }

    /// Makes sure that this user can get to what will be made in `place`, and can run the server.
    pub(super) fn check_reach(&self, place: &Path, binaries: &Binaries) -> Result<(), PrivateError> {
        if !self.is_dropped_to {
            return Ok(());
        }
        let existing = place
            .ancestors()
            .find(|ancestor| ancestor.is_dir())
            .unwrap_or(Path::new("/"));
        let existing = fs::canonicalize(existing).map_err(PrivateError::io("resolve", existing))?;
        if !self.can_run(Path::new("/bin/sh"), &["-c", ":"], &existing) {
            return Err(self.unreachable(&existing, "name a directory elsewhere, for example in /var/lib"));
        }
        let postgres = binaries.program("postgres");
        if !self.can_run(&postgres, &["--version"], Path::new("/")) {
            return Err(self.unreachable(&postgres, "install PostgreSQL where every user can run it"));
        }
        Ok(())
    }

    /// Tried rather than worked out, since access lists and security modules have their say too.
    fn can_run(&self, program: &Path, arguments: &[&str], directory: &Path) -> bool {
        let mut command = self.command(program, directory);
        let status = command
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    }

    fn unreachable(&self, path: &Path, instead: &str) -> PrivateError {
        let barrier = self.first_barrier(path);
        let fix = format!("{instead}, or allow it with: chmod o+x {}", barrier.display());
        PrivateError::Unreachable {
            path: barrier,
            user: describe(self.uid),
            fix,
        }
    }

    /// The first directory on the way to `path` whose mode bars this user.
    fn first_barrier(&self, path: &Path) -> PathBuf {
        let mut way: Vec<&Path> = path.ancestors().collect();
        way.reverse();
        let barred = |step: &&&Path| fs::metadata(step).is_ok_and(|metadata| !self.may_enter(&metadata));
        way.iter().find(barred).unwrap_or(&path).to_path_buf()
    }

    fn may_enter(&self, metadata: &fs::Metadata) -> bool {
        let shift = match metadata {
            metadata if metadata.uid() == self.uid => 6,
            metadata if metadata.gid() == self.gid => 3,
            _ => 0,
        };
        metadata.mode() >> shift & 1 == 1
    }
}

/// A line of `/etc/passwd`.
struct User {
    name: String,
    uid: u32,
    gid: u32,
}

impl User {
    /// A user that the list does not know, with a group of the same number.
    fn unnamed(uid: u32) -> Self {
        Self {
            name: format!("with id {uid}"),
            uid,
            gid: uid,
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(':');
        let (name, _password, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        Some(Self {
            name: name.to_owned(),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
        })
    }
}

fn find_user(is_wanted: impl Fn(&str, u32) -> bool) -> Option<User> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    users
        .lines()
        .filter_map(User::parse)
        .find(|user| is_wanted(&user.name, user.uid))
}

/// A user as errors name it.
fn describe(uid: u32) -> String {
    let user = find_user(|_, candidate| candidate == uid).unwrap_or(User::unnamed(uid));
    format!("the user {}", user.name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::super::scratch::Scratch;
    use super::*;

    /// Users that nothing else belongs to.
    const SERVER: u32 = 4_000_001;
    const STRANGER: u32 = 4_000_002;

    /// A directory as root has it where the server's user may write; `None`, and a word about it, for those who are not
    /// root.
    fn scratch_of_root() -> Option<Scratch> {
        if !geteuid().is_root() {
            eprintln!("skipped: only root gives anything away");
            return None;
        }
        let scratch = Scratch::new();
        fs::create_dir_all(scratch.join("of-root/socket")).expect("directories");
        Some(scratch)
    }

    fn owner(path: &Path) -> u32 {
        fs::metadata(path).expect("a file").uid()
    }

    fn server() -> Account {
        Account::drop_to(&User::unnamed(SERVER))
    }

    // Keeps out: root gave the target of a link away, which the server's user had put in place of the socket directory.
    // Control: chown by path; both targets changed hands.
    #[test]
    fn what_a_link_leads_to_is_not_given_away() {
        let Some(scratch) = scratch_of_root() else { return };
        symlink(scratch.join("of-root"), scratch.join("link")).expect("a link");
        for path in ["link", "link/socket"] {
            server()
                .own(&scratch.join(path))
                .expect_err("a link is in the way");
            assert_eq!(owner(&scratch.join(path)), 0, "{path}");
        }
    }

    #[test]
    fn what_belongs_to_a_third_user_is_not_given_away() {
        let Some(scratch) = scratch_of_root() else { return };
        let path = scratch.join("of-root");
        chown(&path, Some(STRANGER), None).expect("to give it away");
        let error = server()
            .own(&path)
            .expect_err("it is somebody else's")
            .to_string();
        assert!(error.contains(&format!("with id {STRANGER}")), "{error}");
        assert_eq!(owner(&scratch.join("of-root")), STRANGER);
    }

    // Control: without the count of links, the file of root's changed hands.
    #[test]
    fn a_file_with_a_second_name_is_not_given_away() {
        let Some(scratch) = scratch_of_root() else { return };
        let (file, lock) = (scratch.join("file"), scratch.join("kith.lock"));
        fs::write(&file, "root's").expect("a file");
        fs::hard_link(&file, &lock).expect("a second name");
        let opened = fs::File::open(&lock).expect("the file");
        server().own_file(&opened).expect_err("it has a second name");
        assert_eq!(owner(&scratch.join("file")), 0);
    }

    #[test]
    fn what_root_made_is_given_to_the_servers_user_alone() {
        let Some(scratch) = scratch_of_root() else { return };
        let path = scratch.join("of-root");
        server().own(&path).expect("to give it away");
        let metadata = fs::metadata(&path).expect("a directory");
        assert_eq!((metadata.uid(), metadata.mode() & 0o777), (SERVER, 0o700));
    }
}
