//! A PostgreSQL with the settings that it has by itself, where private ones have Kith's.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kith_postgres::DatabaseUrl;
use kith_postgres::private::{Keep, PrivateCluster};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tokio::time::{sleep, timeout};

use crate::support::Scratch;

/// The server, on data that a private one has made.
pub(super) struct OwnServer {
    scratch: Scratch,
    program: std::path::PathBuf,
    port: u16,
    child: Child,
}

impl OwnServer {
    /// With these lines at the end of its postgresql.conf.
    pub(super) async fn start(settings: &str) -> Self {
        let scratch = Scratch::new("own-server");
        let cluster = PrivateCluster::start(&scratch.join("it"), Keep::Persistent).expect("a PostgreSQL");
        let program = cluster.binaries().program("postgres");
        cluster.stop();
        let file = scratch.join("it/data/postgresql.conf");
        let text = fs::read_to_string(&file).expect("its settings");
        fs::write(&file, text + "\n" + settings).expect("other settings");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let child = spawn(&scratch, &program, port);
        let server = Self {
            scratch,
            program,
            port,
            child,
        };
        server.ready().await;
        server
    }

    /// Through its socket.
    pub(super) fn url(&self, database: &str) -> DatabaseUrl {
        let directory = self.scratch.join("it");
        let directory = directory.to_str().expect("a plain path").replace('/', "%2F");
        let port = self.port;
        DatabaseUrl::parse(&format!("postgres://postgres@{directory}:{port}/{database}")).expect("a URL")
    }

    pub(super) fn tcp_url(&self, database: &str) -> DatabaseUrl {
        let port = self.port;
        DatabaseUrl::parse(&format!("postgres://postgres@localhost:{port}/{database}")).expect("a URL")
    }

    pub(super) async fn restart(&mut self) {
        self.stop();
        self.child = spawn(&self.scratch, &self.program, self.port);
        self.ready().await;
    }

    async fn ready(&self) {
        let url = self.url("postgres");
        let ready = async {
            while url.connect().await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(60), ready)
            .await
            .expect("a server that starts");
    }

    fn stop(&mut self) {
        let pid = Pid::from_raw(self.child.id().try_into().expect("a pid")).expect("a pid");
        // Fast: without waiting for sessions.
        let _ = kill_process(pid, Signal::INT);
        let _ = self.child.wait();
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// As the owner of the data, since PostgreSQL refuses root; it ends with the thread of the test.
fn spawn(scratch: &Scratch, program: &std::path::Path, port: u16) -> Child {
    let data = scratch.join("it/data");
    let owner = fs::metadata(&data).expect("data");
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig=INT");
    if geteuid().is_root() {
        command.args([
            format!("--reuid={}", owner.uid()),
            format!("--regid={}", owner.gid()),
            "--clear-groups".to_owned(),
        ]);
    }
    command.arg(program).arg("-D").arg(&data);
    command.args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k"]);
    command.arg(scratch.join("it"));
    command.current_dir("/").stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("setpriv, of util-linux")
}
