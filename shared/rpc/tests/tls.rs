//! TLS and mTLS, and certificates that change.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kith_contracts::social_graph::v1::{FollowRequest, GetFollowRequest};
use kith_rpc::{ServerSettings, TlsFiles, TlsPart};
use kith_settings::{Environment, Program, Reader, Setting, Topic, load};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::harness::{Authority, Connection, Mount, Plan, TestServer, line, soon};

async fn with_tls(files: TlsFiles) -> TestServer {
    TestServer::start_with(|options| options.settings.tls = Some(files)).await
}

async fn shake_hands(address: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let socket = TcpStream::connect(address).await?;
    let name = "kith.test".try_into().expect("a name");
    let mut stream = TlsConnector::from(Arc::clone(config))
        .connect(name, socket)
        .await?;
    // In TLS 1.3 a client learns after its own handshake that the server wants none of it. A server speaks first.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
    stream.read_u8().await?;
    Ok(stream)
}

/// What the server shows to new connections.
async fn shown(server: &TestServer, config: &Arc<ClientConfig>) -> Vec<CertificateDer<'static>> {
    let stream = shake_hands(server.address, config).await.expect("a handshake");
    let shown = stream.get_ref().1.peer_certificates().expect("a certificate");
    shown.to_vec()
}

async fn call(server: &TestServer, connection: &Connection) {
    let request = server.by_user(GetFollowRequest::default());
    connection.graph().get_follow(request).await.expect("an answer");
}

#[tokio::test]
async fn calls_go_over_tls() {
    let authority = Authority::new();
    let mount = Mount::of_pair(&authority.pair());
    let server = with_tls(mount.tls()).await;
    let connection = Connection::open_tls(server.address, &authority.client(None)).await;
    call(&server, &connection).await;
    assert_eq!(server.graph.last_seen().peer_address, "127.0.0.1");

    let stream = shake_hands(server.address, &authority.client(None))
        .await
        .expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
}

// Control: `Terms::serve` that speaks plaintext all the same; the preface was answered.
#[tokio::test]
async fn with_tls_nothing_is_said_in_plaintext() {
    let mount = Mount::of_pair(&Authority::new().pair());
    let server = with_tls(mount.tls()).await;
    let mut socket = TcpStream::connect(server.address).await.expect("it listens");
    socket
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .expect("it reads");
    let mut answer = Vec::new();
    // An alert, or nothing.
    let _ = soon(socket.read_to_end(&mut answer)).await;
    assert!(answer.first().is_none_or(|kind| *kind == 21), "{answer:?}");
}

// Control: `config` that asks for no certificate although there is `client_ca`; nobody was sent away.
#[tokio::test]
async fn with_a_client_authority_only_its_clients_are_let_in() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let pair = authority.pair();
    let ca = clients.pem();
    let files = [pair.files().as_slice(), &[("ca.crt", &ca)]].concat();
    let mount = Mount::of(&files);
    let server = with_tls(mount.mutual_tls()).await;

    let known = authority.client(Some(&clients.pair()));
    call(&server, &Connection::open_tls(server.address, &known).await).await;
    let strangers = [None, Some(authority.pair()), Some(clients.pair_until(2020))];
    for stranger in strangers {
        let config = authority.client(stranger.as_ref());
        let refused = soon(shake_hands(server.address, &config)).await;
        assert!(refused.is_err());
    }
}

// Control: `following` that only does its work; the first certificate was shown for ever.
#[tokio::test]
async fn new_certificates_are_shown_while_open_connections_and_their_calls_stay() {
    let authority = Authority::new();
    let (old, new) = (authority.pair(), authority.pair());
    let mut mount = Mount::of_pair(&old);
    let server = with_tls(mount.tls()).await;
    let config = authority.client(None);
    let connection = Connection::open_tls(server.address, &config).await;
    server.graph.plan(Plan::Hang);
    let (mut client, request) = (connection.graph(), server.by_user(FollowRequest::default()));
    let begun = tokio::spawn(async move { client.follow(request).await });
    server.graph.reach(|calls| calls.started == 1).await;
    assert_eq!(shown(&server, &config).await, old.chain());

    mount.swap(&new.files());
    soon(async { while shown(&server, &config).await != new.chain() {} }).await;
    server.graph.plan(Plan::Answer);
    server.graph.release(1);
    soon(begun).await.expect("no panic").expect("its answer");
    call(&server, &connection).await;
}

