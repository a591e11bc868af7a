//! Services are restarted, moved and asked to end while the shipped client calls them: no call fails, also none that must
//! not be made twice.

use std::time::{Duration, Instant};

use kith_schema::Role;
use kith_testkit::TestDatabase;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::fleet::{ANYWHERE, Member, Name, Site, address_text, channel_that_counts};
use crate::load::{Load, Results, Writes};
use crate::size;

/// As Kubernetes has it: calls are taken for 8 seconds after SIGTERM, until every client knows.
const AS_DEPLOYED: &[(&str, &str)] = &[("KITH_SHUTDOWN_DELAY", "8s"), ("KITH_DRAIN_TIMEOUT", "20s")];
/// Enough for a busy machine, and no line for each call.
const PATIENT: &[(&str, &str)] = &[
    ("KITH_POOL_SIZE", "4"),
    ("KITH_POOL_CHECKOUT_TIMEOUT", "60s"),
    ("KITH_DEFAULT_DEADLINE", "60s"),
    ("KITH_LOG_FILTER", "warn,kith_rpc::process=info"),
];
/// So long a process may take from SIGTERM to its end, whatever is open.
const END_WITHIN: Duration = Duration::from_secs(30);

/// Two processes of each service, and callers of all of them.
struct Fleet {
    database: TestDatabase,
    site: Site,
    /// By service, in the order of [`Role::ALL`].
    pairs: Vec<Vec<Member>>,
    names: Vec<Name>,
}

impl Fleet {
    async fn start(settings: &[&[(&str, &str)]]) -> Self {
        let database = TestDatabase::create().await;
        let site = Site::new(|role| database.url(role), &settings.concat());
        let (firsts, seconds) = tokio::join!(site.start_all(), site.start_all());
        let pairs: Vec<Vec<Member>> = firsts
            .into_iter()
            .zip(seconds)
            .map(|(first, second)| vec![first, second])
            .collect();
        for member in pairs.iter().flatten() {
            member.ready().await;
        }
        Self {
            names: pairs.iter().map(|pair| Name::of(pair)).collect(),
            database,
            site,
            pairs,
        }
    }

    /// `callers` of each service, by a channel for each as `channel` makes it.
    async fn load(&self, callers: usize, channel: impl Fn(&Name) -> kith_client::Channel) -> Load {
        let mut load = Load::new(&self.site.issuer, Writes::Once);
        let identity = &self.pairs[0][0].channel;
        for (role, name) in Role::ALL.iter().zip(&self.names) {
            let users = self.site.users(identity, callers * 2).await;
            load.call(*role, &channel(name), &users);
        }
        load.goes_on(callers * 4).await;
        load
    }

    /// That no call failed, and what was acknowledged was done once.
    async fn assert_whole(&self, results: &Results) {
        let failed = results.failed();
        let (count, first) = (failed.len(), failed.first());
        let answered = results.answered();
        println!("{answered} calls answered, {count} failed");
        assert_eq!(count, 0, "of {answered}: {first:#?}");
        for (role, table) in [
            (Role::Posts, "posts.posts"),
            (Role::Messaging, "messaging.messages"),
        ] {
            let there = usize::try_from(self.database.count(table).await).expect("small");
            assert_eq!(there, results.made(role).len(), "{table}");
        }
        self.database.assert_invariants().await;
    }
}

/// Ends a process and starts it again where it was, while the other one serves.
async fn restart_in_place(site: &Site, identity: &str, pair: &mut [Member]) {
    for member in pair {
        member.terminate().await;
        *member = site
            .start(member.role, &address_text(member.address), identity)
            .await;
        member.ready().await;
    }
}

/// Starts another process for each of two, and ends that as soon as the other is ready: Kubernetes waits for neither the
/// end nor for the clients to learn of it.
async fn replace(site: &Site, identity: &str, pair: &mut Vec<Member>, name: &Name, ending: &mut JoinSet<()>) {
    for _ in 0..pair.len() {
        let next = site.start(pair[0].role, ANYWHERE, identity).await;
        next.ready().await;
        name.add(next.address);
        let mut last = pair.remove(0);
        pair.push(next);
        name.remove(last.address);
        ending.spawn(async move { last.terminate().await });
    }
}

