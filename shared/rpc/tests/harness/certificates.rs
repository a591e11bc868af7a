use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use kith_rpc::TlsFiles;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// Somebody who signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    /// A certificate for `kith.test`.
    pub(crate) fn pair(&self) -> Pair {
        self.pair_until(4000)
    }

    /// One that expires with the beginning of `year`.
    pub(crate) fn pair_until(&self, year: i32) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["kith.test".to_owned()]).expect("parameters");
        params.not_after = date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Clients that trust this authority, and show `own` if they are asked.
    pub(crate) fn client(&self, own: Option<&Pair>) -> Arc<ClientConfig> {
        let mut authorities = RootCertStore::empty();
        authorities.add(self.0.der().clone()).expect("an authority");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(authorities);
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some(pair) => builder
                .with_client_auth_cert(pair.chain(), pair.private_key())
                .expect("a pair"),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Arc::new(config)
    }
}

impl Pair {
    /// The certificate as it goes over the wire.
    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("PEM")]
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("PEM")
    }
}

/// A folder as Kubernetes mounts a secret: the files are links through `..data`, which is swapped for another at once.
pub(crate) struct Mount {
    folder: PathBuf,
    versions: u32,
}

impl Mount {
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let name = format!("kith-mount-{:016x}", rand::random::<u64>());
        let mut mount = Self {
            folder: std::env::temp_dir().join(name),
            versions: 0,
        };
        fs::create_dir(&mount.folder).expect("a folder");
        mount.swap(files);
        for (name, _) in files {
            link(&Path::new("..data").join(name), &mount.path(name)).expect("a link");
        }
        mount
    }

    /// With the files of a server.
    pub(crate) fn of_pair(pair: &Pair) -> Self {
        Self::of(&pair.files())
    }

    /// Puts other contents in the place of all files.
    pub(crate) fn swap(&mut self, files: &[(&str, &str)]) {
        self.versions += 1;
        let version = format!("..{}", self.versions);
        fs::create_dir(self.path(&version)).expect("a folder");
        for (name, contents) in files {
            fs::write(self.path(&version).join(name), contents).expect("a file");
        }
        let new = self.path("..new");
        link(Path::new(&version), &new).expect("a link");
        fs::rename(new, self.path("..data")).expect("the same folder");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The files of a server without mTLS.
    pub(crate) fn tls(&self) -> TlsFiles {
        TlsFiles {
            certificate: self.path("tls.crt"),
            key: self.path("tls.key"),
            client_ca: None,
        }
    }

    /// The same with mTLS.
    pub(crate) fn mutual_tls(&self) -> TlsFiles {
        TlsFiles {
            client_ca: Some(self.path("ca.crt")),
            ..self.tls()
        }
    }
}

impl Pair {
    /// By the names that Kubernetes gives them.
    pub(crate) fn files(&self) -> [(&str, &str); 2] {
        [("tls.crt", &self.certificate), ("tls.key", &self.key)]
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn link(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}
