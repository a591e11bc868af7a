//! PostgreSQL stops, crashes, freezes and comes back under the services: what callers are told meanwhile, and how soon all
//! is well again.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::sql_types::{BigInt, Integer};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use kith_postgres::DatabaseUrl;
use kith_postgres::private::{PrivateCluster, SUPERUSER};
use kith_schema::{Role, RolePasswords};
use kith_testkit::{OWNER, Refusal, not_ready};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpSocket;
use tokio::task::{JoinSet, spawn_blocking};
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::fleet::{ANYWHERE, Member, Site, address_text};
use crate::load::{Failed, Load, Results, Writes};
use crate::processes::eventually;
use crate::rows::unique;
use crate::size;

/// So soon everything must be well again after PostgreSQL takes connections.
const RECOVERED_WITHIN: Duration = Duration::from_secs(5);
/// A call waits no longer for a connection, unless told otherwise.
const CHECKOUT_TIMEOUT: Duration = Duration::from_secs(2);
/// The deadline of calls while PostgreSQL is frozen, and what a call may take beyond on a busy machine.
const DEADLINE: (&str, Duration) = ("2s", Duration::from_secs(2));
const SLACK: Duration = Duration::from_secs(8);
const DATABASE: &str = "kith";
/// Nothing of each call; whoever wants to see what a service says meanwhile takes this away.
const QUIET: &[(&str, &str)] = &[(
    "KITH_LOG_FILTER",
    "error,kith_schema=info,kith_rpc::process=info,kith_rpc::keys=warn",
)];

/// How PostgreSQL ends.
#[derive(Clone, Copy, Debug)]
enum Stop {
    /// It rolls back what is under way, and says goodbye.
    Fast,
    /// It ends at once, as in a crash, and still says goodbye.
    Immediate,
    /// It says nothing.
    Killed,
}

/// A PostgreSQL of one test, which may be stopped.
struct Postgres {
    directory: PathBuf,
    /// With the names of a role and a database in it.
    url: String,
    cluster: Option<PrivateCluster>,
    frozen: Vec<Pid>,
}

impl Postgres {
    /// Without any database.
    async fn start_empty() -> Self {
        let directory =
            std::env::temp_dir().join(format!("kith-outage-{}-{}", std::process::id(), unique("pg")));
        let cluster = start(directory.clone()).await;
        Self {
            url: cluster.url("ROLE", "DATABASE"),
            directory,
            cluster: Some(cluster),
            frozen: Vec::new(),
        }
    }

    /// With a database, roles and migrations.
    async fn start_migrated() -> Self {
        let postgres = Self::start_empty().await;
        postgres.create_database().await;
        postgres.migrate().await;
        postgres
    }

    /// And roles.
    async fn create_database(&self) {
        let mut superuser = self.superuser("postgres").await;
        for statement in [
            format!("CREATE ROLE {OWNER} LOGIN CREATEDB CREATEROLE"),
            format!("CREATE DATABASE {DATABASE} OWNER {OWNER}"),
        ] {
            superuser
                .batch_execute(&statement)
                .await
                .expect("superuser's rights");
        }
        kith_schema::bootstrap(&self.url(OWNER, DATABASE), &RolePasswords::none())
            .await
            .expect("roles");
    }

    async fn migrate(&self) {
        kith_schema::migrate(&self.url(OWNER, DATABASE), |_| {})
            .await
            .expect("migrations");
    }

    fn url(&self, role: &str, database: &str) -> DatabaseUrl {
        let url = self.url.replace("ROLE", role).replace("DATABASE", database);
        DatabaseUrl::parse(&url).expect("the cluster's own URL")
    }

    async fn superuser(&self, database: &str) -> AsyncPgConnection {
        self.url(SUPERUSER, database).connect().await.expect("it answers")
    }

    /// Returns once it takes connections.
    async fn start(&mut self) {
        self.cluster = Some(start(self.directory.clone()).await);
    }

    async fn stop(&mut self, how: Stop) {
        let cluster = self.cluster.take().expect("it runs");
        let signal = match how {
            Stop::Fast => None,
            Stop::Immediate => Some(Signal::QUIT),
            Stop::Killed => Some(Signal::KILL),
        };
        if let Some(signal) = signal {
            kill_process(self.postmaster(), signal).expect("it runs");
            eventually("its end", async || cluster.exited()).await;
        }
        spawn_blocking(move || cluster.stop()).await.expect("no panic");
    }

