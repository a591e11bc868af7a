//! Whom a channel believes, and what it shows of itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kith_client::{Builder, ClientError, TlsFiles};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tonic::Code;

use crate::harness::{FakeServer, Reply, read, soon};

/// An authority, and a folder for the files of a client.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let folder = std::env::temp_dir().join(format!("kith-client-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).expect("an authority"),
            folder,
        }
    }

    fn file(&self, name: &str, pem: &str) -> PathBuf {
        let file = self.folder.join(name);
        fs::write(&file, pem).expect("a file");
        file
    }

    fn trusting(&self) -> TlsFiles {
        TlsFiles {
            ca: Some(self.file("ca.pem", &self.issuer.pem())),
            ..TlsFiles::default()
        }
    }

    /// Files with a certificate of this authority, for a client that trusts it too.
    fn certified(&self) -> TlsFiles {
        let (certificate, key) = self.issue("client.test");
        TlsFiles {
            certificate: Some(self.file("client.pem", &certificate.pem())),
            key: Some(self.file("client-key.pem", &key.serialize_pem())),
            ..self.trusting()
        }
    }

    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        (params.signed_by(&key, &self.issuer).expect("a certificate"), key)
    }

    /// A server that has a certificate for `name`, and wants one of its callers if these are named.
    async fn serve(&self, name: &str, callers: Option<&Authority>) -> FakeServer {
        let (certificate, key) = self.issue(name);
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions");
        let builder = match callers {
            None => builder.with_no_client_auth(),
            Some(callers) => {
                let mut roots = RootCertStore::empty();
                roots.add(callers.issuer.der().clone()).expect("an authority");
                let provider = Arc::new(ring::default_provider());
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
        };
        let private = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = builder.with_single_cert(vec![certificate.der().clone()], private);
        let mut config = config.expect("a configuration");
        config.alpn_protocols = vec![b"h2".to_vec()];
        FakeServer::on(([127, 0, 0, 1], 0).into(), Some(config), |_| Reply::Answer).await
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn to(server: &FakeServer) -> Builder {
    Builder::new(format!("https://{}", server.address))
}

async fn refused(builder: Builder) -> String {
    let channel = builder.build().expect("a channel");
    let status = read(&channel).await.expect_err("refused");
    assert_eq!(status.code(), Code::Unavailable);
    status.message().to_owned()
}

// Control: a verifier that believes anybody; the calls of the last two were answered.
#[tokio::test]
async fn a_server_must_have_a_trusted_certificate_for_its_name() {
    let (authority, other) = (Authority::new("trust"), Authority::new("distrust"));
    let server = authority.serve("127.0.0.1", None).await;
    let channel = to(&server).tls(authority.trusting()).build().expect("a channel");
    read(&channel).await.expect("an answer");

    let text = refused(to(&server).tls(other.trusting())).await;
    assert!(text.contains("invalid peer certificate"), "{text}");
    let text = refused(to(&server).tls(authority.trusting()).server_name("other.test")).await;
    assert!(text.contains("not valid for name"), "{text}");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_server_may_have_another_name_than_its_address() {
    let authority = Authority::new("name");
    let server = authority.serve("identity.test", None).await;
    let builder = to(&server).tls(authority.trusting()).server_name("identity.test");
    read(&builder.build().expect("a channel"))
        .await
        .expect("an answer");
}

// Control: `with_no_client_auth` for every channel; the certified one was refused too.
#[tokio::test]
async fn a_client_shows_its_certificate() {
    let authority = Authority::new("mutual");
    let server = authority.serve("127.0.0.1", Some(&authority)).await;
    let channel = to(&server).tls(authority.certified()).build().expect("a channel");
    read(&channel).await.expect("an answer");
    refused(to(&server).tls(authority.trusting())).await;
    assert_eq!(server.count(), 1);
}

// Control: `config` that answers the last good one alone; the new server was not believed.
#[tokio::test]
async fn a_file_that_is_replaced_is_used_for_the_next_connection() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let server = old.serve("127.0.0.1", None).await;
    let files = old.trusting();
    let channel = to(&server).tls(files.clone()).build().expect("a channel");
    read(&channel).await.expect("the old one");
    let ca = files.ca.expect("a file");

    // What cannot be read changes nothing.
    fs::write(&ca, "no certificate").expect("a file");
    server.close_connections();
    soon(async {
        while server.connections() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    read(&channel).await.expect("still the old one");

    fs::write(&ca, new.issuer.pem()).expect("a file");
    server.close_connections();
    soon(async { while read(&channel).await.is_ok() {} }).await;
    assert_eq!(server.connections(), 2);
}

#[test]
fn files_that_cannot_be_used_are_told_at_once() {
    let authority = Authority::new("files");
    let build = |files| Builder::new("https://identity.test").tls(files).build().map(drop);
    let missing = TlsFiles {
        ca: Some("/nowhere/ca.pem".into()),
        ..TlsFiles::default()
    };
    let named = |error: Result<(), ClientError>, name: &Path| match error {
        Err(ClientError::File { file, .. }) => assert_eq!(file, name),
        other => panic!("{other:?}"),
    };
    named(build(missing), Path::new("/nowhere/ca.pem"));
    let empty = authority.file("empty.pem", "");
    let files = TlsFiles {
        ca: Some(empty.clone()),
        ..TlsFiles::default()
    };
    named(build(files), &empty);
    let half = TlsFiles {
        key: None,
        ..authority.certified()
    };
    assert!(matches!(build(half), Err(ClientError::HalfIdentity)));
    let of_another = TlsFiles {
        key: Some(authority.file(
            "other-key.pem",
            &KeyPair::generate().expect("a key").serialize_pem(),
        )),
        ..authority.certified()
    };
    assert!(matches!(build(of_another), Err(ClientError::File { .. })));
}
