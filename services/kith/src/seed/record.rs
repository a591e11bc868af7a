//! What was made here, in a file of the data directory: so that nobody else's users are ever touched.
//!
//! The names are there before the first user is made. A user that was made is known by its id and the moment that it joined,
//! which another database's user with the same id has not; between the two a name alone tells whose it is.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use kith_contracts::identity::v1::User;
use kith_rpc::process::AnyError;

use super::plan::Recipe;
use crate::data_directory::{DataDirectory, cannot};

const FILE: &str = "kith.seed";
/// The line behind the names. Without it nothing was made: whoever wrote them was killed before.
const COMPLETE: &str = "complete";

/// A user, told from all others that there ever were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) id: i64,
    /// When it joined, in microseconds since 1970.
    joined: i64,
}

impl Account {
    /// Noted where somebody else took the name when it was about to be made: what has the name then was not made here.
    pub(super) const SOMEBODY_ELSES: Self = Self { id: 0, joined: 0 };

    pub(super) fn of(user: &User) -> Self {
        let joined = user.date_joined.unwrap_or_default();
        Self {
            id: user.id,
            joined: joined.seconds * 1_000_000 + i64::from(joined.nanos / 1000),
        }
    }
}

/// The users of a recipe, as far as they were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) recipe: Recipe,
    /// By their index.
    pub(super) usernames: Vec<String>,
    pub(super) accounts: HashMap<usize, Account>,
}

/// The file, which nobody else can open meanwhile.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
    file: File,
    pub(super) written: Option<Written>,
    /// Whether it is this run that began with it.
    is_new: bool,
}

impl Record {
    /// Opens the record of a directory that is there.
    pub(super) fn open(directory: &DataDirectory) -> Result<Self, AnyError> {
        let path = directory.path().join(FILE);
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path);
        let mut file = file.map_err(|error| cannot("open", &path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let path = directory.path().display();
                return Err(format!("another kith seed is at work on {path}; wait for its end").into());
            }
            Err(TryLockError::Error(error)) => return Err(cannot("lock", &path, &error)),
        }
        let mut text = String::new();
        file.read_to_string(&mut text)
            .map_err(|error| cannot("read", &path, &error))?;
        Ok(Self {
            path,
            file,
            written: parse(&text),
            is_new: false,
        })
    }

    /// Begins anew, with these names and nobody made.
    pub(super) fn begin(&mut self, recipe: Recipe, usernames: Vec<String>) -> Result<(), AnyError> {
        let Recipe { seed, users } = recipe;
        let text = format!(
            "seed {seed}\nusers {users}\n{}\n{COMPLETE}\n",
            usernames.join("\n")
        );
        self.empty()?;
        self.append(&text)?;
        self.written = Some(Written {
            recipe,
            usernames,
            accounts: HashMap::new(),
        });
        self.is_new = true;
        Ok(())
    }

    /// Whether a run before this one may have made the user with this index, and not have said so yet.
    pub(super) fn may_be_made(&self, index: usize) -> bool {
        let written = self.written.as_ref();
        !self.is_new && written.is_some_and(|written| !written.accounts.contains_key(&index))
    }

    /// Notes users that are there, by their index.
    pub(super) fn note(&mut self, accounts: &[(usize, Account)]) -> Result<(), AnyError> {
        let mut text = String::new();
        for (index, Account { id, joined }) in accounts {
            // To write into a string succeeds.
            let _ = writeln!(text, "{index} {id} {joined}");
        }
        self.append(&text)?;
        if let Some(written) = &mut self.written {
            written.accounts.extend(accounts.iter().copied());
        }
        Ok(())
    }

    /// Forgets everything.
    pub(super) fn empty(&mut self) -> Result<(), AnyError> {
        self.written = None;
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(|error| cannot("write", &self.path, &error))
    }

    fn append(&mut self, text: &str) -> Result<(), AnyError> {
        let appended = self
            .file
            .write_all(text.as_bytes())
            .and_then(|()| self.file.sync_data());
        appended.map_err(|error| cannot("write", &self.path, &error))
    }
}

/// `None` where no users can have been made. A line that was not written to its end counts as missing.
fn parse(text: &str) -> Option<Written> {
    let (whole, _) = text.rsplit_once('\n')?;
    let mut lines = whole.lines();
    let seed = lines.next()?.strip_prefix("seed ")?.parse().ok()?;
    let users = lines.next()?.strip_prefix("users ")?.parse().ok()?;
    let usernames: Vec<String> = lines.by_ref().take(users).map(str::to_owned).collect();
    if usernames.len() < users || lines.next()? != COMPLETE {
        return None;
    }
    Some(Written {
        recipe: Recipe { seed, users },
        usernames,
        accounts: lines.filter_map(account).collect(),
    })
}

fn account(line: &str) -> Option<(usize, Account)> {
    let mut words = line.split(' ');
    let index = words.next()?.parse().ok()?;
    let id = words.next()?.parse().ok()?;
    let joined = words.next()?.parse().ok()?;
    Some((index, Account { id, joined }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str =
        "seed 7\nusers 2\nada.lund\nkofi.rao\ncomplete\n0 11 1700000000000001\n1 12 1700000000000002\n";

    #[test]
    fn what_is_written_is_read_back() {
        let written = parse(WHOLE).expect("a record");
        assert_eq!(written.recipe, Recipe { seed: 7, users: 2 });
        assert_eq!(written.usernames, ["ada.lund", "kofi.rao"]);
        let joined = 1_700_000_000_000_002;
        assert_eq!(
            (written.accounts.len(), written.accounts[&1]),
            (2, Account { id: 12, joined })
        );
    }

    #[test]
    fn a_record_that_was_cut_off_says_no_more_than_it_knows() {
        let names = WHOLE.find("complete\n").expect("there") + "complete\n".len();
        for end in 0..names {
            assert_eq!(parse(&WHOLE[..end]), None, "{end}");
        }
        for end in names..WHOLE.len() {
            let written = parse(&WHOLE[..end]).expect("names");
            let whole_lines = WHOLE[names..end].matches('\n').count();
            assert_eq!(written.accounts.len(), whole_lines, "{end}");
        }
    }
}
