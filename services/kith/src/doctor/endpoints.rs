//! Where services listen, and where they look for identity.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use kith_client::{Builder, TlsFiles};
use kith_contracts::identity::v1::ListSigningKeysRequest;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_rpc::listen;
use kith_schema::Role;
use tokio::time::timeout;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::finding::{Finding, Fix};
use super::settings::Address;

/// How long a server may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Whether a service can listen where it is told to, or does so already.
pub(super) async fn port(address: &Address) -> Finding {
    let Address {
        role,
        is_admin,
        setting,
        address,
    } = *address;
    let admin = if is_admin { "admin " } else { "" };
    let check = format!("{admin}address of {}", service(role));
    let variable = setting.variable();
    match listen(address) {
        Ok(_) => Finding::ok(check, format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => in_use(check, role, address, &variable).await,
        Err(error) => {
            Finding::problem(check, format!("cannot listen on {address}: {error}")).fix(Fix::advice(format!(
                "name an address of this machine in {variable}, and a port from 1024 on"
            )))
        }
    }
}

/// A service as its settings call it.
fn service(role: Role) -> &'static str {
    match role {
        Role::Identity => "identity",
        Role::SocialGraph => "social-graph",
        Role::Posts => "posts",
        Role::Messaging => "messaging",
    }
}

/// The gRPC service that health knows it by.
fn grpc_service(role: Role) -> &'static str {
    use kith_contracts::{identity, messaging, posts, social_graph};
    match role {
        Role::Identity => identity::v1::identity_service_server::SERVICE_NAME,
        Role::SocialGraph => social_graph::v1::social_graph_service_server::SERVICE_NAME,
        Role::Posts => posts::v1::posts_service_server::SERVICE_NAME,
        Role::Messaging => messaging::v1::messaging_service_server::SERVICE_NAME,
    }
}

async fn in_use(check: String, role: Role, address: SocketAddr, variable: &str) -> Finding {
    let holder = holder(address);
    let text = holder
        .as_ref()
        .map_or_else(|| "another process".to_owned(), Holder::text);
    let up = format!("{address} is served by a Kith that is up already");
    let problem = |seen: String| {
        Finding::problem(check.clone(), seen)
            .why("the service would not start")
            .fix(Fix::advice(format!(
                "stop that process, or name another address in {variable}"
            )))
    };
    match health(role, address).await {
        Some(Health::Serving) => Finding::ok(check, format!("{up}: SERVING")),
        Some(Health::NotServing) => Finding::warning(check, format!("{up}: NOT_SERVING")).fix(Fix::advice(
            "its log, and the other lines here, say what it waits for",
        )),
        Some(Health::OfOthers) => {
            let name = service(role);
            problem(format!(
                "{address} is in use by {text}, whose health knows no {name}"
            ))
        }
        // One with TLS, say.
        None if holder.is_some_and(|holder| may_be(&holder.name, role)) => Finding::ok(
            check,
            format!("{address} is held by a Kith that is up already ({text})"),
        ),
        None => problem(format!("{address} is in use by {text}")),
    }
}

/// Whether a process with the name `comm`, as the kernel has it, may be the service: a `kith up`, or the service's own program.
fn may_be(comm: &str, role: Role) -> bool {
    /// The kernel keeps no more of a name.
    const BYTES: usize = 15;
    let own = format!("kith-{}", service(role));
    comm == "kith" || comm == &own[..own.len().min(BYTES)]
}

/// What is said by the health of whoever listens.
enum Health {
    Serving,
    NotServing,
    /// It knows other services, and not the one that it was asked of.
    OfOthers,
}

/// What the health of a Kith says that listens there without TLS.
async fn health(role: Role, mut address: SocketAddr) -> Option<Health> {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    let channel = kith_client::channel(&format!("http://{address}")).ok()?;
    let question = HealthCheckRequest {
        service: grpc_service(role).to_owned(),
    };
    let mut client = HealthClient::new(channel);
    match timeout(ANSWER_WITHIN, client.check(question)).await.ok()? {
        Ok(answer) => match answer.into_inner().status() {
            ServingStatus::Serving => Some(Health::Serving),
            ServingStatus::NotServing => Some(Health::NotServing),
            ServingStatus::Unknown | ServingStatus::ServiceUnknown => Some(Health::OfOthers),
        },
        Err(status) if status.code() == Code::NotFound => Some(Health::OfOthers),
        Err(_) => None,
    }
}

/// A process that listens.
struct Holder {
    pid: u32,
    name: String,
}

impl Holder {
    fn text(&self) -> String {
        format!("process {} ({})", self.pid, self.name)
    }
}

