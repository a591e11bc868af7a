//! The certificates that a server shows, and those that its calls rest on.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kith_client::TlsFiles as ClientTls;
use kith_rpc::{TlsError, TlsFiles, TlsPart};
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

use super::finding::{Finding, Fix, State};

const SERVER: &str = "server certificate";
const AUTHORITY: &str = "server's authority";
const CLIENT: &str = "client certificate";
const CLIENTS: &str = "authorities of clients";

/// What is left of a certificate when it is time for another. Those that are renewed by themselves are, by then.
const SOON: Duration = Duration::from_secs(30 * 24 * 3600);

/// The certificate of a server. `name` is what its callers know it by, where that is known.
pub(super) fn server(files: &TlsFiles, authorities: Option<&Path>, name: Option<&str>) -> Vec<Finding> {
    if let Err(TlsError { path, problem, part }) = files.check() {
        let finding = Finding::problem(SERVER, format!("{} {problem}", path.display()));
        let fix = match part {
            TlsPart::ClientCa => format!(
                "put the certificates of the authorities whose clients are let in into {}",
                path.display()
            ),
            TlsPart::Certificate | TlsPart::Key => format!(
                "put a good certificate and its key into {} and {}; a server that runs takes them within seconds",
                files.certificate.display(),
                files.key.display()
            ),
        };
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
    let mut findings = lifetimes(SERVER, &files.certificate, &chain, Use::Shown);
    if let Some(authorities) = &files.client_ca {
        findings.extend(of_file(CLIENTS, authorities, Use::Trusted));
    }
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
    let named = [
        ("trusted authorities", &files.ca, Use::Trusted),
        (CLIENT, &files.certificate, Use::Shown),
    ];
    named
        .into_iter()
        .filter_map(|(check, file, role)| Some(of_file(check, file.as_deref()?, role)))
        .flatten()
        .collect()
}

fn of_file(check: &str, file: &Path, role: Use) -> Vec<Finding> {
    match chain(file) {
        Ok(chain) => lifetimes(check, file, &chain, role),
        Err(problem) => vec![Finding::unchecked(check, problem)],
    }
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

/// What a certificate is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// Shown as one's own: whoever is to believe it looks at its time.
    Shown,
    /// Stands between that and the authority. It is looked at like it, but no more than a warning where it is an authority itself: at the end of a chain, nobody needs it.
    Above,
    /// Trusted as it stands. Kith's TLS does not look at the time of such a one; other programs do.
    Trusted,
}

/// Whether each certificate of the file is of use today, and for how long: a finding for each that is not, or one.
fn lifetimes(check: &str, file: &Path, chain: &[CertificateDer<'_>], role: Use) -> Vec<Finding> {
    let mut findings: Vec<_> = chain
        .iter()
        .enumerate()
        .map(|(index, certificate)| {
            let place = match index {
                0 => file.display().to_string(),
                _ => format!("certificate {} of {}", index + 1, file.display()),
            };
            let role = if index > 0 && role == Use::Shown {
                Use::Above
            } else {
                role
            };
            lifetime(check, &place, certificate, role)
        })
        .collect();
    if findings.iter().all(|finding| finding.state == State::Ok) {
        findings.truncate(1);
    } else {
        findings.retain(|finding| finding.state != State::Ok);
    }
    findings
}

fn lifetime(check: &str, place: &str, certificate: &CertificateDer<'_>, role: Use) -> Finding {
    let read = match Certificate::from_der(certificate) {
        Ok(read) => read.tbs_certificate,
        Err(error) => return Finding::problem(check, format!("{place} cannot be read: {error}")),
    };
    let names = names(&read);
    let (begin, end) = (read.validity.not_before, read.validity.not_after);
    let now = SystemTime::now();
    let is_trusted = role == Use::Trusted || role == Use::Above && read.issuer == read.subject;
    let bad = |seen: String, why: &'static str| {
        if is_trusted {
            Finding::warning(check, seen).why(
                "Kith does not look at the time of an authority that it trusts, but other programs refuse it",
            )
        } else {
            Finding::problem(check, seen).why(why)
        }
    };
    let renew = || Fix::advice(format!("put a newer certificate in the place of {place}"));
    if begin.to_system_time() > now {
        let fix =
            format!("wait, set this machine's clock, or put another certificate in the place of {place}");
        return bad(
            format!("{place} is not good before {begin}"),
            "nobody believes it before",
        )
        .fix(Fix::advice(fix));
    }
    let left = end.to_system_time().duration_since(now).unwrap_or_default();
    if left.is_zero() {
        bad(format!("{place} expired at {end}"), "nobody believes it any more").fix(renew())
    } else if left < SOON {
        let days = left.as_secs() / (24 * 3600);
        let why = if is_trusted {
            "Kith does not look at the time of an authority that it trusts, but other programs will refuse it"
        } else {
            "then nobody believes it any more"
        };
        Finding::warning(check, format!("{place} expires at {end}, in {days} days"))
            .why(why)
            .fix(renew())
    } else {
        Finding::ok(check, format!("{place} is good until {end}{names}"))
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
