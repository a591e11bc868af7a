//! What the tests share: directories, `kith` as a process, and its services as their callers see them.

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use kith_client::{BearerToken, Channel};
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::identity::v1::{RegisterRequest, WhoAmIRequest, WhoAmIResponse};
use kith_contracts::messaging::v1::messaging_service_client::MessagingServiceClient;
use kith_contracts::posts::v1::posts_service_client::PostsServiceClient;
use kith_contracts::social_graph::v1::social_graph_service_client::SocialGraphServiceClient;
use kith_postgres::DatabaseUrl;
use rustix::process::{Pid, Signal, kill_process};
use tonic::service::interceptor::InterceptedService;

/// Long enough for a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) type Authenticated = InterceptedService<Channel, BearerToken>;

/// A place for the directories of one test; removed at its end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let random = RandomState::new().build_hasher().finish();
        let path = std::env::temp_dir().join(format!("kith-test-{random:016x}-{name}"));
        fs::create_dir(&path).expect("a directory below the temporary one");
        Self(path)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A file with this text.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.join(name);
        fs::write(&path, text).expect("to write a file");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `kith`, with nothing in its environment that it would obey.
pub(crate) fn kith(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kith"));
    command.args(arguments).stdin(Stdio::null());
    let obeyed =
        |name: &str| name.starts_with("KITH_") && name != "KITH_POSTGRES_BIN" || name == "DATABASE_URL";
    let names: Vec<_> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .collect();
    for name in names.iter().filter(|name| obeyed(name)) {
        command.env_remove(name);
    }
    command
}

/// What a `kith` said that has ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a `kith` to its end.
pub(crate) fn run(arguments: &[&str]) -> Said {
    run_command(&mut kith(arguments))
}

pub(crate) fn run_command(command: &mut Command) -> Said {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("kith runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said {
        code: status.code(),
        stdout: text(stdout),
        stderr: text(stderr),
    }
}

/// A `kith up` on free ports.
pub(crate) struct Up {
    child: Child,
    said: Arc<Mutex<String>>,
    /// What it printed once it was ready.
    pub(crate) announcement: String,
}

impl Up {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::spawn(&mut Self::command(arguments)).unwrap_or_else(|said| panic!("not up: {said:?}"))
    }

    /// On a directory that stays.
    pub(crate) fn on(directory: &Path) -> Self {
        Self::start(&["--data-directory", path(directory)])
    }

    pub(crate) fn command(arguments: &[&str]) -> Command {
        let mut command = kith(&["up"]);
        command.args([
            "--identity-listen-address",
            "127.0.0.1:0",
            "--social-graph-listen-address",
            "127.0.0.1:0",
            "--posts-listen-address",
            "127.0.0.1:0",
            "--messaging-listen-address",
            "127.0.0.1:0",
        ]);
        command.args(arguments);
        command
    }

    /// As [`Up::command`], with this umask.
    pub(crate) fn with_umask(umask: &str, arguments: &[&str]) -> Command {
        let up = Self::command(arguments);
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "umask $1; shift; exec \"$@\"", "sh", umask]);
        command
            .arg(up.get_program())
            .args(up.get_args())
            .stdin(Stdio::null());
        for (name, value) in up.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Starts one on `directory`, interrupts it once it says `line`, and waits for its end.
    pub(crate) fn interrupt(line: &str, directory: &Path) -> Said {
        let mut command = Self::command(&["--data-directory", path(directory)]);
        let mut up = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kith runs");
        let said = Arc::new(Mutex::new(String::new()));
        let lines = listen(up.stderr.take().expect("a pipe"), Arc::clone(&said));
        assert!(lines.iter().any(|said| said.starts_with(line)), "{said:?}");
        send(&up, Signal::INT);
        let code = up.wait().expect("its end").code();
        // Until nothing more is written.
        lines.iter().for_each(drop);
        let stderr = said.lock().expect("text").clone();
        Said {
            code,
            stdout: String::new(),
            stderr,
        }
    }

    /// Starts `command` and waits until it is ready; otherwise answers what it said instead.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self, Said> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kith runs");
        let (stdout, stderr) = (
            child.stdout.take().expect("a pipe"),
            child.stderr.take().expect("a pipe"),
        );
        let said = Arc::new(Mutex::new(String::new()));
        let lines = listen(stderr, Arc::clone(&said));
        let printed = Arc::new(Mutex::new(String::new()));
        let _results = listen(stdout, Arc::clone(&printed));
        let mut up = Self {
            child,
            said,
            announcement: String::new(),
        };
        let is_ready = lines.iter().any(|line| line.starts_with("ready after"));
        if !is_ready {
            let code = up.wait().code();
            return Err(Said {
                code,
                stdout: printed.lock().expect("text").clone(),
                stderr: up.said(),
            });
        }
        // Written before that line, read by another thread.
        eventually("it has printed everything", || {
            printed.lock().expect("text").contains("buf curl")
        });
        up.announcement = printed.lock().expect("text").clone();
        Ok(up)
    }

    /// What stands behind `name` in what it printed.
    fn fact(&self, name: &str) -> String {
        let mut lines = self.announcement.lines();
        let fact = lines
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_else(|| panic!("no {name}: {}", self.announcement));
        fact.trim().to_owned()
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.fact("data  ").into()
    }

    pub(crate) fn database(&self) -> DatabaseUrl {
        DatabaseUrl::parse(&self.fact("database  ")).expect("a URL")
    }

    pub(crate) fn identity_address(&self) -> String {
        self.fact("identity  ")
    }

    /// The URLs of the services' metrics.
    pub(crate) fn metrics(&self) -> Vec<String> {
        self.fact("metrics  ").split(' ').map(str::to_owned).collect()
    }

    pub(crate) fn social_graph_address(&self) -> String {
        self.fact("social-graph  ")
    }

    /// Runs another `kith` for the same data.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        let directory = self.directory();
        run_command(kith(arguments).args(["--data-directory", path(&directory)]))
    }

    /// The token that `kith token` prints.
    pub(crate) fn token(&self, arguments: &[&str]) -> BearerToken {
        let said = self.run(&[&["token"], arguments].concat());
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{said:?}");
        let token = said.stdout.strip_suffix('\n').expect("a line");
        assert!(!token.contains(char::is_whitespace), "{token:?}");
        BearerToken::new(&token.to_owned().into()).expect("a token")
    }

    pub(crate) fn identity(&self, token: BearerToken) -> IdentityServiceClient<Authenticated> {
        IdentityServiceClient::with_interceptor(self.channel("identity  "), token)
    }

    pub(crate) fn social_graph(&self, token: BearerToken) -> SocialGraphServiceClient<Authenticated> {
        SocialGraphServiceClient::with_interceptor(self.channel("social-graph  "), token)
    }

    pub(crate) fn posts(&self, token: BearerToken) -> PostsServiceClient<Authenticated> {
        PostsServiceClient::with_interceptor(self.channel("posts  "), token)
    }

    pub(crate) fn messaging(&self, token: BearerToken) -> MessagingServiceClient<Authenticated> {
        MessagingServiceClient::with_interceptor(self.channel("messaging  "), token)
    }

    /// For calls without token.
    pub(crate) fn bare_identity(&self) -> Channel {
        self.channel("identity  ")
    }

    fn channel(&self, service: &str) -> Channel {
        kith_client::channel(&format!("http://{}", self.fact(service))).expect("an address")
    }

    /// Registers a user and answers its id.
    pub(crate) async fn register(&self, username: &str) -> i64 {
        let mut identity = IdentityServiceClient::new(self.bare_identity());
        let request = RegisterRequest {
            username: username.to_owned(),
            password: "correct horse".to_owned(),
            ..Default::default()
        };
        let account = identity
            .register(request)
            .await
            .expect("a registration")
            .into_inner()
            .account;
        account.and_then(|account| account.user).expect("a user").id
    }

    pub(crate) async fn who_am_i(&self, token: BearerToken) -> WhoAmIResponse {
        self.identity(token)
            .who_am_i(WhoAmIRequest {})
            .await
            .expect("an answer")
            .into_inner()
    }

    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("text").clone()
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn end(mut self, signal: Signal) -> ExitStatus {
        send(&self.child, signal);
        self.wait()
    }

    /// Asks it to stop, and expects that it does so well.
    pub(crate) fn stop(self) {
        assert_eq!(self.end(Signal::TERM).code(), Some(0));
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("kith up ends", || {
            status = self.child.try_wait().expect("its status");
            status.is_some()
        });
        status.expect("its status")
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // Mostly it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().try_into().expect("a pid")).expect("a pid");
    kill_process(pid, signal).expect("to send a signal");
}

