//! Whom a channel trusts, and who it is itself.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::ClientError;

/// What every gRPC server speaks.
const HTTP_2: &[u8] = b"h2";

/// The files of a channel to an `https://` address, in PEM. They are read again for each new connection, so that
/// certificates can be replaced while a service runs; ones that cannot be used leave the last good ones in use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authorities that may vouch for servers; those that the operating system trusts when there is none.
    pub ca: Option<PathBuf>,
    /// The certificate to show to servers that ask for one, with its chain.
    pub certificate: Option<PathBuf>,
    /// The private key of the certificate.
    pub key: Option<PathBuf>,
}

impl TlsFiles {
    fn are_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether they can be used.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub fn check(&self) -> Result<(), ClientError> {
        if self.are_none() {
            Ok(())
        } else {
            self.config().map(drop)
        }
    }

    fn config(&self) -> Result<ClientConfig, ClientError> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            // Never with the provider above.
            .map_err(|error| file_error(Path::new(""), error))?
            .with_root_certificates(self.roots()?);
        let mut config = match (&self.certificate, &self.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(certificate), Some(key)) => {
                let chain = certificates(certificate)?;
                let private = PrivateKeyDer::from_pem_file(key).map_err(|error| file_error(key, error))?;
                builder
                    .with_client_auth_cert(chain, private)
                    .map_err(|error| file_error(certificate, error))?
            }
            _ => return Err(ClientError::HalfIdentity),
        };
        config.alpn_protocols = vec![HTTP_2.to_vec()];
        Ok(config)
    }

    fn roots(&self) -> Result<RootCertStore, ClientError> {
        let mut store = RootCertStore::empty();
        match &self.ca {
            Some(file) => {
                for certificate in certificates(file)? {
                    store.add(certificate).map_err(|error| file_error(file, error))?;
                }
            }
            // A certificate that cannot be parsed is no reason to trust none of the others.
            None => drop(store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
        }
        if store.is_empty() {
            return Err(ClientError::NoRoots);
        }
        Ok(store)
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| file_error(file, error))?;
    if certificates.is_empty() {
        return Err(file_error(file, "there is no certificate in it"));
    }
    Ok(certificates)
}

fn file_error(file: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ClientError {
    ClientError::File {
        file: file.to_owned(),
        source: source.into(),
    }
}

/// TLS to one service.
#[derive(Debug)]
pub(crate) struct Tls {
    files: TlsFiles,
    name: ServerName<'static>,
    last_good: Mutex<Arc<ClientConfig>>,
}

impl Tls {
    /// To the service whose certificates are for `name`.
    pub(crate) fn new(files: TlsFiles, name: &str) -> Result<Self, ClientError> {
        let config = files.config()?;
        Ok(Self {
            files,
            name: ServerName::try_from(name.to_owned())
                .map_err(|_| ClientError::ServerName(name.to_owned()))?,
            last_good: Mutex::new(Arc::new(config)),
        })
    }

    pub(crate) async fn handshake(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let connector = TlsConnector::from(self.config().await);
        let stream = connector.connect(self.name.clone(), socket).await?;
        if stream.get_ref().1.alpn_protocol() != Some(HTTP_2) {
            return Err(io::Error::other("the server does not speak HTTP/2"));
        }
        Ok(stream)
    }

    async fn config(&self) -> Arc<ClientConfig> {
        if !self.files.are_none() {
            let files = self.files.clone();
            match tokio::task::spawn_blocking(move || files.config()).await {
                Ok(Ok(config)) => {
                    *self.last_good.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                }
                Ok(Err(error)) => {
                    let cause = kith_primitives::chain(&error);
                    tracing::warn!(%cause, "certificates cannot be used; the last good ones stay in use");
                }
                // Only while the runtime ends.
                Err(_) => {}
            }
        }
        Arc::clone(&self.last_good.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