    fn postmaster(&self) -> Pid {
        let file = fs::read_to_string(self.directory.join("data/postmaster.pid")).expect("it runs");
        let first = file.lines().next().expect("a line");
        Pid::from_raw(first.parse().expect("a number")).expect("an id")
    }

    /// Stops all its processes where they are. The kernel still takes connections and bytes for them.
    fn freeze(&mut self) {
        let postmaster = self.postmaster();
        // First, so that it makes no more.
        kill_process(postmaster, Signal::STOP).expect("it runs");
        self.frozen.push(postmaster);
        for child in children(postmaster) {
            // It may have ended by itself.
            let _ = kill_process(child, Signal::STOP);
            self.frozen.push(child);
        }
    }

    fn thaw(&mut self) {
        for process in self.frozen.drain(..) {
            let _ = kill_process(process, Signal::CONT);
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.thaw();
        drop(self.cluster.take());
        let _ = fs::remove_dir_all(&self.directory);
    }
}

async fn start(directory: PathBuf) -> PrivateCluster {
    use kith_postgres::private::Keep;
    let started = spawn_blocking(move || PrivateCluster::start(&directory, Keep::Persistent)).await;
    started.expect("no panic").expect("PostgreSQL")
}

/// The processes that were started by another.
fn children(parent: Pid) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").expect("Linux");
    let stats = processes
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    stats
        .filter_map(|stat| {
            // `id (name) state parent ...`, and names may hold anything.
            let id = stat.split(' ').next()?.parse().ok()?;
            let of = stat.rsplit(')').next()?.split(' ').nth(2)?.parse().ok()?;
            (Pid::from_raw(of)? == parent).then_some(Pid::from_raw(id)?)
        })
        .collect()
}

/// The four services, ready, on a PostgreSQL of their own.
struct Scene {
    postgres: Postgres,
    site: Site,
    members: Vec<Member>,
    users: Vec<i64>,
}