// Control: `killed_processes_fail_calls`, with the same callers.
#[tokio::test(flavor = "multi_thread")]
async fn no_call_fails_when_processes_restart_where_they_are() {
    let mut fleet = Fleet::start(&[AS_DEPLOYED, PATIENT]).await;
    let load = fleet.load(size::of(4, 12), Name::channel).await;
    for _ in 0..size::of(1, 10) {
        let (site, identity) = (&fleet.site, address_text(fleet.pairs[0][0].address));
        let [first, second, third, fourth] = &mut fleet.pairs[..] else {
            unreachable!("four services")
        };
        tokio::join!(
            restart_in_place(site, &identity, first),
            restart_in_place(site, &identity, second),
            restart_in_place(site, &identity, third),
            restart_in_place(site, &identity, fourth),
        );
    }
    load.goes_on(100).await;
    let results = load.end().await;
    fleet.assert_whole(&results).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_fails_when_processes_move() {
    let mut fleet = Fleet::start(&[AS_DEPLOYED, PATIENT]).await;
    let load = fleet.load(size::of(4, 12), Name::channel).await;
    for _ in 0..size::of(1, 10) {
        let mut ending = JoinSet::new();
        // Identity last: the others ask it for keys when they start.
        for index in [1, 2, 3, 0] {
            let identity = address_text(fleet.pairs[0][0].address);
            let (pair, name) = (&mut fleet.pairs[index], &fleet.names[index]);
            replace(&fleet.site, &identity, pair, name, &mut ending).await;
        }
        ending.join_all().await;
    }
    load.goes_on(100).await;
    let results = load.end().await;
    fleet.assert_whole(&results).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_fails_when_connections_come_of_age() {
    let fleet = Fleet::start(&[&[("KITH_MAX_CONNECTION_AGE", "1s")], PATIENT]).await;
    let load = fleet.load(size::of(4, 12), channel_that_counts).await;
    let enough = size::of(10, 200);
    for name in &fleet.names {
        crate::processes::eventually("more connections", async || (name.asked() > enough).then_some(()))
            .await;
    }
    let results = load.end().await;
    fleet.assert_whole(&results).await;
}

/// What the tests above would see of calls that are lost.
#[tokio::test(flavor = "multi_thread")]
async fn killed_processes_fail_calls() {
    const KILLS: usize = 100;
    let database = TestDatabase::create().await;
    let site = Site::new(|role| database.url(role), PATIENT);
    let identity = site.start(Role::Identity, ANYWHERE, ANYWHERE).await;
    let at = address_text(identity.address);
    let mut pair = Vec::new();
    for _ in 0..2 {
        pair.push(site.start(Role::Messaging, ANYWHERE, &at).await);
    }
    for member in pair.iter().chain([&identity]) {
        member.ready().await;
    }
    let users = site.users(&identity.channel, 32).await;
    let mut load = Load::new(&site.issuer, Writes::Once);
    load.call(Role::Messaging, &Name::of(&pair).channel(), &users);
    load.goes_on(100).await;
    for kills in 0.. {
        assert!(kills < KILLS, "{kills} processes were killed, and no call failed");
        let member = &mut pair[kills % 2];
        member.process.kill();
        *member = site
            .start(Role::Messaging, &address_text(member.address), &at)
            .await;
        member.ready().await;
        load.goes_on(20).await;
        if !load.results().failed().is_empty() {
            break;
        }
    }
    let results = load.end().await;
    let failed = results.failed();
    assert!(
        failed.iter().all(|failed| failed.method == "SendMessage"),
        "the contract lets these be made again: {failed:#?}"
    );
}

/// Opens connections that never say anything, and as many that begin as HTTP/2 does and then say nothing more.
async fn silent(address: std::net::SocketAddr, count: usize) -> Vec<TcpStream> {
    /// The preface, and empty SETTINGS.
    const BEGINNING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let mut sockets = Vec::new();
    for number in 0..count {
        let mut socket = TcpStream::connect(address).await.expect("it listens");
        if number % 2 == 0 {
            socket.write_all(BEGINNING).await.expect("it reads");
        }
        sockets.push(socket);
    }
    sockets
}

/// Ends a process of each service with silent sockets open.
async fn ends_with_silent_sockets(settings: &[(&str, &str)]) {
    let database = TestDatabase::create().await;
    let site = Site::new(|role| database.url(role), settings);
    let mut members = site.start_all().await;
    let mut sockets = Vec::new();
    for member in &members {
        member.ready().await;
        sockets.extend(silent(member.address, size::of(100, 1000)).await);
        // Answered after all of them were accepted.
        member.health().await.expect("an answer");
    }
    let began = Instant::now();
    for member in &members {
        member.process.terminate();
    }
    for member in &mut members {
        let status = member.process.ended().await;
        assert!(status.success(), "{status}\n{}", member.process.said());
        println!("{}: ended after {:?}", member.role, began.elapsed());
        assert!(began.elapsed() < END_WITHIN, "{:?}", began.elapsed());
    }
    drop(sockets);
}

/// With the drain as it is when nobody says otherwise; with FULL_SIZE=1 also as it is deployed.
// Control: see `drain` of kith-rpc, whose tests keep sockets open for longer than its deadline.
#[tokio::test(flavor = "multi_thread")]
async fn silent_sockets_hold_no_process_for_longer_than_the_drain() {
    let deployed = async {
        if size::of(0, 1) == 1 {
            ends_with_silent_sockets(AS_DEPLOYED).await;
        }
    };
    tokio::join!(ends_with_silent_sockets(&[]), deployed);
}