/// Collects what is written to a pipe, and passes each line on.
fn listen(pipe: impl std::io::Read + Send + 'static, said: Arc<Mutex<String>>) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            said.lock().expect("text").push_str(&format!("{line}\n"));
            // Nobody waits for lines any more once it is ready.
            let _ = sender.send(line);
        }
    });
    lines
}

/// A place where nothing can be written.
pub(crate) fn full() -> fs::File {
    fs::File::options()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full")
}

/// Whether it was this signal that ended a process.
pub(crate) fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::KILL.as_raw())
}

/// Waits for `condition`.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// The PostgreSQL of a data directory, by its own word.
pub(crate) fn server_pid(cluster: &Path) -> Pid {
    let text = fs::read_to_string(cluster.join("data/postmaster.pid")).expect("a running server");
    Pid::from_raw(text.lines().next().expect("a line").parse().expect("a pid")).expect("a pid")
}

/// Whether any process names `directory` on its command line (server, reaper, initdb) or works in it.
pub(crate) fn is_at_work(directory: &Path) -> bool {
    processes().any(|process| names(&process, directory) || works_in(&process, directory))
}

/// Whether a server's children are there: they work in `directory` and name it nowhere.
pub(crate) fn has_backends(directory: &Path) -> bool {
    processes().any(|process| !names(&process, directory) && works_in(&process, directory))
}

/// The directory of each process.
fn processes() -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir("/proc").expect("/proc");
    entries.flatten().map(|entry| entry.path())
}

fn names(process: &Path, directory: &Path) -> bool {
    // The dead have no command line any more.
    let line = fs::read(process.join("cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).contains(path(directory))
}

/// Also when the directory is removed already, which the system adds to its name.
fn works_in(process: &Path, directory: &Path) -> bool {
    let place = fs::read_link(process.join("cwd")).unwrap_or_default();
    place.to_string_lossy().starts_with(path(directory))
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    it: String,
}

/// Asks for one column called `it`.
pub(crate) async fn query(url: &DatabaseUrl, sql: &str) -> Vec<String> {
    let mut conn = url.connect().await.expect("a connection");
    let rows: Vec<Row> = diesel::sql_query(sql)
        .load(&mut conn)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.into_iter().map(|row| row.it).collect()
}
