//! TLS to the database, by every mode of `sslmode`.

use std::path::PathBuf;
use std::sync::Arc;

use kith_postgres::{Connection, Database, DatabaseUrl, PoolSettings};
use kith_primitives::Failure;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::proxy::server;
use crate::scene::{backend, parse};

/// A server with TLS in front of the shared one, and its authority in a file.
struct Encrypted {
    port: u16,
    authority: PathBuf,
}

impl Encrypted {
    /// With a certificate for this name.
    async fn start(name: &str) -> Self {
        let (config, authority) = certificate(name);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(decrypt(client, acceptor.clone()));
            }
        });
        Self { port, authority }
    }

    fn url(&self, parameters: &str) -> DatabaseUrl {
        parse(&format!(
            "postgres://postgres@localhost:{}/postgres?{parameters}",
            self.port
        ))
    }

    fn url_with_authority(&self, mode: &str) -> DatabaseUrl {
        self.url(&format!(
            "sslmode={mode}&sslrootcert={}",
            self.authority.display()
        ))
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.authority);
    }
}

fn certificate(name: &str) -> (ServerConfig, PathBuf) {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
    let certificate = params.signed_by(&key, &authority).expect("a certificate");
    let file = std::env::temp_dir().join(format!("kith-{:016x}.pem", rand::random::<u64>()));
    std::fs::write(&file, authority.pem()).expect("a file");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .expect("a pair");
    (config, file)
}

/// Answers the client's request for TLS with yes, and passes on what it then says.
async fn decrypt(mut client: TcpStream, acceptor: TlsAcceptor) {
    let mut request = [0; 8];
    if client.read_exact(&mut request).await.is_err() || request[4..] != 80_877_103_u32.to_be_bytes() {
        return;
    }
    let _ = client.write_all(b"S").await;
    if let Ok(mut client) = acceptor.accept(client).await {
        let _ = copy_bidirectional(&mut client, &mut server().await).await;
    }
}

/// A server without TLS.
async fn start_plain() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server().await).await });
        }
    });
    port
}

async fn connect(url: &DatabaseUrl) -> Result<i64, Failure> {
    let database = Database::new(url, &PoolSettings::default());
    database
        .read(async |conn: &mut Connection| Ok(backend(conn).await?))
        .await
}

/// The whole chain of causes.
fn why(answer: Result<i64, Failure>) -> String {
    let failure = answer.expect_err("a refusal");
    let first = failure.cause().map(|cause| cause as &dyn std::error::Error);
    let causes = std::iter::successors(first, |cause| cause.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn without_an_authority_any_certificate_encrypts() {
    let encrypted = Encrypted::start("somebody.example").await;
    for mode in ["prefer", "require"] {
        connect(&encrypted.url(&format!("sslmode={mode}")))
            .await
            .expect(mode);
    }
}

#[tokio::test]
async fn the_right_certificate_is_accepted_by_every_mode() {
    let encrypted = Encrypted::start("localhost").await;
    for mode in ["prefer", "require", "verify-ca", "verify-full"] {
        connect(&encrypted.url_with_authority(mode)).await.expect(mode);
    }
}

#[tokio::test]
async fn another_name_is_refused_by_verify_full_alone() {
    let encrypted = Encrypted::start("somebody.example").await;
    connect(&encrypted.url_with_authority("verify-ca"))
        .await
        .expect("the authority is right");
    let why = why(connect(&encrypted.url_with_authority("verify-full")).await);
    assert!(why.contains("not valid for name"), "{why}");
}

#[tokio::test]
async fn another_authority_is_refused_once_one_is_named() {
    let (encrypted, other) = (
        Encrypted::start("localhost").await,
        Encrypted::start("localhost").await,
    );
    for mode in ["require", "verify-ca", "verify-full"] {
        let url = encrypted.url(&format!(
            "sslmode={mode}&sslrootcert={}",
            other.authority.display()
        ));
        let why = why(connect(&url).await);
        assert!(why.contains("invalid peer certificate"), "{mode}: {why}");
    }
    let why = why(connect(&encrypted.url("sslmode=verify-full&sslrootcert=system")).await);
    assert!(why.contains("UnknownIssuer"), "{why}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_unless_it_is_only_preferred() {
    let port = start_plain().await;
    let url = |mode: &str| {
        parse(&format!(
            "postgres://postgres@localhost:{port}/postgres?sslmode={mode}"
        ))
    };
    connect(&url("disable")).await.expect("plain");
    let why = why(connect(&url("require")).await);
    assert!(why.contains("does not support TLS"), "{why}");
}

#[tokio::test]
async fn a_statement_over_tls_can_be_cancelled() {
    let encrypted = Encrypted::start("localhost").await;
    let database = Database::new(
        &encrypted.url_with_authority("verify-full"),
        &PoolSettings::default(),
    );
    let work = async |conn: &mut Connection| Ok(crate::scene::execute(conn, "SELECT pg_sleep(60)").await?);
    let call = crate::scene::with_deadline(std::time::Duration::from_millis(200), database.write(work));
    let failure = call.await.expect_err("the deadline");
    assert_eq!(failure.reason(), kith_primitives::Reason::DeadlineExceeded);
}
