//! The certificates that a server shows, and those that its calls rest on.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kith_client::TlsFiles as ClientTls;
use kith_rpc::{TlsError, TlsFiles};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::finding::{Finding, Fix};

const SERVER: &str = "server certificate";
const AUTHORITY: &str = "server's authority";
const CLIENT: &str = "client certificate";

/// What is left of a certificate when it is time for another. Those that are renewed by themselves are, by then.
const SOON: Duration = Duration::from_secs(30 * 24 * 3600);

/// The certificate of a server. `name` is what its callers know it by, where that is known.
pub(super) fn server(files: &TlsFiles, authorities: Option<&Path>, name: Option<&str>) -> Vec<Finding> {
    if let Err(TlsError { path, problem, .. }) = files.check() {
        let finding = Finding::problem(SERVER, format!("{} {problem}", path.display()));
        let fix = format!(
            "put a good certificate and its key into {} and {}; a server that runs takes them within seconds",
            files.certificate.display(),
            files.key.display()
        );
        return vec![
            finding
                .why("no server starts with it, and clients refuse what has expired")
                .fix(Fix::advice(fix)),
        ];
    }
    let chain = match chain(&files.certificate) {
        Ok(chain) => chain,
        Err(problem) => return vec![Finding::unchecked(SERVER, problem)],
    };
    let mut findings = vec![lifetime(SERVER, &files.certificate, &chain[0])];
    if let Some(authorities) = authorities {
        findings.push(vouched_for(&chain, authorities, name));
    }
    findings
}

/// What is shown to services that are called, and who vouches for them.
pub(super) fn client(files: &ClientTls) -> Vec<Finding> {
    if *files == ClientTls::default() {
        return Vec::new();
    }
    if let Err(error) = files.check() {
        let finding = Finding::problem(CLIENT, kith_primitives::chain(&error));
        let fix = "mend KITH_SERVER_CA_FILE, KITH_CLIENT_CERTIFICATE_FILE and KITH_CLIENT_KEY_FILE";
        return vec![
            finding
                .why("a service does not start with it")
                .fix(Fix::advice(fix)),
        ];
    }
    let named = [("trusted authorities", &files.ca), (CLIENT, &files.certificate)];
    let examine = |(check, file): (&str, &Option<_>)| {
        let file: &std::path::PathBuf = file.as_ref()?;
        Some(match chain(file) {
            Ok(chain) => lifetime(check, file, &chain[0]),
            Err(problem) => Finding::unchecked(check, problem),
        })
    };
    named.into_iter().filter_map(examine).collect()
}

/// The certificates of a file, at least one.
fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(format!("{} has no certificate", file.display())),
        Err(error) => Err(format!("{} is not PEM: {error}", file.display())),
    }
}

/// Whether the certificate is of use today, and for how long.
fn lifetime(check: &str, file: &Path, certificate: &CertificateDer<'_>) -> Finding {
    let path = file.display();
    let read = match Certificate::from_der(certificate) {
        Ok(read) => read.tbs_certificate,
        Err(error) => return Finding::problem(check, format!("{path} cannot be read: {error}")),
    };
    let names = names(&read);
    let (begin, end) = (read.validity.not_before, read.validity.not_after);
    let now = SystemTime::now();
    let renew = || Fix::advice(format!("put a newer certificate into {path}"));
    if begin.to_system_time() > now {
        return Finding::problem(check, format!("{path} is not good before {begin}"))
            .why("nobody believes it before")
            .fix(Fix::advice(format!(
                "wait, set this machine's clock, or put another certificate into {path}"
            )));
    }
    let left = end.to_system_time().duration_since(now).unwrap_or_default();
    if left.is_zero() {
        Finding::problem(check, format!("{path} expired at {end}"))
            .why("nobody believes it any more")
            .fix(renew())
    } else if left < SOON {
        let days = left.as_secs() / (24 * 3600);
        Finding::warning(check, format!("{path} expires at {end}, in {days} days"))
            .why("then nobody believes it any more")
            .fix(renew())
    } else {
        Finding::ok(check, format!("{path} is good until {end}{names}"))
    }
}

/// ` for a, b`, the names that it is for; nothing where it has none.
fn names(certificate: &x509_cert::TbsCertificate) -> String {
    let names: Vec<_> = match certificate.get::<SubjectAltName>() {
        Ok(Some((_, SubjectAltName(names)))) => names.iter().filter_map(name_of).collect(),
        _ => Vec::new(),
    };
    if names.is_empty() {
        String::new()
    } else {
        format!(", for {}", names.join(", "))
    }
}

fn name_of(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => match bytes.as_bytes() {
            bytes if bytes.len() == 4 => <[u8; 4]>::try_from(bytes)
                .ok()
                .map(|ip| std::net::Ipv4Addr::from(ip).to_string()),
            bytes => <[u8; 16]>::try_from(bytes)
                .ok()
                .map(|ip| std::net::Ipv6Addr::from(ip).to_string()),
        },
        _ => None,
    }
}

/// Whether clients that trust `authorities` believe the chain, under `name` where that is known.
fn vouched_for(chain: &[CertificateDer<'_>], authorities: &Path, name: Option<&str>) -> Finding {
    let path = authorities.display();
    match verify(chain, authorities, name) {
        Ok(()) => {
            let name = name.map_or_else(String::new, |name| format!(" for {name}"));
            Finding::ok(AUTHORITY, format!("{path} vouches for the server's certificate{name}"))
        }
        Err(problem) => Finding::problem(AUTHORITY, format!("clients that trust {path} refuse the server: {problem}"))
            .why("services that call it would be refused by their own TLS")
            .fix(Fix::advice(format!(
                "put the authority of the server's certificate into {path} (KITH_SERVER_CA_FILE), and what lies between \
                 both into the server's file; have the certificate made for the name in KITH_IDENTITY_URL"
            ))),
    }
}

fn verify(chain: &[CertificateDer<'_>], authorities: &Path, name: Option<&str>) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for certificate in self::chain(authorities)? {
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| error.to_string())?;
    // Of a name that nobody has: the chain is looked at first.
    let wanted =
        ServerName::try_from(name.unwrap_or("kith.invalid").to_owned()).map_err(|error| error.to_string())?;
    let verdict = verifier.verify_server_cert(&chain[0], &chain[1..], &wanted, &[], UnixTime::now());
    match verdict {
        Ok(_) => Ok(()),
        Err(rustls::Error::InvalidCertificate(
            rustls::CertificateError::NotValidForName
            | rustls::CertificateError::NotValidForNameContext { .. },
        )) if name.is_none() => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