/// Who listens on `address`, as far as we may see: on Linux, by what the kernel lists.
fn holder(address: SocketAddr) -> Option<Holder> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listeners(&table, address.port()))
        .filter(|(ip, _)| ip.is_unspecified() || address.ip().is_unspecified() || *ip == address.ip())
        .map(|(_, inode)| format!("socket:[{inode}]"))
        .collect();
    if inodes.is_empty() {
        return None;
    }
    let processes = fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|process| {
        let pid = process.file_name().to_str()?.parse().ok()?;
        let is_it = fs::read_dir(process.path().join("fd"))
            .ok()?
            .flatten()
            .any(|descriptor| {
                let target = fs::read_link(descriptor.path()).unwrap_or_default();
                inodes.iter().any(|inode| target == Path::new(inode))
            });
        let name = fs::read_to_string(process.path().join("comm")).ok()?;
        is_it.then(|| Holder {
            pid,
            name: name.trim().to_owned(),
        })
    })
}

/// The addresses and inodes of those who listen on `port`, of a table of the kernel's.
fn listeners(table: &str, port: u16) -> Vec<(IpAddr, String)> {
    const LISTEN: &str = "0A";
    let lines = table.lines().skip(1);
    let parsed = lines.filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (ip, its_port) = fields.get(1)?.split_once(':')?;
        let is_it = u16::from_str_radix(its_port, 16).ok()? == port && *fields.get(3)? == LISTEN;
        is_it.then_some(())?;
        Some((ip_of(ip)?, (*fields.get(9)?).to_owned()))
    });
    parsed.collect()
}

/// An address as the kernel writes it: words of four bytes in the order of this machine, in hexadecimal.
fn ip_of(text: &str) -> Option<IpAddr> {
    let words = text.as_bytes().chunks(8).map(|word| {
        let word = std::str::from_utf8(word).ok()?;
        Some(u32::from_str_radix(word, 16).ok()?.to_ne_bytes())
    });
    let bytes: Vec<u8> = words.collect::<Option<Vec<_>>>()?.concat();
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes)
            .ok()
            .map(|bytes| IpAddr::from(bytes).to_canonical()),
        _ => None,
    }
}

/// Whether identity answers where services would fetch its keys.
pub(super) async fn identity(url: &str, tls: &TlsFiles) -> Finding {
    let check = "identity";
    let channel = match Builder::new(url).tls(tls.clone()).build() {
        Ok(channel) => channel,
        Err(error) => return Finding::unchecked(check, kith_primitives::chain(&error)),
    };
    let mut request = Request::new(ListSigningKeysRequest::default());
    request.set_timeout(ANSWER_WITHIN);
    let answer = timeout(
        2 * ANSWER_WITHIN,
        IdentityServiceClient::new(channel).list_signing_keys(request),
    )
    .await;
    let problem = match answer {
        Ok(Ok(answer)) => {
            let keys = answer.into_inner().keys.len();
            let seen = format!("{url} answers, with {keys} signing keys");
            if keys == 0 {
                return Finding::warning(check, seen)
                    .why("nobody can sign in, and the other services believe no token")
                    .fix(Fix::advice(
                        "see what kith doctor says of identity itself, and identity's log",
                    ));
            }
            return Finding::ok(check, seen);
        }
        Ok(Err(status)) => format!("{:?}: {}", status.code(), status.message()),
        Err(_) => "no answer in time".to_owned(),
    };
    let seen = format!("no keys from {url} ({problem})");
    let why = "the other services say NOT_SERVING until they have its keys";
    // As rustls has it: one that is there and is not believed will not be later either.
    if problem.contains("peer certificate") {
        return Finding::problem(check, seen).why(why).fix(Fix::advice(
            "name the authority of identity's certificate in KITH_SERVER_CA_FILE, and identity by a name of that \
             certificate in KITH_IDENTITY_URL; renew the certificate if it has expired",
        ));
    }
    Finding::warning(check, seen)
        .why(why)
        .fix(Fix::advice("start identity, or name it in KITH_IDENTITY_URL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_the_kernel_cut_is_known_and_another_service_is_not() {
        for (comm, role) in [
            ("kith", Role::Posts),
            ("kith-posts", Role::Posts),
            ("kith-identity", Role::Identity),
            ("kith-social-gra", Role::SocialGraph),
        ] {
            assert!(may_be(comm, role), "{comm}");
        }
        for comm in [
            "kith-identity",
            "kith-post",
            "kith-postsxyz",
            "kithara",
            "postgres",
        ] {
            assert!(!may_be(comm, Role::Posts), "{comm}");
        }
    }

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:C383 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:C383 0100007F:8000 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 20 4 30 10 -1
";

    #[cfg(target_endian = "little")]
    #[test]
    fn those_who_listen_are_found_in_the_kernels_table() {
        let found = listeners(TABLE, 50_051);
        assert_eq!(found, [(Ipv4Addr::LOCALHOST.into(), "4711".to_owned())]);
        assert_eq!(listeners(TABLE, 50_052), []);
        assert_eq!(
            ip_of("00000000000000000000000001000000"),
            Some(Ipv6Addr::LOCALHOST.into())
        );
    }
}
