//! What attackers open and send, beside honest calls: against a server in a process of its own, 100 of each, or 1,000
//! with `FULL_SIZE=1`. `--nocapture` shows what was measured.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use futures::future::join_all;
use http_body_util::Full;
use kith_contracts::social_graph::v1::{FollowRequest, GetFollowRequest, ListFollowersRequest};
use kith_rpc::MAX_MESSAGE_BYTES;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tonic::Code;
use tonic::body::Body;
use tonic_health::pb::HealthCheckRequest;

use crate::harness::{
    Authority, Child, ChildOptions, Connection, RawConnection, calls_and_resets, refused, soon,
};

const GET_FOLLOW: &str = "/kith.social_graph.v1.SocialGraphService/GetFollow";
const FOLLOW: &str = "/kith.social_graph.v1.SocialGraphService/Follow";
const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn size() -> usize {
    match std::env::var_os("FULL_SIZE") {
        Some(_) => 1000,
        None => 100,
    }
}

/// The server of the test with this name.
async fn start(test: &str, hangs: bool) -> Child {
    let options = ChildOptions {
        descriptors: 8192,
        hangs,
    };
    Child::start(&format!("floods::{test}"), options).await
}

/// Runs `attack` while user 7 calls 100 times a second, every tenth time over a new connection, and every call must be
/// answered within 5 seconds, however busy the machine is.
async fn beside_honest_calls<T>(server: &Child, attack: impl Future<Output = T>) -> T {
    let mut took = Vec::new();
    let honest = async {
        let mut ticks = interval(Duration::from_millis(10));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut connection = Connection::open(server.plaintext).await;
        loop {
            ticks.tick().await;
            let begin = Instant::now();
            if took.len() % 10 == 9 {
                connection = Connection::open(server.plaintext).await;
            }
            let request = server.by(7, FollowRequest::default());
            let answer = soon(connection.graph().follow(request)).await;
            took.push(begin.elapsed());
            answer.expect("an honest call");
        }
    };
    let attacked = tokio::select! {
        attacked = attack => attacked,
        never = honest => never,
    };
    took.sort();
    let (half, longest) = (took[took.len() / 2], took[took.len() - 1]);
    println!(
        "{} honest calls: half within {half:?}, the longest {longest:?}",
        took.len()
    );
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    attacked
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("it listens")
}

async fn say(word: &[u8], address: SocketAddr) -> TcpStream {
    let mut socket = connect(address).await;
    socket.write_all(word).await.expect("it reads");
    socket
}

/// Says `word` and nothing more, and returns once the server has closed the connection, with how long that took.
async fn only_say(word: &[u8], address: SocketAddr) -> Duration {
    let begin = Instant::now();
    let mut socket = say(word, address).await;
    let mut bytes = [0; 1024];
    // A reset is an end too.
    while let Ok(1..) = soon(socket.read(&mut bytes)).await {}
    begin.elapsed()
}

/// The timeout is 5 seconds; the rest is for busy machines.
fn assert_in_time(what: &str, mut took: Vec<Duration>) {
    took.sort();
    let (first, last) = (took[0], took[took.len() - 1]);
    println!("{} {what}: closed after {first:?} to {last:?}", took.len());
    assert!(first > Duration::from_secs(4), "{first:?}");
    assert!(last < Duration::from_secs(10), "{last:?}");
}

// Control: a preface timeout of 50 seconds; none was closed in time.
#[tokio::test(flavor = "multi_thread")]
async fn silent_sockets_are_closed() {
    if Child::is_me() {
        return Child::serve().await;
    }
    let server = start("silent_sockets_are_closed", false).await;
    let attack = join_all((0..size()).map(|_| only_say(b"", server.plaintext)));
    let took = beside_honest_calls(&server, attack).await;
    assert_in_time("silent sockets", took);
}

