//! One owner for each directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use super::PrivateError;
use super::account::Account;

/// How long a server that is shutting down is waited for.
pub(super) const DYING_WITHIN: Duration = Duration::from_secs(10);
/// How often anything here is looked at again.
pub(super) const POLL: Duration = Duration::from_millis(10);
/// What the owner adds to its lock once it stops.
const STOPPING: &str = "stopping";

/// The lock on a cluster's directory. The kernel gives it up when the owner dies.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// The name of the lock's file, by which a cluster's directory is known.
    pub(super) const FILE: &str = "kith.lock";

    /// Takes the lock of `directory`; an owner that is just stopping is waited for.
    pub(super) fn take(directory: &Path, account: &Account) -> Result<Self, PrivateError> {
        let path = directory.join(Self::FILE);
        let mut file = open(&path, account).map_err(PrivateError::io("open", &path))?;
        let deadline = Instant::now() + DYING_WITHIN;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(PrivateError::io("lock", &path)(error)),
                Err(TryLockError::WouldBlock) => {}
            }
            let holder = holder(&mut file);
            match holder {
                Some((pid, is_stopping)) if !is_stopping || Instant::now() > deadline => {
                    return Err(PrivateError::InUse {
                        directory: directory.to_owned(),
                        pid,
                    });
                }
                None if Instant::now() > deadline => {
                    return Err(PrivateError::io("lock", &path)(
                        std::io::ErrorKind::WouldBlock.into(),
                    ));
                }
                _ => std::thread::sleep(POLL),
            }
        }
        let mut lock = Self(file);
        lock.sign("").map_err(PrivateError::io("write", &path))?;
        Ok(lock)
    }

    /// Tells whoever wants the directory that it is free in a moment.
    pub(super) fn announce_stop(&mut self) {
        // Without it, the next owner gives up at once instead of waiting: nothing to fail over.
        let _ = self.sign(STOPPING);
    }

    fn sign(&mut self, word: &str) -> std::io::Result<()> {
        self.0.set_len(0)?;
        self.0.rewind()?;
        self.0
            .write_all(format!("{}\n{word}\n", std::process::id()).as_bytes())
    }
}

/// A link in place of the file is not followed: as root, the directory is somebody else's.
fn open(path: &Path, account: &Account) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let file = options.open(path)?;
    account.own_file(&file)?;
    Ok(file)
}

/// The process that holds the lock, and whether it is stopping; `None` while it has not signed yet.
fn holder(file: &mut File) -> Option<(u32, bool)> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    let (pid, word) = text.split_once('\n')?;
    Some((pid.parse().ok()?, word.trim_end() == STOPPING))
}
