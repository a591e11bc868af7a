//! Making directories as root where somebody else may have a hand in: everything by descriptor, nothing by a path
//! that a link could lead astray.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags, fchmod, open, openat};
use rustix::process::geteuid;

/// Directories that were made on the way to one, and that one.
#[derive(Debug, Default)]
pub struct MadeDirectories(Vec<PathBuf>);

impl MadeDirectories {
    /// Removes those again that are still empty.
    pub fn remove_empty(&self) {
        for path in self.0.iter().rev() {
            // Something was put into it, or somebody removed it already.
            let _ = fs::remove_dir(path);
        }
    }
}

/// Makes `directory` and what is missing above it. What it makes as root, every user can pass through, whatever our
/// umask is, as another user runs PostgreSQL in there; what it makes otherwise is for ourselves alone.
///
/// # Errors
/// When the system refuses. Nothing that was made is left then.
pub fn make_directories(directory: &Path) -> io::Result<MadeDirectories> {
    let missing: Vec<&Path> = directory
        .ancestors()
        .take_while(|ancestor| !ancestor.as_os_str().is_empty() && !ancestor.exists())
        .collect();
    let mut made = MadeDirectories::default();
    for path in missing.into_iter().rev() {
        match make_private(path) {
            Ok(()) => made.0.push(path.to_owned()),
            // Somebody else was faster, and decides who may enter.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => continue,
            Err(error) => {
                made.remove_empty();
                return Err(error);
            }
        }
        if geteuid().is_root()
            && let Err(error) = open_up(path)
        {
            made.remove_empty();
            return Err(error);
        }
    }
    Ok(made)
}

/// Makes a directory that only its owner can enter.
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Lets everybody pass through a directory that we just made.
fn open_up(path: &Path) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    let directory = fs::canonicalize(parent)?.join(path.file_name().unwrap_or_default());
    let directory = open_directory(&directory)?;
    if std::os::unix::fs::MetadataExt::uid(&directory.metadata()?) != geteuid().as_raw() {
        return Err(ErrorKind::PermissionDenied.into());
    }
    Ok(fchmod(&directory, Mode::from_raw_mode(0o755))?)
}

/// Opens the directory at an absolute path without links: one that is there now was put there in its stead.
pub(super) fn open_directory(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut directory = open("/", flags, Mode::empty())?;
    for component in path.components() {
        match component {
            Component::RootDir => {}
            Component::Normal(name) => directory = openat(&directory, name, flags, Mode::empty())?,
            Component::CurDir | Component::ParentDir | Component::Prefix(_) => {
                return Err(ErrorKind::InvalidInput.into());
            }
        }
    }
    Ok(directory.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::super::scratch::Scratch;
    use super::*;

    // Control: without NOFOLLOW, both are opened.
    #[test]
    fn a_link_is_followed_neither_at_the_end_nor_on_the_way() {
        let scratch = Scratch::new();
        fs::create_dir_all(scratch.join("real/socket")).expect("directories");
        symlink(scratch.join("real"), scratch.join("link")).expect("a link");
        assert!(open_directory(&scratch.join("real/socket")).is_ok());
        for path in ["link", "link/socket"] {
            assert!(open_directory(&scratch.join(path)).is_err(), "{path}");
        }
    }

    // Control: with `create_dir_all` and a mode for the last alone, the first keeps what the umask left.
    #[test]
    fn every_directory_that_is_made_has_its_mode_and_is_taken_back() {
        let scratch = Scratch::new();
        let below = scratch.join("one/two");
        let made = make_directories(&below).expect("directories");
        let expected = if geteuid().is_root() { 0o755 } else { 0o700 };
        for path in [scratch.join("one"), below] {
            let mode = fs::metadata(&path).expect("a directory").permissions().mode();
            assert_eq!(mode & 0o777, expected, "{}", path.display());
        }
        made.remove_empty();
        assert!(!scratch.join("one").exists() && scratch.path().exists());
    }

    #[test]
    fn what_cannot_be_finished_is_taken_back() {
        let scratch = Scratch::new();
        let too_long = "x".repeat(300);
        make_directories(&scratch.join("one").join(too_long)).expect_err("no such name is possible");
        assert!(!scratch.join("one").exists());
    }

    #[test]
    fn a_directory_with_something_in_it_stays() {
        let scratch = Scratch::new();
        let made = make_directories(&scratch.join("one/two")).expect("directories");
        fs::write(scratch.join("one/kept"), "").expect("a file");
        made.remove_empty();
        assert!(scratch.join("one/kept").exists() && !scratch.join("one/two").exists());
    }
}
