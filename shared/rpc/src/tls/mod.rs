//! TLS for a server: its certificate, and what its clients must show.

mod files;
mod settings;

use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::time::sleep;

use self::files::Contents;
pub use self::files::{TlsError, TlsFiles, TlsPart};
pub(crate) use self::settings::read;
use crate::connections::Protocols;

/// How often the files are looked at. Kubernetes has swapped them for new ones long before the old ones expire.
pub(crate) const RELOAD_INTERVAL: Duration = Duration::from_secs(2);

/// TLS as the files have it, kept up to date with them.
#[derive(Debug)]
pub(crate) struct Tls {
    files: TlsFiles,
    protocols: Protocols,
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// As the files have it now.
    pub(crate) fn load(files: TlsFiles, protocols: Protocols) -> Result<Self, TlsError> {
        let mut config = files.config(&files.read()?)?;
        config.alpn_protocols = protocols.alpn();
        Ok(Self {
            files,
            protocols,
            config: RwLock::new(Arc::new(config)),
        })
    }

    /// For the next handshake.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the files every `interval`, for ever, and takes over what changed and is good. Connections that are open
    /// stay as they are.
    pub(crate) async fn follow_files(&self, interval: Duration) -> Infallible {
        let mut seen = None;
        loop {
            let files = self.files.clone();
            let read = tokio::task::spawn_blocking(move || files.read()).await;
            if let Some(read) = read.ok().filter(|read| seen.as_ref() != Some(read)) {
                self.take_over(&read);
                seen = Some(read);
            }
            sleep(interval).await;
        }
    }

    /// A certificate and a key that were read while they were swapped do not fit: the next look sees both.
    fn take_over(&self, read: &Result<Contents, TlsError>) {
        let config = match read {
            Ok(contents) => self.files.config(contents),
            Err(error) => Err(error.clone()),
        };
        match config {
            Ok(mut config) => {
                config.alpn_protocols = self.protocols.alpn();
                *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                tracing::info!(certificate = %self.files.certificate.display(), "certificates are loaded");
            }
            Err(error) => {
                tracing::warn!(%error, "new certificates cannot be used; the old ones stay");
            }
        }
    }
}
