//! The hold that a `kith up` has on its data directory, and what it writes there.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use kith_postgres::private::{MadeDirectories, make_directories};
use kith_rpc::process::AnyError;
use kith_tokens::{SigningKey, SigningKeys};
use rustix::process::geteuid;
use secrecy::ExposeSecret;

use crate::data_directory::{DataDirectory, RUN_FILE, SIGNING_KEY, cannot, unfinished, write_whole};
use crate::run_file::RunFile;

/// How long somebody who is about to leave the directory is waited for.
const LEAVING_WITHIN: Duration = Duration::from_secs(10);
/// How long the lock may be taken by one that only looks whether it is.
const LOOKING_WITHIN: Duration = Duration::from_millis(200);
const POLL: Duration = Duration::from_millis(20);

/// The data directory held by this process, which no other process takes meanwhile.
#[derive(Debug)]
pub(crate) struct Held {
    directory: DataDirectory,
    /// What was not there before.
    made: MadeDirectories,
    /// The kernel gives the lock up when we die.
    _lock: File,
}

impl Held {
    /// Takes `directory`, making it if need be. One whose holder is just starting or leaving is waited for.
    pub(crate) fn take(directory: DataDirectory) -> Result<Self, AnyError> {
        let path = directory.path();
        refuse_somebody_elses(path)?;
        let made = make_directories(path).map_err(|error| {
            let error = cannot("make the data directory", path, &error);
            format!("{error}; name another with --data-directory")
        })?;
        Self::lock(directory, made)
    }

    /// Takes the directory of a cluster that this process has made for this run.
    pub(crate) fn take_clusters(directory: &Path) -> Result<Self, AnyError> {
        Self::lock(DataDirectory::at(directory), MadeDirectories::default())
    }

    fn lock(directory: DataDirectory, made: MadeDirectories) -> Result<Self, AnyError> {
        let path = directory.path();
        let lock = File::open(path).map_err(|error| cannot("open the data directory", path, &error))?;
        let began = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(cannot("lock", path, &error)),
                Err(TryLockError::WouldBlock) => {}
            }
            let holder = directory.run_file()?;
            let patience = if holder.is_some() {
                LOOKING_WITHIN
            } else {
                LEAVING_WITHIN
            };
            if began.elapsed() > patience {
                return Err(in_use(path, holder.as_ref()).into());
            }
            sleep(POLL);
        }
        let held = Self {
            directory,
            made,
            _lock: lock,
        };
        // Left by one that was killed.
        held.withdraw();
        Ok(held)
    }

    pub(crate) fn directory(&self) -> &DataDirectory {
        &self.directory
    }

    /// The signing keys; one is made if there is none yet.
    pub(crate) fn signing_keys(&self) -> Result<SigningKeys, AnyError> {
        if let Some(keys) = self.directory.signing_keys()? {
            return Ok(keys);
        }
        let key = SigningKey::generate()?;
        self.write(SIGNING_KEY, 0o600, key.to_pem().expose_secret())?;
        Ok(key.into())
    }

    /// Lets other commands find what runs here.
    pub(crate) fn publish(&self, facts: &RunFile) -> Result<(), AnyError> {
        self.write(RUN_FILE, 0o644, &facts.to_string())
    }

    /// Takes back what was published.
    pub(crate) fn withdraw(&self) {
        // Mostly there is none. One that stays is worth nothing without the lock.
        let _ = fs::remove_file(self.directory.path().join(RUN_FILE));
    }

    /// Writes beside the final place and moves it there, so that nobody reads half of it.
    fn write(&self, name: &str, mode: u32, text: &str) -> Result<(), AnyError> {
        let path = self.directory.path().join(name);
        // Left by one that was killed.
        let _ = fs::remove_file(unfinished(&path));
        write_whole(&path, mode, text).map_err(|error| cannot("write", &path, &error))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.withdraw();
        // It stays, unless a start failed before anything was put into it.
        self.made.remove_empty();
    }
}

/// As root, PostgreSQL would run as its own user there, the key would be root's, and who has the directory would be
/// locked out of both.
fn refuse_somebody_elses(path: &Path) -> Result<(), AnyError> {
    let existing = path
        .ancestors()
        .find_map(|ancestor| Some((ancestor, fs::metadata(ancestor).ok()?)));
    match existing {
        Some((existing, metadata)) if geteuid().is_root() && metadata.uid() != 0 => Err(format!(
            "{} belongs to the user with id {}, who could not use what root makes there; run kith as that user, or name \
             another directory with --data-directory",
            existing.display(),
            metadata.uid()
        )
        .into()),
        _ => Ok(()),
    }
}

fn in_use(path: &Path, holder: Option<&RunFile>) -> String {
    let holder = holder.map_or_else(
        || "another process".to_owned(),
        |holder| format!("process {}", holder.pid),
    );
    let path = path.display();
    format!("kith is already up on {path} ({holder}); stop it first, or name another with --data-directory")
}
