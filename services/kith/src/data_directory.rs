//! The directory that a Kith of one's own lives in: its database, its signing key, and word of who runs it.

use std::env;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use kith_rpc::process::AnyError;
use kith_settings::{Reader, Setting, Topic};
use kith_tokens::SigningKey;
use rustix::process::geteuid;
use secrecy::ExposeSecret;

use crate::run_file::RunFile;

const DATA_DIRECTORY: Setting = Setting::new(
    "data-directory",
    "where data and signing key stay; by default /var/lib/kith for root, else $XDG_DATA_HOME/kith or \
     ~/.local/share/kith, or ./kith-data for a user without home",
)
.value("a path");

/// Root's, which the user that runs PostgreSQL for root can reach; root's home it could not.
const OF_ROOT: &str = "/var/lib/kith";
/// For users without home.
const OF_THE_HOMELESS: &str = "kith-data";
const SIGNING_KEY: &str = "signing-key.pem";
const RUN_FILE: &str = "kith.run";
/// How long somebody who is about to leave the directory is waited for.
const LEAVING_WITHIN: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// The directory, which need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    is_default: bool,
}

impl DataDirectory {
    /// A directory that must be named to be found.
    pub(crate) fn at(path: &Path) -> Self {
        // Only an empty path, and a working directory that is gone, have no absolute form.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self {
            path,
            is_default: false,
        }
    }

    /// The directory for those who name none.
    fn by_default() -> Self {
        let home = match geteuid().is_root() {
            true => Some(OF_ROOT.into()),
            false => data_home().map(|home| home.join("kith")),
        };
        match home {
            Some(path) => Self {
                path,
                is_default: true,
            },
            None => Self::at(Path::new(OF_THE_HOMELESS)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the private PostgreSQL is.
    pub(crate) fn cluster(&self) -> PathBuf {
        self.path.join("postgres")
    }

    /// The path that a command in another shell must name; `None` for the default, which it finds by itself.
    pub(crate) fn to_be_named(&self) -> Option<&Path> {
        (!self.is_default).then_some(self.path.as_path())
    }

    /// The facts of the `kith up` that runs here, or ran until it was killed; `None` when there is none.
    pub(crate) fn run_file(&self) -> Result<Option<RunFile>, AnyError> {
        let path = self.path.join(RUN_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(RunFile::parse(&text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(cannot("read", &path, &error)),
        }
    }

    /// The key that signs this directory's tokens; `None` before the first start.
    pub(crate) fn signing_key(&self) -> Result<Option<SigningKey>, AnyError> {
        let path = self.path.join(SIGNING_KEY);
        match fs::read_to_string(&path) {
            Ok(pem) => {
                let key = SigningKey::from_pem(&pem);
                key.map(Some)
                    .map_err(|error| format!("{} is {error}", path.display()).into())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(cannot("read", &path, &error)),
        }
    }
}

impl Topic for DataDirectory {
    fn settings() -> Vec<&'static Setting> {
        vec![&DATA_DIRECTORY]
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let named = reader.optional(&DATA_DIRECTORY, Reader::path)?;
        Some(named.map_or_else(Self::by_default, |path| Self::at(&path)))
    }
}

/// The data directory held by this process, which no other process takes meanwhile.
#[derive(Debug)]
pub(crate) struct Held {
    directory: DataDirectory,
    /// Whether it was not there before.
    is_new: bool,
    /// The kernel gives the lock up when we die.
    _lock: File,
}

impl Held {
    /// Takes `directory`, making it if need be. One whose holder is just starting or leaving is waited for.
    pub(crate) fn take(directory: DataDirectory) -> Result<Self, AnyError> {
        let path = directory.path();
        let is_new = make(path).map_err(|error| {
            let error = cannot("make the data directory", path, &error);
            format!("{error}; name another with --data-directory")
        })?;
        let lock = File::open(path).map_err(|error| cannot("open the data directory", path, &error))?;
        let deadline = Instant::now() + LEAVING_WITHIN;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(cannot("lock", path, &error)),
                Err(TryLockError::WouldBlock) => {}
            }
            let holder = directory.run_file()?;
            if holder.is_some() || Instant::now() > deadline {
                return Err(in_use(path, holder.as_ref()).into());
            }
            sleep(POLL);
        }
        let held = Self {
            directory,
            is_new,
            _lock: lock,
        };
        // Left by one that was killed.
        held.withdraw();
        Ok(held)
    }

    pub(crate) fn directory(&self) -> &DataDirectory {
        &self.directory
    }

    /// The signing key, made if there is none yet.
    pub(crate) fn signing_key(&self) -> Result<SigningKey, AnyError> {
        if let Some(key) = self.directory.signing_key()? {
            return Ok(key);
        }
        let key = SigningKey::generate()?;
        self.write(SIGNING_KEY, 0o600, key.to_pem().expose_secret())?;
        Ok(key)
    }

    /// Lets other commands find what runs here.
    pub(crate) fn publish(&self, facts: &RunFile) -> Result<(), AnyError> {
        self.write(RUN_FILE, 0o644, &facts.to_string())
    }

    /// Takes back what was published.
    pub(crate) fn withdraw(&self) {
        // Mostly there is none. One that stays is found out by whoever calls what it names.
        let _ = fs::remove_file(self.directory.path.join(RUN_FILE));
    }

    /// Writes beside the final place and moves it there, so that nobody reads half of it.
    fn write(&self, name: &str, mode: u32, text: &str) -> Result<(), AnyError> {
        let (path, unfinished) = (
            self.directory.path.join(name),
            self.directory.path.join(format!("{name}.new")),
        );
        // Left by one that was killed.
        let _ = fs::remove_file(&unfinished);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&unfinished);
        let written = file.and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)
        });
        written.map_err(|error| cannot("write", &path, &error))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.withdraw();
        if self.is_new {
            // It stays, unless a start failed before anything was put into it.
            let _ = fs::remove_dir(self.directory.path());
        }
    }
}

/// Makes the directory if it is not there; answers whether it was not. As root, another user runs PostgreSQL in it and
/// must get through, whatever our umask is.
fn make(path: &Path) -> std::io::Result<bool> {
    if path.is_dir() {
        return Ok(false);
    }
    fs::create_dir_all(path)?;
    let mode = if geteuid().is_root() { 0o755 } else { 0o700 };
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    Ok(true)
}

/// Where a user's programs keep their data.
fn data_home() -> Option<PathBuf> {
    let named = env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    named.or_else(|| home().map(|home| home.join(".local/share")))
}

/// The home, if it is our own: `su` and the like may leave us with somebody else's.
fn home() -> Option<PathBuf> {
    let home = env::var_os("HOME").map(PathBuf::from)?;
    let owner = fs::metadata(&home).ok()?.uid();
    (owner == geteuid().as_raw()).then_some(home)
}

fn in_use(path: &Path, holder: Option<&RunFile>) -> String {
    let holder = holder.map_or_else(
        || "another process".to_owned(),
        |holder| format!("process {}", holder.pid),
    );
    let path = path.display();
    format!("kith is already up on {path} ({holder}); stop it first, or name another with --data-directory")
}

fn cannot(action: &str, path: &Path, error: &std::io::Error) -> AnyError {
    format!("cannot {action} {}: {error}", path.display()).into()
}
