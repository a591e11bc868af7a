//! The server's log file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::PrivateError;
use super::account::Account;

/// How much of the end of a log an error shows.
const TAIL_BYTES: u64 = 8 * 1024;
const TAIL_LINES: usize = 20;

/// The log of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Log(PathBuf);

impl Log {
    pub(super) fn in_directory(directory: &Path) -> Self {
        Self(directory.join("postgres.log"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Opens a new log and keeps the one before it, so that logs do not pile up.
    pub(super) fn open(&self, account: &Account) -> Result<File, PrivateError> {
        // There is none before the first start.
        let _ = fs::rename(&self.0, self.0.with_extension("log.1"));
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.0);
        let file = file.and_then(|file| account.own_file(&file).map(|()| file));
        file.map_err(PrivateError::io("open", &self.0))
    }

    /// The last lines.
    pub(super) fn tail(&self) -> String {
        let text = self
            .end()
            .unwrap_or_else(|error| format!("(it cannot be read: {error})").into_bytes());
        last_lines(&String::from_utf8_lossy(&text))
    }

    fn end(&self) -> io::Result<Vec<u8>> {
        // A link in its place may lead to what is not for everybody to read.
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        let mut file = options.open(&self.0)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok(text)
    }
}

/// The end of `text`, short enough for an error.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::scratch::Scratch;
    use super::*;

    // Control: `File::open`; the error would have shown the file.
    #[test]
    fn a_link_in_place_of_the_log_is_not_shown() {
        let scratch = Scratch::new();
        let log = Log::in_directory(scratch.path());
        fs::write(scratch.join("secret"), "hunter2").expect("a file");
        symlink(scratch.join("secret"), log.path()).expect("a link");
        let tail = log.tail();
        assert!(tail.starts_with("(it cannot be read: "), "{tail}");
    }
}