/// Sends the preface byte by byte, one in `pause`.
async fn drip(address: SocketAddr, pause: Duration) -> Duration {
    let begin = Instant::now();
    let (mut reads, mut writes) = connect(address).await.into_split();
    let writing = async move {
        for byte in PREFACE {
            sleep(pause).await;
            writes.write_u8(*byte).await?;
        }
        // Nothing more comes, and nothing is wrong with that.
        std::future::pending::<io::Result<()>>().await
    };
    let mut bytes = [0; 1024];
    let reading = async { while let Ok(1..) = reads.read(&mut bytes).await {} };
    tokio::select! {
        () = reading => {}
        Err(_) = writing => {}
        () = sleep(Duration::from_secs(20)) => {}
    }
    begin.elapsed()
}

// Control: `PrefaceInTime` whose limit begins anew with each byte; they lived for 20 seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_preface_byte_by_byte_must_be_there_in_time() {
    if Child::is_me() {
        return Child::serve().await;
    }
    let server = start("a_preface_byte_by_byte_must_be_there_in_time", false).await;
    let attack = async {
        // The last byte would come after 7.2 seconds, and that of the last caller after 1.2, or later on a busy machine.
        let in_time = drip(server.plaintext, Duration::from_millis(50));
        let late = join_all((0..size()).map(|_| drip(server.plaintext, Duration::from_millis(300))));
        tokio::join!(late, in_time)
    };
    let (late, in_time) = beside_honest_calls(&server, attack).await;
    assert_in_time("slow prefaces", late);
    assert!(in_time > Duration::from_secs(19), "{in_time:?}");
}

/// The first half of what a TLS client says first.
fn half_a_hello() -> Vec<u8> {
    let name = "kith.test".try_into().expect("a name");
    let config = Authority::new().client(None);
    let mut client = rustls::ClientConnection::new(config, name).expect("a client");
    let mut hello = Vec::new();
    client.write_tls(&mut hello).expect("memory");
    hello.truncate(hello.len() / 2);
    hello
}

// Control: a handshake timeout of 50 seconds; none was closed in time.
#[tokio::test(flavor = "multi_thread")]
async fn half_handshakes_are_closed() {
    if Child::is_me() {
        return Child::serve().await;
    }
    let server = start("half_handshakes_are_closed", false).await;
    let hello = half_a_hello();
    let attack = join_all((0..size()).map(|_| only_say(&hello, server.tls)));
    let took = beside_honest_calls(&server, attack).await;
    assert_in_time("half handshakes", took);
}

// Control: a builder without `max_concurrent_streams`; none was refused, and the others were told SERVER_OVERLOADED.
#[tokio::test(flavor = "multi_thread")]
async fn streams_beyond_those_allowed_are_refused() {
    if Child::is_me() {
        return Child::serve().await;
    }
    let server = start("streams_beyond_those_allowed_are_refused", false).await;
    let attack = async {
        let mut attacker = RawConnection::open(server.plaintext).await;
        // The requests of these calls never end.
        attacker.begin_calls(FOLLOW, &server.tokens[1], 300).await;
        assert_eq!(attacker.resets(44).await, vec![REFUSED_STREAM; 44]);
        attacker.ping().await;
        attacker.begin_calls(FOLLOW, &server.tokens[1], 5000).await;
        assert_eq!(attacker.goaway().await, Some(ENHANCE_YOUR_CALM));
        for _ in 0..size() / 50 {
            let mut next = RawConnection::open(server.plaintext).await;
            next.begin_calls(FOLLOW, &server.tokens[1], 300).await;
            next.ping().await;
        }
    };
    beside_honest_calls(&server, attack).await;
}

