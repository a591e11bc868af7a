//! Services as processes of their own, which real signals end.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use kith_client::{Builder, Channel};
use kith_schema::Role;
use kith_testkit::{TestApp, ready};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Long enough for a removed key to be dead everywhere on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(7 * 60);

/// Several run at the same time, also of one service.
const ADMIN_PORTS: [&str; 4] = [
    "KITH_IDENTITY_ADMIN_LISTEN_ADDRESS",
    "KITH_SOCIAL_GRAPH_ADMIN_LISTEN_ADDRESS",
    "KITH_POSTS_ADMIN_LISTEN_ADDRESS",
    "KITH_MESSAGING_ADMIN_LISTEN_ADDRESS",
];

/// A process that ends with this.
pub(crate) struct Process {
    child: Child,
    said: Arc<Mutex<String>>,
    reading: Option<JoinHandle<()>>,
}

impl Process {
    pub(crate) fn start(program: &str, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(ADMIN_PORTS.map(|name| (name, "127.0.0.1:0")));
        command.envs(environment.iter().copied());
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let (pipe, said) = (child.stderr.take().expect("a pipe"), Arc::default());
        let log: Arc<Mutex<String>> = Arc::clone(&said);
        let reading = std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                log.lock().expect("no panic").push_str(&format!("{line}\n"));
            }
        });
        Self {
            child,
            said,
            reading: Some(reading),
        }
    }

    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("no panic").clone()
    }

    /// Where it listens.
    pub(crate) async fn address(&self) -> String {
        eventually("it listens", async || {
            let said = self.said();
            let line = said.lines().find(|line| line.contains("listening"))?;
            let (_, address) = line.split_once("address=")?;
            address.split_whitespace().next().map(str::to_owned)
        })
        .await
    }

    /// What its admin port answers, `/livez` for example: the status, and the text.
    pub(crate) async fn admin(&self, path: &str) -> (u16, String) {
        let said = self.said();
        let (_, address) = said.split_once("admin=").expect("it listens");
        let address = address.split_whitespace().next().expect("an address");
        let mut socket = TcpStream::connect(address).await.expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.expect("an answer");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        let text = answer.split_once("\r\n\r\n").map(|(_, text)| text.to_owned());
        (status.expect("a status"), text.unwrap_or_default())
    }

    /// Asks it to end, as Kubernetes does.
    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it runs");
    }

    /// How it ended, once it has.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        // A loop of its own: futures that hold an async closure are not known to be `Send`.
        let ended = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("a child") {
                    return status;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, ended).await.expect("its end")
    }

    /// Whether it runs still.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// Ends it by SIGTERM, and answers what it said.
    pub(crate) async fn stop(self) -> String {
        self.terminate();
        let (code, said) = self.outcome().await;
        assert_eq!(code, Some(0), "{said}");
        said
    }

    /// Its exit code and all that it said, once it has ended.
    pub(crate) async fn outcome(mut self) -> (Option<i32>, String) {
        let status = self.ended().await;
        if let Some(reading) = self.reading.take() {
            let read = tokio::task::spawn_blocking(|| reading.join().expect("no panic"));
            read.await.expect("no panic");
        }
        (status.code(), self.said())
    }

    /// Ends it at once, as a machine does that loses power.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("to kill");
        self.child.wait().expect("its end");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Mostly it runs still.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Repeats `attempt` until it answers something.
pub(crate) async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = attempt().await {
                return found;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let found = timeout(PATIENCE, found).await;
    found.unwrap_or_else(|_| panic!("never happened: {what}"))
}

/// Tests see what a service answers, and not what another attempt makes of it.
pub(crate) fn channel(address: &str) -> Channel {
    let url = format!("http://{address}");
    Builder::new(url).max_attempts(1).build().expect("a URL")
}

/// A messaging process on the database of an app, whose users it knows.
pub(crate) struct Messaging {
    process: Process,
    address: String,
    pub(crate) channel: Channel,
}

impl Messaging {
    /// Returns once it is ready.
    pub(crate) async fn start(app: &TestApp) -> Self {
        Self::start_at(app, "127.0.0.1:0").await
    }

    async fn start_at(app: &TestApp, address: &str) -> Self {
        let url = app.database.url(Role::Messaging).expose();
        let identity_url = app.identity_url();
        let environment = [
            ("KITH_MESSAGING_DATABASE_URL", url.as_str()),
            ("KITH_MESSAGING_LISTEN_ADDRESS", address),
            ("KITH_IDENTITY_URL", &identity_url),
            ("KITH_TOKEN_ISSUER", "kith-test"),
            ("KITH_TOKEN_AUDIENCE", "kith-test"),
            // Enough for a busy machine.
            ("KITH_POOL_SIZE", "32"),
            ("KITH_POOL_CHECKOUT_TIMEOUT", "60s"),
            ("KITH_DEFAULT_DEADLINE", "60s"),
            // Where it listens, and nothing of each call.
            ("KITH_LOG_FILTER", "warn,kith_rpc::process=info"),
        ];
        let process = Process::start(env!("CARGO_BIN_EXE_e2e-messaging"), &environment);
        let address = process.address().await;
        let channel = channel(&address);
        ready(channel.clone()).await;
        Self {
            process,
            address,
            channel,
        }
    }

    /// Ends it by SIGKILL, and starts it anew where it was. Channels to it find the new one.
    pub(crate) async fn kill_and_restart(&mut self, app: &TestApp) {
        self.process.kill();
        *self = Self::start_at(app, &self.address).await;
    }
}