impl Scene {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let postgres = Postgres::start_migrated().await;
        let settings = [QUIET, settings].concat();
        let site = Site::new(|role| postgres.url(role.name(), DATABASE), &settings);
        let members = site.start_all().await;
        for member in &members {
            member.ready().await;
        }
        Self {
            users: site.users(&members[0].channel, 2).await,
            postgres,
            site,
            members,
        }
    }

    /// Callers of all services who see each answer as it is.
    async fn callers(&self) -> Load {
        let mut load = Load::new(&self.site.issuer, Writes::Repeatable);
        for member in &self.members {
            let users = self.site.users(&self.members[0].channel, 8).await;
            load.call(member.role, &member.channel, &users);
        }
        load.goes_on(40).await;
        load
    }

    /// Returns once no service is ready. All of them live.
    async fn turns_not_ready(&mut self) {
        let began = Instant::now();
        for member in &self.members {
            not_ready(member.channel.clone()).await;
        }
        println!("  NOT_SERVING after {:?}", began.elapsed());
        self.assert_lives().await;
        self.assert_readyz(503).await;
    }

    /// The processes run, answer, and say that they live.
    async fn assert_lives(&mut self) {
        for member in &mut self.members {
            assert!(member.process.runs(), "{}", member.role);
            member.health().await.expect("an answer");
            assert_eq!(member.process.admin("/livez").await.0, 200, "{}", member.role);
        }
    }

    /// What the admin ports say of readiness.
    async fn assert_readyz(&self, status: u16) {
        for member in &self.members {
            let (told, text) = member.process.admin("/readyz").await;
            assert_eq!(told, status, "{}: {text}", member.role);
            assert_eq!(
                text.contains("database"),
                status == 503,
                "{}: {text}",
                member.role
            );
        }
    }

    /// Makes every call of the load once, and answers those that failed.
    async fn all_once(&self) -> (usize, Vec<Failed>) {
        let mut rounds = JoinSet::new();
        for member in &self.members {
            let (issuer, users) = (Arc::clone(&self.site.issuer), self.users.clone());
            let (role, channel) = (member.role, member.channel.clone());
            rounds.spawn(async move { Load::once(&issuer, role, &channel, &users).await });
        }
        let results = rounds.join_all().await;
        let failed = results.iter().flat_map(Results::failed).collect();
        (results.iter().map(Results::answered).sum(), failed)
    }

    /// Every call is told that the database is away, and when to come back, before it would have waited for a connection.
    async fn refuses_fast(&self) {
        let (answered, failed) = self.all_once().await;
        assert_eq!(answered, 0);
        let longest = failed.iter().map(|failed| failed.after).max();
        println!("  {} calls refused, the slowest after {longest:?}", failed.len());
        for failed in failed {
            assert_database_unavailable(&failed);
            assert!(failed.after < CHECKOUT_TIMEOUT, "{failed:?}");
        }
    }

    /// All is well, soon, and in the same processes.
    async fn recovers(&mut self) {
        let began = Instant::now();
        for member in &self.members {
            member.ready().await;
        }
        let (answered, failed) = self.all_once().await;
        let after = began.elapsed();
        println!("  {answered} calls answered after {after:?}");
        assert!(failed.is_empty(), "{failed:#?}");
        assert!(after < RECOVERED_WITHIN, "{after:?}");
        self.assert_readyz(200).await;
        self.assert_lives().await;
    }

    /// Everything that was acknowledged is there.
    async fn assert_kept(&self, results: &Results) {
        let mut owner = self
            .postgres
            .url(OWNER, DATABASE)
            .connect()
            .await
            .expect("it answers");
        for (role, table) in [
            (Role::Posts, "posts.posts"),
            (Role::Messaging, "messaging.messages"),
        ] {
            let made = results.made(role);
            let query = sql_query(format!("SELECT count(*) AS rows FROM {table} WHERE id = ANY($1)"));
            let query = query.bind::<diesel::sql_types::Array<BigInt>, _>(&made);
            let there: Count = query.get_result(&mut owner).await.expect("an answer");
            assert_eq!(usize::try_from(there.rows).expect("small"), made.len(), "{table}");
        }
        let broken = kith_schema::invariants::check(&mut owner)
            .await
            .expect("an answer");
        assert!(broken.is_empty(), "{broken:#?}");
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

#[derive(QueryableByName)]
struct Backend {
    #[diesel(sql_type = Integer)]
    pid: i32,
}

fn assert_database_unavailable(failed: &Failed) {
    let refusal = Refusal::of(&failed.status);
    let summary = (refusal.summary(), refusal.retry);
    let expected = "Unavailable DATABASE_UNAVAILABLE []".to_owned();
    assert_eq!(summary, (expected, true), "{failed:#?}");
}

/// Of calls under way when the database went, nothing is said but that it is away, or, of writes, that nobody knows.
fn assert_honest(results: &Results, also: &[&str]) {
    let mut seen: BTreeMap<String, (usize, Duration)> = BTreeMap::new();
    for failed in results.failed() {
        let refusal = Refusal::of(&failed.status);
        let is_known = match refusal.reason.as_str() {
            "DATABASE_UNAVAILABLE" => refusal.code == Code::Unavailable && refusal.retry,
            "OUTCOME_UNKNOWN" => refusal.code == Code::Unavailable && !failed.method.starts_with("Get"),
            reason => also.contains(&reason),
        };
        assert!(is_known, "{failed:#?}");
        let entry = seen
            .entry(format!("{}: {}", failed.role, refusal.summary()))
            .or_default();
        *entry = (entry.0 + 1, entry.1.max(failed.after));
    }
    println!("  {} calls answered; of others: {seen:#?}", results.answered());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgres_is_stopped_calls_fail_fast_and_then_all_recovers() {
    let mut scene = Scene::start(&[]).await;
    let load = scene.callers().await;
    for stop in [Stop::Fast, Stop::Immediate, Stop::Killed] {
        println!("{stop:?}");
        scene.postgres.stop(stop).await;
        scene.turns_not_ready().await;
        scene.refuses_fast().await;
        scene.postgres.start().await;
        scene.recovers().await;
        load.goes_on(40).await;
    }
    let results = load.end().await;
    assert_honest(&results, &[]);
    scene.assert_kept(&results).await;
}

// Without a limit on the look of `watch`, services would be ready for as long as it is frozen.
#[tokio::test(flavor = "multi_thread")]
async fn while_postgres_is_frozen_calls_end_by_their_deadline_and_then_all_recovers() {
    let mut scene = Scene::start(&[("KITH_DEFAULT_DEADLINE", DEADLINE.0)]).await;
    let load = scene.callers().await;
    scene.postgres.freeze();
    scene.turns_not_ready().await;
    let (answered, failed) = scene.all_once().await;
    assert_eq!(answered, 0);
    let longest = failed.iter().map(|failed| failed.after).max().expect("some");
    println!("  {} calls failed, the slowest after {longest:?}", failed.len());
    assert!(longest < DEADLINE.1 + SLACK, "{longest:?}");
    scene.postgres.thaw();
    scene.recovers().await;
    load.goes_on(40).await;
    let results = load.end().await;
    assert_honest(&results, &["DEADLINE_EXCEEDED", "SERVER_OVERLOADED"]);
    scene.assert_kept(&results).await;
}

/// A process of PostgreSQL that is killed takes all connections with it: the server throws all away and recovers.
#[tokio::test(flavor = "multi_thread")]
async fn while_backends_end_callers_are_told_no_more_than_that() {
    let mut scene = Scene::start(&[]).await;
    let load = scene.callers().await;
    let mut superuser = scene.postgres.superuser(DATABASE).await;
    let mut ended = 0;
    for _ in 0..size::of(10, 200) {
        load.goes_on(20).await;
        let rows: Vec<Backend> = sql_query(
            "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .load(&mut superuser)
        .await
        .expect("superuser's rights");
        ended += rows.len();
    }
    assert!(ended > 0);
    println!("{ended} backends terminated");
    for _ in 0..size::of(2, 20) {
        load.goes_on(20).await;
        let mut superuser = scene.postgres.superuser(DATABASE).await;
        let one: Backend = sql_query(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .get_result(&mut superuser)
        .await
        .expect("a backend");
        kill_process(Pid::from_raw(one.pid).expect("an id"), Signal::KILL).expect("it runs");
        // Its connection ends before the others can be made.
        while superuser.batch_execute("SELECT").await.is_ok() {}
        let url = scene.postgres.url(SUPERUSER, DATABASE);
        eventually("it takes connections", async || url.connect().await.ok()).await;
        scene.recovers().await;
    }
    let results = load.end().await;
    assert_honest(&results, &[]);
    scene.assert_kept(&results).await;
}

/// What a service that never was ready tells its callers.
async fn waits(member: &Member, issuer: &Arc<kith_tokens::Issuer>) {
    assert_eq!(
        member.health().await.expect("an answer"),
        ServingStatus::NotServing
    );
    let results = Load::once(issuer, member.role, &member.channel, &[1, 2]).await;
    assert_eq!(results.answered(), 0, "{}", member.role);
    for failed in results.failed() {
        let refusal = Refusal::of(&failed.status);
        let expected = "Unavailable SERVICE_NOT_READY []".to_owned();
        assert_eq!(
            (refusal.summary(), refusal.retry),
            (expected, true),
            "{failed:#?}"
        );
    }
}

/// Waits until every service has said so; then, none is ready.
async fn all_wait(said: &str, members: &[&Member], issuer: &Arc<kith_tokens::Issuer>) {
    println!("{said}");
    for member in members {
        eventually(said, async || member.process.said().contains(said).then_some(())).await;
        waits(member, issuer).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn services_wait_for_postgres_the_database_its_migrations_and_identity() {
    let mut postgres = Postgres::start_empty().await;
    postgres.stop(Stop::Fast).await;
    let site = Site::new(|role| postgres.url(role.name(), DATABASE), QUIET);
    // Where identity will be. The socket keeps the port from others, and does not listen.
    let reserved = TcpSocket::new_v4().expect("a socket");
    reserved.set_reuseaddr(true).expect("a socket");
    reserved
        .bind(ANYWHERE.parse().expect("an address"))
        .expect("a port");
    let place = address_text(reserved.local_addr().expect("an address"));
    let mut others = Vec::new();
    for role in &Role::ALL[1..] {
        others.push(site.start(*role, ANYWHERE, &place).await);
    }
    let identity = site.start(Role::Identity, ANYWHERE, ANYWHERE).await;
    let mut all: Vec<&Member> = others.iter().chain([&identity]).collect();

    all_wait("the database does not answer", &all, &site.issuer).await;
    postgres.start().await;
    all_wait("does not exist", &all, &site.issuer).await;
    postgres.create_database().await;
    all_wait("waiting for migrations", &all, &site.issuer).await;
    postgres.migrate().await;
    identity.ready().await;
    all.pop();
    for member in &all {
        let said = "the database is ready";
        eventually(said, async || member.process.said().contains(said).then_some(())).await;
        waits(member, &site.issuer).await;
    }
    let identity_there = site.start(Role::Identity, &place, ANYWHERE).await;
    for member in others.iter().chain([&identity_there]) {
        member.ready().await;
    }
    let users = site.users(&identity.channel, 2).await;
    for member in others.iter().chain([&identity, &identity_there]) {
        let results = Load::once(&site.issuer, member.role, &member.channel, &users).await;
        assert!(results.failed().is_empty(), "{:#?}", results.failed());
    }
}