// Control: `take_over` that takes an authority for granted; strangers were let in.
#[tokio::test]
async fn a_new_client_authority_takes_the_place_of_the_old_one() {
    let (authority, before, after) = (Authority::new(), Authority::new(), Authority::new());
    let pair = authority.pair();
    let (first, second) = (before.pem(), after.pem());
    let mut mount = Mount::of(&[pair.files().as_slice(), &[("ca.crt", &first)]].concat());
    let server = with_tls(mount.mutual_tls()).await;
    let (old, new) = (
        authority.client(Some(&before.pair())),
        authority.client(Some(&after.pair())),
    );
    shown(&server, &old).await;
    mount.swap(&[pair.files().as_slice(), &[("ca.crt", &second)]].concat());
    soon(async { while shake_hands(server.address, &new).await.is_err() {} }).await;
    assert!(soon(shake_hands(server.address, &old)).await.is_err());
}

// Control: `take_over` that has no TLS any more when the new files are broken.
#[tokio::test]
async fn a_broken_pair_is_logged_and_the_old_one_stays() {
    let authority = Authority::new();
    let (old, new) = (authority.pair(), authority.pair());
    let mut mount = Mount::of_pair(&old);
    let server = with_tls(mount.tls()).await;
    let config = authority.client(None);
    assert_eq!(shown(&server, &config).await, old.chain());
    mount.swap(&[("tls.crt", &new.certificate), ("tls.key", &old.key)]);
    let key = mount.path("tls.key").display().to_string();
    line(|line| {
        let text = line.to_string();
        text.contains("new certificates cannot be used") && text.contains(&key)
    })
    .await;
    assert_eq!(shown(&server, &config).await, old.chain());
    mount.swap(&new.files());
    soon(async { while shown(&server, &config).await != new.chain() {} }).await;
}

// Control: `serve` that waits for the handshake without limit; it went on after 30 seconds.
#[tokio::test]
async fn half_a_handshake_ends_after_five_seconds() {
    let authority = Authority::new();
    let mount = Mount::of_pair(&authority.pair());
    let server = with_tls(mount.tls()).await;
    let begin = Instant::now();
    let mut half = TcpStream::connect(server.address).await.expect("it listens");
    half.write_all(&[22, 3, 1]).await.expect("it reads");
    let config = authority.client(None);
    let honest = Connection::open_tls(server.address, &config).await;
    call(&server, &honest).await;
    let end = soon(half.read(&mut [0; 64])).await;
    assert!(end.is_err() || matches!(end, Ok(0)), "{end:?}");
    let took = begin.elapsed();
    assert!(
        took > Duration::from_secs(4) && took < Duration::from_secs(10),
        "{took:?}"
    );
}

// Control: `run_until_cancelled` left out; the end came with the handshake's, after 5 seconds.
#[tokio::test]
async fn half_a_handshake_does_not_hold_the_end() {
    let mount = Mount::of_pair(&Authority::new().pair());
    let server = with_tls(mount.tls()).await;
    let mut half = TcpStream::connect(server.address).await.expect("it listens");
    half.write_all(&[22, 3, 1]).await.expect("it reads");
    let begin = Instant::now();
    server.stop().await;
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
}

/// What is wrong with these contents of `tls.crt`, `tls.key` and `ca.crt`.
fn mistake(certificate: &str, key: &str, ca: &str) -> (TlsPart, String) {
    let mount = Mount::of(&[("tls.crt", certificate), ("tls.key", key), ("ca.crt", ca)]);
    let files = mount.mutual_tls();
    let error = files.check().expect_err("a mistake");
    let path = match error.part {
        TlsPart::Certificate => files.certificate,
        TlsPart::Key => files.key,
        TlsPart::ClientCa => files.client_ca.expect("there is one"),
    };
    assert_eq!(error.to_string(), format!("{} {}", path.display(), error.problem));
    (error.part, error.problem)
}

