//! Directories for the tests here.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// A directory of one test, by a path without links; removed at its end.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        let place = fs::canonicalize(env::temp_dir()).expect("the temporary directory");
        let path = place.join(format!("kith-test-{:016x}", rand::random::<u64>()));
        fs::create_dir(&path).expect("a directory below it");
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
