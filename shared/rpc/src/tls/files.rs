//! The files that TLS is made of, and what may be wrong with them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{Error, RootCertStore, ServerConfig};
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// The files that TLS is made of, all PEM. They may change while the server runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, first, and those between it and its authority.
    pub certificate: PathBuf,
    /// The private key of that certificate.
    pub key: PathBuf,
    /// The authorities whose clients are let in; without them, clients need no certificate.
    pub client_ca: Option<PathBuf>,
}

/// What one of [`TlsFiles`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsPart {
    /// [`TlsFiles::certificate`].
    Certificate,
    /// [`TlsFiles::key`].
    Key,
    /// [`TlsFiles::client_ca`].
    ClientCa,
}

/// A file that TLS cannot be made of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} {problem}", .path.display())]
pub struct TlsError {
    /// What it is for.
    pub part: TlsPart,
    /// Where it is.
    pub path: PathBuf,
    /// What is wrong with it, as the end of a sentence that begins with it.
    pub problem: String,
}

impl TlsFiles {
    /// Whether TLS can be made of what the files hold now.
    ///
    /// # Errors
    /// The first mistake: a file that cannot be read, is not PEM or lacks what it is for; a certificate that has expired;
    /// a key of another certificate.
    pub fn check(&self) -> Result<(), TlsError> {
        self.config(&self.read()?).map(drop)
    }

    pub(super) fn read(&self) -> Result<Contents, TlsError> {
        let read = |part, path: &Path| {
            let problem = |error: io::Error| format!("cannot be read: {error}");
            std::fs::read(path).map_err(|error| self.mistake(part, problem(error)))
        };
        Ok(Contents {
            certificate: read(TlsPart::Certificate, &self.certificate)?,
            key: read(TlsPart::Key, &self.key)?,
            client_ca: match &self.client_ca {
                Some(path) => Some(read(TlsPart::ClientCa, path)?),
                None => None,
            },
        })
    }

    /// What the server needs of what was read.
    pub(super) fn config(&self, contents: &Contents) -> Result<ServerConfig, TlsError> {
        let chain = self.certificates(TlsPart::Certificate, &contents.certificate)?;
        if let Some(own) = chain.first() {
            self.in_time(own)?;
        }
        let key = PrivateKeyDer::from_pem_slice(&contents.key)
            .map_err(|error| self.mistake(TlsPart::Key, format!("has no private key in PEM: {error}")))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| self.unusable(&error))?;
        let builder = match &contents.client_ca {
            None => builder.with_no_client_auth(),
            Some(pem) => builder.with_client_cert_verifier(self.client_verifier(pem, provider)?),
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| self.unusable(&error))?;
        if self.client_ca.is_some() {
            // A session that is resumed lets its client in without a look at the certificate, which may have expired.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(config)
    }

    fn certificates(&self, part: TlsPart, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        match chain {
            Ok(chain) if chain.is_empty() => Err(self.mistake(part, "has no certificate in PEM".to_owned())),
            Ok(chain) => Ok(chain),
            Err(error) => Err(self.mistake(part, format!("is not PEM: {error}"))),
        }
    }

    /// rustls leaves this to clients, which refuse an expired certificate one after the other.
    fn in_time(&self, certificate: &CertificateDer<'_>) -> Result<(), TlsError> {
        let mistake = |problem| self.mistake(TlsPart::Certificate, problem);
        let certificate = Certificate::from_der(certificate)
            .map_err(|error| mistake(format!("has a certificate that cannot be read: {error}")))?;
        let end = certificate.tbs_certificate.validity.not_after;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        if end.to_unix_duration() <= now {
            return Err(mistake(format!("has a certificate that expired at {end}")));
        }
        Ok(())
    }

    fn client_verifier(
        &self,
        pem: &[u8],
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let mistake = |problem| self.mistake(TlsPart::ClientCa, problem);
        let mut authorities = RootCertStore::empty();
        for certificate in self.certificates(TlsPart::ClientCa, pem)? {
            authorities
                .add(certificate)
                .map_err(|error| mistake(format!("has a certificate that cannot be read: {error}")))?;
        }
        WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider)
            .build()
            .map_err(|error| mistake(format!("has no authority of use: {error}")))
    }

    /// What rustls makes of certificate and key together.
    fn unusable(&self, error: &Error) -> TlsError {
        match error {
            Error::InconsistentKeys(_) => {
                let certificate = self.certificate.display();
                let problem = format!("has another key than that of the certificate in {certificate}");
                self.mistake(TlsPart::Key, problem)
            }
            Error::InvalidCertificate(_) => {
                let problem = format!("has a certificate that cannot be used: {error}");
                self.mistake(TlsPart::Certificate, problem)
            }
            _ => self.mistake(TlsPart::Key, format!("has a key that cannot be used: {error}")),
        }
    }

    fn mistake(&self, part: TlsPart, problem: String) -> TlsError {
        let path = match part {
            TlsPart::Certificate => Some(&self.certificate),
            TlsPart::Key => Some(&self.key),
            TlsPart::ClientCa => self.client_ca.as_ref(),
        };
        TlsError {
            part,
            path: path.cloned().unwrap_or_default(),
            problem,
        }
    }
}

/// What the files held at one moment.
#[derive(PartialEq, Eq)]
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}