#[test]
fn what_is_wrong_with_the_files_is_said_of_the_very_one() {
    use TlsPart::{Certificate, ClientCa, Key};

    let authority = Authority::new();
    let (ca, pair, other) = (authority.pem(), authority.pair(), authority.pair());
    let expired = authority.pair_until(2020);
    let cases = [
        (
            mistake(&pair.certificate, &other.key, &ca),
            Key,
            "has another key than that of the certificate in ",
        ),
        (
            mistake(&expired.certificate, &expired.key, &ca),
            Certificate,
            "has a certificate that expired at 2020-01-01",
        ),
        (
            mistake("", &pair.key, &ca),
            Certificate,
            "has no certificate in PEM",
        ),
        (
            mistake(&pair.key, &pair.key, &ca),
            Certificate,
            "has no certificate in PEM",
        ),
        (
            mistake(&pair.certificate, "hunter2", &ca),
            Key,
            "has no private key in PEM",
        ),
        (
            mistake(&pair.certificate, &pair.certificate, &ca),
            Key,
            "has no private key in PEM",
        ),
        (
            mistake(&pair.certificate, &pair.key, "hunter2"),
            ClientCa,
            "has no certificate in PEM",
        ),
    ];
    for ((part, problem), expected_part, expected) in cases {
        assert_eq!(part, expected_part, "{problem}");
        assert!(problem.starts_with(expected), "{problem}");
        assert!(!problem.contains("hunter2"), "{problem}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let mount = Mount::of_pair(&Authority::new().pair());
    let error = mount.mutual_tls().check().expect_err("no authority");
    assert_eq!(error.part, TlsPart::ClientCa);
    assert!(
        error.to_string().contains("ca.crt cannot be read: No such file"),
        "{error}"
    );
    mount.tls().check().expect("all is well without it");
}

const ADDRESS: Setting = Setting::new("address", "where it listens").default("0.0.0.0:1");

/// A service's settings, as far as they matter here.
struct Service(ServerSettings);

impl Topic for Service {
    fn settings() -> Vec<&'static Setting> {
        [vec![&ADDRESS], ServerSettings::settings()].concat()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let server = ServerSettings::read(reader);
        let address = ServerSettings::listen_address(reader, &ADDRESS, server.as_ref());
        address.and(server).map(Self)
    }
}

fn service(variables: &[(&str, &Path)]) -> Result<ServerSettings, Vec<String>> {
    let program = Program {
        name: "demo",
        version: "1",
        about: "",
    };
    let flags = variables
        .iter()
        .flat_map(|(name, path)| [OsString::from(name), path.into()]);
    let arguments = [OsString::from("demo")].into_iter().chain(flags);
    let loaded = load::<Service>(&program, arguments, &Environment::from([]));
    loaded
        .map(|service| service.0)
        .map_err(|error| error.mistakes().iter().map(ToString::to_string).collect())
}

// Control: `listen_address` that looks at `plaintext` alone; it was refused.
#[test]
fn with_tls_any_address_will_do() {
    let mount = Mount::of_pair(&Authority::new().pair());
    let TlsFiles { certificate, key, .. } = mount.tls();
    let settings = service(&[("--tls-certificate-file", &certificate), ("--tls-key-file", &key)]);
    assert_eq!(settings.map(|settings| settings.tls), Ok(Some(mount.tls())));
    let mistakes = service(&[]).expect_err("plaintext");
    assert!(
        mistakes[0].contains("must have TLS by --tls-certificate-file"),
        "{mistakes:?}"
    );
}

#[test]
fn a_mistake_in_a_file_is_told_with_its_setting() {
    let authority = Authority::new();
    let (pair, other) = (authority.pair(), authority.pair());
    let mount = Mount::of(&[("tls.crt", &pair.certificate), ("tls.key", &other.key)]);
    let (certificate, key, none) = (mount.path("tls.crt"), mount.path("tls.key"), mount.path("none"));
    let only = |flags: &[(&str, &Path)]| {
        let mistakes = service(flags).expect_err("a mistake");
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        mistakes[0].clone()
    };
    let missing = "is required where another file of TLS is given";
    assert_eq!(
        only(&[("--tls-certificate-file", &certificate)]),
        format!("--tls-key-file, KITH_TLS_KEY_FILE: {missing}")
    );
    let missing = format!("--tls-certificate-file, KITH_TLS_CERTIFICATE_FILE: {missing}");
    assert_eq!(only(&[("--tls-key-file", &key)]), missing);
    assert_eq!(only(&[("--tls-client-ca-file", &certificate)]), missing);
    let mistake = only(&[("--tls-certificate-file", &certificate), ("--tls-key-file", &key)]);
    let (key, certificate) = (key.display(), certificate.display());
    assert_eq!(
        mistake,
        format!(
            "--tls-key-file, KITH_TLS_KEY_FILE: {key} has another key than that of the certificate in {certificate}"
        )
    );
    let mistake = only(&[("--tls-certificate-file", &none), ("--tls-key-file", &none)]);
    assert!(
        mistake.starts_with("--tls-certificate-file, KITH_TLS_CERTIFICATE_FILE: ")
            && mistake.contains("none cannot be read: No such file"),
        "{mistake}"
    );
}
