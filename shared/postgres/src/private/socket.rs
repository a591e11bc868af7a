//! The directory of the Unix socket, and the URLs that lead there.

use std::fs;
use std::path::{Path, PathBuf};

use super::PrivateError;
use super::account::Account;
use super::directories::make_private;

/// The longest path of a socket: 107 bytes on Linux, 103 on macOS and the BSDs.
const MAX_PATH: usize = 103;
/// Every cluster has the default port, as it has a socket directory of its own.
const SOCKET: &str = "/.s.PGSQL.5432";

/// The socket's directory. It goes away with this value.
#[derive(Debug)]
pub(super) struct SocketDirectory {
    path: String,
}

impl SocketDirectory {
    /// Where it will be: in `directory`, or in `/tmp` when the path would be too long for a socket or hard to
    /// quote.
    pub(super) fn place(directory: &Path) -> PathBuf {
        let near = directory.join("socket");
        if near.to_str().is_some_and(fits) {
            near
        } else {
            // It may be a link to another place.
            fresh(&fs::canonicalize("/tmp").unwrap_or_else(|_| "/tmp".into()))
        }
    }

    /// Makes it, for `account` alone.
    pub(super) fn make(place: &Path, account: &Account) -> Result<Self, PrivateError> {
        // Left behind by an owner that was killed; no server is on it any more.
        let _ = fs::remove_dir_all(place);
        make_private(place).map_err(PrivateError::io("make", place))?;
        let directory = Self {
            path: place.to_string_lossy().into_owned(),
        };
        account.own(place)?;
        Ok(directory)
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn url(&self, role: &str, database: &str) -> String {
        url(&self.path, role, database)
    }
}

/// The URL by which `role` reaches `database` through the socket in `directory`.
pub(super) fn url(directory: &str, role: &str, database: &str) -> String {
    format!(
        "postgres://{}@{}/{}",
        encode(role),
        encode(directory),
        encode(database)
    )
}

impl Drop for SocketDirectory {
    fn drop(&mut self) {
        // With the whole cluster removed, it may be gone already.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn fits(directory: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    directory.len() + SOCKET.len() <= MAX_PATH && directory.bytes().all(is_plain)
}

/// A name below `parent` that nobody can foresee.
pub(super) fn fresh(parent: &Path) -> PathBuf {
    parent.join(format!("kith-{:016x}", rand::random::<u64>()))
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn encode(text: &str) -> String {
    let encode_byte = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode_byte).collect()
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::Host;

    use super::*;

    #[test]
    fn the_driver_reads_a_url_back_whatever_the_names() {
        let socket = SocketDirectory {
            path: "/tmp/none-such".to_owned(),
        };
        let config: tokio_postgres::Config = socket.url("r@le:/ %é", "d?b=&#").parse().expect("a URL");
        assert_eq!(config.get_user(), Some("r@le:/ %é"));
        assert_eq!(config.get_dbname(), Some("d?b=&#"));
        assert_eq!(config.get_hosts(), [Host::Unix("/tmp/none-such".into())]);
    }

    #[test]
    fn the_longest_path_that_fits_is_the_systems_limit() {
        let directory = |length: usize| format!("/{}", "d".repeat(length - 1));
        assert!(fits(&directory(MAX_PATH - SOCKET.len())));
        assert!(!fits(&directory(MAX_PATH - SOCKET.len() + 1)));
        assert!(!fits("/with space") && !fits("/with,comma"));
    }
}