// Control: `max_pending_accept_reset_streams` without bound; the connections lived.
#[tokio::test(flavor = "multi_thread")]
async fn rapid_resets_end_their_connections() {
    if Child::is_me() {
        return Child::serve().await;
    }
    let server = start("rapid_resets_end_their_connections", false).await;
    let begin = Instant::now();
    let flood = calls_and_resets(GET_FOLLOW, 1, 20_000);
    let attacker = || async {
        let mut connections = 0;
        while begin.elapsed() < Duration::from_secs(3) {
            let mut attacker = RawConnection::open(server.plaintext).await;
            attacker.flood(&flood).await;
            // The word may be lost where the socket is closed while more resets are on their way.
            let word = attacker.goaway().await;
            assert!(matches!(word, None | Some(ENHANCE_YOUR_CALM)), "{word:?}");
            connections += 1;
        }
        connections
    };
    let attack = join_all((0..size() / 25).map(|_| attacker()));
    let ended: Vec<usize> = beside_honest_calls(&server, attack).await;
    println!(
        "{} connections of 20,000 resets ended",
        ended.iter().sum::<usize>()
    );
}

async fn send_too_much(server: &Child, connection: &Connection) {
    let size = MAX_MESSAGE_BYTES + 1;
    let mut bytes = BytesMut::with_capacity(size + 5);
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(size).expect("a length"));
    bytes.put_bytes(0, size);
    let bearer = format!("Bearer {}", server.tokens[1]);
    let body = Body::new(Full::new(Bytes::from(bytes)));
    let status = connection.send(FOLLOW, &[("authorization", &bearer)], body).await;
    refused(&status, Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
}

async fn ask_too_much(server: &Child, connection: &Connection) {
    let request = ListFollowersRequest {
        user_id: i64::try_from(MAX_MESSAGE_BYTES).expect("a size"),
        ..Default::default()
    };
    let answer = soon(connection.graph().list_followers(server.by(8, request))).await;
    refused(
        &answer.expect_err("too large"),
        Code::ResourceExhausted,
        "MESSAGE_TOO_LARGE",
    );
}

// Control: `receive` and `sendable` with twice the limit.
#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_too_large_are_refused_in_both_directions() {
    if Child::is_me() {
        return Child::serve().await;
    }
    let server = start(
        "messages_that_are_too_large_are_refused_in_both_directions",
        false,
    )
    .await;
    let attacker = || async {
        let connection = Connection::open(server.plaintext).await;
        for _ in 0..size() / 20 {
            send_too_much(&server, &connection).await;
            ask_too_much(&server, &connection).await;
        }
    };
    beside_honest_calls(&server, join_all((0..10).map(|_| attacker()))).await;
}

// Control: `drain` without its deadline; it took as long as the calls hung.
#[tokio::test(flavor = "multi_thread")]
async fn with_all_of_it_open_the_process_ends_in_time() {
    if Child::is_me() {
        return Child::serve().await;
    }
    let server = start("with_all_of_it_open_the_process_ends_in_time", true).await;
    let hello = half_a_hello();
    let mut open = join_all((0..size()).map(|_| connect(server.plaintext))).await;
    open.extend(join_all((0..size()).map(|_| say(&hello, server.tls))).await);
    for _ in 0..size() {
        open.push(say(&PREFACE[..7], server.plaintext).await);
    }
    let mut idle = RawConnection::open(server.plaintext).await;
    idle.ping().await;
    let mut unfinished = RawConnection::open(server.plaintext).await;
    unfinished.begin_calls(FOLLOW, &server.tokens[1], 200).await;
    unfinished.ping().await;

    let connection = Connection::open(server.plaintext).await;
    let (mut reader, mut writer) = (connection.graph(), connection.graph());
    let (read, write) = (
        server.by(7, GetFollowRequest::default()),
        server.by(7, FollowRequest::default()),
    );
    tokio::spawn(async move { reader.get_follow(read).await });
    tokio::spawn(async move { writer.follow(write).await });
    let mut health = connection.health();
    let watch = health
        .watch(HealthCheckRequest::default())
        .await
        .expect("it begins");

    let ended = server.terminate().await;
    println!(
        "with {} sockets open it ended after {:?}",
        open.len(),
        ended.after
    );
    // A busy machine takes a while to end a process, too.
    let limit = Child::DRAIN_TIMEOUT + Duration::from_secs(5);
    assert!(ended.after < limit, "{ended:?}");
    drop((open, idle, unfinished, watch));
}
