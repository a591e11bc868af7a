//! The directory that a Kith of one's own lives in: its database, its signing keys, and word of who runs it.

use std::env;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use kith_rpc::process::AnyError;
use kith_settings::{Reader, Setting, Topic};
use kith_tokens::{SigningKey, SigningKeys};
use rustix::process::geteuid;
use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;

use crate::command_line::own_command;
use crate::run_file::RunFile;

const DATA_DIRECTORY: Setting = Setting::new(
    "data-directory",
    "where data and signing keys stay; by default /var/lib/kith for root, else $XDG_DATA_HOME/kith or \
     ~/.local/share/kith, or ./kith-data for a user without home",
)
.value("a path");

/// Root's, which the user that runs PostgreSQL for root can reach; root's home it could not.
const OF_ROOT: &str = "/var/lib/kith";
/// For users without home.
const OF_THE_HOMELESS: &str = "kith-data";
pub(crate) const SIGNING_KEY: &str = "signing-key.pem";
pub(crate) const RUN_FILE: &str = "kith.run";

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

    /// Whether a `kith up` holds the directory. What one that was killed has left there says nothing of that.
    pub(crate) fn is_held(&self) -> Result<bool, AnyError> {
        let directory = match File::open(&self.path) {
            Ok(directory) => directory,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(cannot("open", &self.path, &error)),
        };
        match directory.try_lock_shared() {
            // Given up again at once, with the file.
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(cannot("lock", &self.path, &error)),
        }
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

    /// Where the keys are that sign this directory's tokens, one after the other.
    pub(crate) fn signing_key_file(&self) -> PathBuf {
        self.path.join(SIGNING_KEY)
    }

    /// The keys that may sign this directory's tokens; `None` before the first start.
    pub(crate) fn signing_keys(&self) -> Result<Option<SigningKeys>, AnyError> {
        let path = self.signing_key_file();
        match fs::read_to_string(&path) {
            Ok(pem) => {
                let keys = SigningKeys::from_pem(&pem);
                keys.map(Some)
                    .map_err(|error| format!("{}: {error}", path.display()).into())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(cannot("read", &path, &error)),
        }
    }

    /// Adds a key to those that may sign this directory's tokens. Identity reads them again by itself.
    pub(crate) fn add_signing_key(&self, key: &SigningKey) -> Result<(), AnyError> {
        // Whatever is no good there would be no better with one more.
        if self.signing_keys()?.is_none() {
            let start = own_command("up", self);
            let path = self.path.display();
            return Err(format!("there are no keys in {path} yet; the first is made by: {start}").into());
        }
        let path = self.signing_key_file();
        let pem = fs::read_to_string(&path).map(Zeroizing::new);
        let pem = pem.map_err(|error| cannot("read", &path, &error))?;
        let more = Zeroizing::new(format!("{}\n{}", pem.trim_end(), key.to_pem().expose_secret()));
        write_whole(&path, 0o600, &more).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => format!(
                "another key is being added; if whoever did so was killed, remove {}",
                unfinished(&path).display()
            )
            .into(),
            _ => cannot("write", &path, &error),
        })
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

/// Where a file is written before it is moved to its place.
pub(crate) fn unfinished(path: &Path) -> PathBuf {
    path.with_added_extension("new")
}

/// Writes beside the final place and moves it there, so that nobody reads half of it. Fails when somebody else is at it.
pub(crate) fn write_whole(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    let unfinished = unfinished(path);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

pub(crate) fn cannot(action: &str, path: &Path, error: &io::Error) -> AnyError {
    format!("cannot {action} {}: {error}", path.display()).into()
}
