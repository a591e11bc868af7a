use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use kith_primitives::UserId;
use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{ChildStdout, Command};
use tonic::Request;

use super::{Authority, Mount, Plan, TestServer, count_lines, soon, with};

/// Set in the process that is the server.
const ROLE: &str = "KITH_TEST_ROLE";
/// What the server says before its addresses, and before the number of connections that it could not accept.
const LISTENS: &str = "listens: ";
const NOT_ACCEPTED: &str = "not accepted: ";

/// A server in a process of its own, which is this very test in another role: it begins with
/// `if Child::is_me() { return Child::serve().await; }`.
///
/// It serves the fake social graph in plaintext and over TLS, and ends at SIGTERM.
pub(crate) struct Child {
    pub(crate) plaintext: SocketAddr,
    pub(crate) tls: SocketAddr,
    /// Of the users 7 and 8.
    pub(crate) tokens: [String; 2],
    process: tokio::process::Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// How a server ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// From the signal to the end of the process.
    pub(crate) after: Duration,
    /// How often it said that it could not accept a connection.
    pub(crate) not_accepted: usize,
}

/// How the server is started.
#[derive(Clone, Copy)]
pub(crate) struct ChildOptions {
    /// What `ulimit -n` gives it.
    pub(crate) descriptors: usize,
    /// Whether its handlers never answer.
    pub(crate) hangs: bool,
}

impl Child {
    /// How long calls and connections get at the end.
    pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

    pub(crate) fn is_me() -> bool {
        std::env::var_os(ROLE).is_some()
    }

    /// Starts the server of the test with this name.
    pub(crate) async fn start(test: &str, options: ChildOptions) -> Self {
        let limited = format!("ulimit -n {}; exec \"$0\" \"$@\"", options.descriptors);
        let mut process = Command::new("sh")
            .args(["-c", &limited])
            .arg(std::env::current_exe().expect("this program"))
            .args([test, "--exact", "--nocapture"])
            .env(ROLE, if options.hangs { "hangs" } else { "answers" })
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a shell");
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let words = next(&mut lines, LISTENS).await;
        let mut words = words.split(' ');
        let mut word = || words.next().expect("four words").to_owned();
        Self {
            plaintext: word().parse().expect("an address"),
            tls: word().parse().expect("an address"),
            tokens: [word(), word()],
            process,
            lines,
        }
    }

    /// The role of the server.
    pub(crate) async fn serve() {
        let shutdown = kith_rpc::process::shutdown_on_signal().expect("signals");
        let mount = Mount::of_pair(&Authority::new().pair());
        let drain_timeout = Self::DRAIN_TIMEOUT;
        let plaintext =
            TestServer::start_with(|options| options.settings.drain_timeout = drain_timeout).await;
        let tls = TestServer::start_with(|options| {
            options.settings.drain_timeout = drain_timeout;
            options.settings.tls = Some(mount.tls());
        })
        .await;
        if std::env::var_os(ROLE).is_some_and(|role| role == "hangs") {
            plaintext.graph.plan(Plan::Hang);
        }
        let token = |user| plaintext.issuer.user(UserId::from_database(user), "session");
        let [first, second] = [7, 8].map(|user| token(user).expect("a token").token);
        let (first, second) = (first.expose_secret(), second.expose_secret());
        // The name of the test stands at the beginning of this line already.
        println!(
            "\n{LISTENS}{} {} {first} {second}",
            plaintext.address, tls.address
        );
        shutdown.cancelled().await;
        tokio::join!(plaintext.stop(), tls.stop());
        let not_accepted = count_lines(|line| line["message"] == "a connection could not be accepted");
        println!("\n{NOT_ACCEPTED}{not_accepted}");
    }

    /// A request of user 7 or 8.
    pub(crate) fn by<M>(&self, user: usize, message: M) -> Request<M> {
        let bearer = format!("Bearer {}", self.tokens[user - 7]);
        with(Request::new(message), "authorization", &bearer)
    }

    /// Sends SIGTERM, and returns once the process has ended well.
    pub(crate) async fn terminate(mut self) -> Ended {
        let pid = self.process.id().expect("it runs");
        let pid = Pid::from_raw(i32::try_from(pid).expect("an id")).expect("an id");
        let begin = Instant::now();
        kill_process(pid, Signal::TERM).expect("it runs");
        let not_accepted = next(&mut self.lines, NOT_ACCEPTED).await;
        let status = soon(self.process.wait()).await.expect("a child");
        assert!(status.success(), "{status:?}, {:?}", status.signal());
        Ended {
            after: begin.elapsed(),
            not_accepted: not_accepted.parse().expect("a number"),
        }
    }
}

/// The rest of the next line that begins so.
async fn next(lines: &mut Lines<BufReader<ChildStdout>>, beginning: &str) -> String {
    loop {
        let line = soon(lines.next_line())
            .await
            .expect("a pipe")
            .expect("it says so");
        if let Some(rest) = line.strip_prefix(beginning) {
            return rest.to_owned();
        }
    }
}
