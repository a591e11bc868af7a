//! Makes the data directory.

use std::fs::{self, File};
use std::path::Path;

use rustix::process::Signal;

use super::home::Home;
use super::log::last_lines;
use super::server::end_with_parent;
use super::{Binaries, Keep, PrivateError, SUPERUSER};

/// Data directories that are not finished, and never will be if this is found at a start.
const UNFINISHED: &str = "data.init-";

/// Runs `initdb` unless the data directory is there.
///
/// It works beside the final place and is moved there once it is done, so that one that was interrupted
/// leaves nothing that looks like data.
pub(super) fn ensure_initialised(home: &Home, binaries: &Binaries) -> Result<(), PrivateError> {
    let data = home.data();
    if data.join("PG_VERSION").exists() {
        return Ok(());
    }
    remove_unfinished(home.directory())?;
    let unfinished = home
        .directory()
        .join(format!("{UNFINISHED}{}", std::process::id()));
    initdb(home, binaries, &unfinished)?;
    fs::rename(&unfinished, &data).map_err(PrivateError::io("make", &data))?;
    if home.keep() == Keep::Persistent {
        let directory = home.directory();
        File::open(directory)
            .and_then(|it| it.sync_all())
            .map_err(PrivateError::io("sync", directory))?;
    }
    Ok(())
}

fn remove_unfinished(directory: &Path) -> Result<(), PrivateError> {
    let entries = fs::read_dir(directory).map_err(PrivateError::io("list", directory))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            // An initdb whose owner was killed cleans up after itself at the same time; what it leaves, the
            // next start finds.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

fn initdb(home: &Home, binaries: &Binaries, data: &Path) -> Result<(), PrivateError> {
    let program = binaries.program("initdb");
    let mut command = home.account().command(&program, home.directory());
    command.arg("-D").arg(data).arg(format!("--username={SUPERUSER}"));
    command.args([
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--lc-messages=C",
        "--auth=trust",
        "--no-instructions",
    ]);
    if home.keep() == Keep::Ephemeral {
        command.arg("--no-sync");
    }
    end_with_parent(&mut command, Signal::TERM);
    let output = command.output().map_err(PrivateError::io("run", &program))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(PrivateError::InitFailed {
        status: output.status.to_string(),
        output: last_lines(&String::from_utf8_lossy(&text)),
    })
}
