//! Removes directories when this process ends, however it ends.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use super::PrivateError;
use super::pid_file::PidFile;

/// Lives until its standard input ends, which the kernel sees to when we die. Then it waits, 20 seconds at
/// most, until the server is gone (or has removed its postmaster.pid, its last act), and removes the
/// directories.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
pid_file=$1
shift
while read -r line; do pid=$line; done
tries=200
while [ -n "$pid" ] && [ -e "$pid_file" ] && kill -0 "$pid" && [ $tries -gt 0 ]; do
    sleep 0.1
    tries=$((tries - 1))
done
tries=50
until rm -rf -- "$@" || [ $tries -eq 0 ]; do
    sleep 0.1
    tries=$((tries - 1))
done
"#;

/// A small process that waits for our end.
#[derive(Debug)]
pub(super) struct Reaper {
    child: Child,
    watched: Option<ChildStdin>,
}

impl Reaper {
    /// Starts it, to remove `doomed` when we and the server on `data` are gone.
    pub(super) fn start(data: &Path, doomed: &[&Path]) -> Result<Self, PrivateError> {
        let mut command = Command::new("/bin/sh");
        // A group of its own: Ctrl-C is not for it.
        command
            .args(["-c", SCRIPT, "kith-reaper"])
            .arg(data.join(PidFile::NAME))
            .args(doomed)
            .current_dir("/")
            .process_group(0);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command
            .spawn()
            .map_err(PrivateError::io("run", Path::new("/bin/sh")))?;
        let watched = child.stdin.take();
        Ok(Self { child, watched })
    }

    /// Has it wait for the end of the server `pid` before it removes anything.
    pub(super) fn wait_for(&mut self, pid: u32) {
        if let Some(watched) = &mut self.watched {
            // Without it, it would remove the directory a little early: a nuisance to the dying server alone.
            let _ = writeln!(watched, "{pid}");
        }
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        self.watched = None;
        let _ = self.child.wait();
    }
}
