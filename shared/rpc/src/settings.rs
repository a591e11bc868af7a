//! How a service listens and whom it believes.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use kith_settings::{Reader, Setting, Topic};

use crate::grpc_web::{self, Origins};
use crate::tls::{self, TlsFiles};

const SECOND: Duration = Duration::from_secs(1);

const REFLECTION: Setting = Setting::new(
    "reflection",
    "who may ask a server for its contracts; by default open on loopback, else off",
)
.one_of(&["off", "authenticated", "open"]);
const PLAINTEXT: Setting = Setting::new(
    "plaintext",
    "listen without TLS on an address that is not loopback",
)
.one_of(&["refused", "allowed"])
.default("refused");
const DEFAULT_DEADLINE: Setting = Setting::new("default-deadline", "deadline of calls that bring none")
    .duration(Duration::from_millis(1), Duration::from_secs(3600))
    .default("10s");
const MAX_DEADLINE: Setting = Setting::new(
    "max-deadline",
    "longest deadline; calls that bring a longer one get this",
)
.duration(Duration::from_millis(1), Duration::from_secs(3600))
.default("60s");
const MAX_CONCURRENT_CALLS: Setting = Setting::new(
    "max-concurrent-calls",
    "calls under way at the same time, beyond which more are refused at once",
)
.number(1, 1_000_000)
.default("1024");
const MAX_CONCURRENT_CALLS_PER_CALLER: Setting = Setting::new(
    "max-concurrent-calls-per-caller",
    "as many of them may be of one user, or of one address without token",
)
.number(1, 1_000_000)
.default("256");
const MAX_CONCURRENT_CALLS_PER_SERVICE: Setting = Setting::new(
    "max-concurrent-calls-per-service",
    "as many of them may be of one service, those for its users among them",
)
.number(1, 1_000_000)
.default("768");
const MAX_CONNECTION_AGE: Setting = Setting::new(
    "max-connection-age",
    "the age, give or take 20 %, at which a connection is asked to make room for a new one",
)
.duration(SECOND, Duration::from_secs(24 * 3600))
.default("30m");
const SHUTDOWN_DELAY: Setting = Setting::new(
    "shutdown-delay",
    "how long calls are still taken after health says NOT_SERVING, for load balancers to notice",
)
.duration(Duration::ZERO, Duration::from_secs(60))
.default("0s");
const DRAIN_TIMEOUT: Setting = Setting::new("drain-timeout", "how long calls may take to finish at shutdown")
    .duration(SECOND, Duration::from_secs(300))
    .default("20s");
const TOKEN_ISSUER: Setting = Setting::new(
    "token-issuer",
    "iss of access tokens, the same for all services of a deployment",
)
.value("a text")
.default("kith");
const TOKEN_AUDIENCE: Setting = Setting::new(
    "token-audience",
    "aud of access tokens, the same for all services of a deployment",
)
.value("a text")
.default("kith");

/// Who may ask a server for its contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReflectionMode {
    /// Nobody.
    Off,
    /// Callers with a token.
    Authenticated,
    /// Everybody.
    Open,
}

impl FromStr for ReflectionMode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "off" => Ok(Self::Off),
            "authenticated" => Ok(Self::Authenticated),
            "open" => Ok(Self::Open),
            _ => Err(()),
        }
    }
}

/// How a service serves its port.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Who may ask for the contracts; `None` when the address decides.
    pub reflection: Option<ReflectionMode>,
    /// Whether an address that is not loopback may be served without TLS.
    pub plaintext_allowed: bool,
    /// The files of TLS; `None` for plaintext.
    pub tls: Option<TlsFiles>,
    /// Whose web pages may call by gRPC-Web; `None` when nobody may, and HTTP/1.1 is not spoken at all.
    pub grpc_web_origins: Option<Origins>,
    /// The deadline of calls that bring none.
    pub default_deadline: Duration,
    /// The longest deadline; longer wishes get this one.
    pub max_deadline: Duration,
    /// Calls under way at the same time; more are refused. By default 1,024: with 5 ms for each that is 200,000 a second,
    /// more than the database beneath can do, and with messages of the largest size 4 GiB.
    pub max_concurrent_calls: usize,
    /// How many of them may be of one user, or of one address without token. By default 256, what one connection carries:
    /// a busy caller needs not more, and takes no more than a quarter of the server.
    pub max_concurrent_calls_per_caller: usize,
    /// How many of them may be of one service, those for its users among them. By default 768: a gateway may well be most
    /// of the load, several of its users together do not shut out the others, and it leaves room for other services.
    pub max_concurrent_calls_per_service: usize,
    /// The age, give or take 20 %, at which a connection is asked to go away; what it carries then may end within as much
    /// time again, and no less than the longest deadline. Clients that balance learn of new replicas by that, and a client
    /// whose certificate is not wanted any more loses its connection.
    pub max_connection_age: Duration,
    /// How long calls are still taken after health says NOT_SERVING, for load balancers to notice.
    pub shutdown_delay: Duration,
    /// How long calls may take to finish after that.
    pub drain_timeout: Duration,
}

impl Default for ServerSettings {
    /// What the settings are when nothing is given.
    fn default() -> Self {
        Self {
            reflection: None,
            plaintext_allowed: false,
            tls: None,
            grpc_web_origins: None,
            default_deadline: 10 * SECOND,
            max_deadline: 60 * SECOND,
            max_concurrent_calls: 1024,
            max_concurrent_calls_per_caller: 256,
            max_concurrent_calls_per_service: 768,
            max_connection_age: Duration::from_secs(30 * 60),
            shutdown_delay: Duration::ZERO,
            drain_timeout: 20 * SECOND,
        }
    }
}

impl ServerSettings {
    /// Who may ask a server at `address` for its contracts.
    pub fn reflection_at(&self, address: SocketAddr) -> ReflectionMode {
        let by_address = if address.ip().is_loopback() {
            ReflectionMode::Open
        } else {
            ReflectionMode::Off
        };
        self.reflection.unwrap_or(by_address)
    }

    /// Reads the address that a service listens on, and holds it to what is said of TLS and plaintext.
    pub fn listen_address(
        reader: &mut Reader<'_>,
        setting: &'static Setting,
        server: Option<&Self>,
    ) -> Option<SocketAddr> {
        let problem = "is not loopback, where it must have TLS by --tls-certificate-file and --tls-key-file, or \
                       plaintext must be asked for with --plaintext allowed";
        listen_address(reader, setting, server, problem)
    }
}

/// `problem` is that of an address that others can reach, where there is neither TLS nor a word for plaintext.
fn listen_address(
    reader: &mut Reader<'_>,
    setting: &'static Setting,
    server: Option<&ServerSettings>,
    problem: &str,
) -> Option<SocketAddr> {
    let address: SocketAddr = reader.value(setting)?;
    let is_covered = |server: &ServerSettings| server.tls.is_some() || server.plaintext_allowed;
    if !address.ip().is_loopback() && server.is_some_and(|server| !is_covered(server)) {
        reader.mistake(setting, problem);
        return None;
    }
    Some(address)
}

impl Topic for ServerSettings {
    fn settings() -> Vec<&'static Setting> {
        [PlaintextServerSettings::settings(), TlsFiles::settings()].concat()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let plaintext = PlaintextServerSettings::read(reader);
        let tls = tls::read(reader);
        Some(Self {
            tls: tls?,
            ..plaintext?.0
        })
    }
}

/// [`ServerSettings`] of a program without TLS, whose services call each other on one machine.
#[derive(Clone, Debug)]
pub struct PlaintextServerSettings(pub ServerSettings);

impl PlaintextServerSettings {
    /// Reads the address that a service listens on, and holds it to what is said of plaintext.
    pub fn listen_address(
        reader: &mut Reader<'_>,
        setting: &'static Setting,
        server: Option<&Self>,
    ) -> Option<SocketAddr> {
        let problem = "is not loopback, where plaintext must be asked for with --plaintext allowed";
        listen_address(reader, setting, server.map(|server| &server.0), problem)
    }
}

impl Topic for PlaintextServerSettings {
    fn settings() -> Vec<&'static Setting> {
        vec![
            &REFLECTION,
            &PLAINTEXT,
            grpc_web::setting(),
            &DEFAULT_DEADLINE,
            &MAX_DEADLINE,
            &MAX_CONCURRENT_CALLS,
            &MAX_CONCURRENT_CALLS_PER_CALLER,
            &MAX_CONCURRENT_CALLS_PER_SERVICE,
            &MAX_CONNECTION_AGE,
            &SHUTDOWN_DELAY,
            &DRAIN_TIMEOUT,
        ]
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let reflection = reader.optional(&REFLECTION, Reader::value);
        let plaintext = reader.value::<String>(&PLAINTEXT);
        let grpc_web_origins = grpc_web::read(reader);
        let default_deadline = reader.duration(&DEFAULT_DEADLINE);
        let max_deadline = reader.duration(&MAX_DEADLINE);
        let max_concurrent_calls = reader.number(&MAX_CONCURRENT_CALLS);
        let max_concurrent_calls_per_caller = reader.number(&MAX_CONCURRENT_CALLS_PER_CALLER);
        let max_concurrent_calls_per_service = reader.number(&MAX_CONCURRENT_CALLS_PER_SERVICE);
        let max_connection_age = reader.duration(&MAX_CONNECTION_AGE);
        let shutdown_delay = reader.duration(&SHUTDOWN_DELAY);
        let drain_timeout = reader.duration(&DRAIN_TIMEOUT);
        Some(Self(ServerSettings {
            reflection: reflection?,
            plaintext_allowed: plaintext? == "allowed",
            tls: None,
            grpc_web_origins: grpc_web_origins?,
            default_deadline: default_deadline?,
            max_deadline: max_deadline?,
            max_concurrent_calls: max_concurrent_calls?,
            max_concurrent_calls_per_caller: max_concurrent_calls_per_caller?,
            max_concurrent_calls_per_service: max_concurrent_calls_per_service?,
            max_connection_age: max_connection_age?,
            shutdown_delay: shutdown_delay?,
            drain_timeout: drain_timeout?,
        }))
    }
}

/// What access tokens say of themselves, the same for all services of a deployment.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
}

impl Topic for TokenSettings {
    fn settings() -> Vec<&'static Setting> {
        vec![&TOKEN_ISSUER, &TOKEN_AUDIENCE]
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let issuer = reader.value(&TOKEN_ISSUER);
        let audience = reader.value(&TOKEN_AUDIENCE);
        Some(Self {
            issuer: issuer?,
            audience: audience?,
        })
    }
}

#[cfg(test)]
mod tests {
    use kith_settings::{Environment, Program, load};

    use super::*;

    const ADDRESS: Setting = Setting::new("address", "where it listens")
        .value("an address and port")
        .default("127.0.0.1:50051");
    const PROGRAM: Program = Program {
        name: "demo",
        version: "1",
        about: "",
    };

    /// A service's settings, as far as they matter here.
    struct Service {
        server: ServerSettings,
        address: SocketAddr,
    }

    impl Topic for Service {
        fn settings() -> Vec<&'static Setting> {
            [vec![&ADDRESS], ServerSettings::settings()].concat()
        }

        fn read(reader: &mut Reader<'_>) -> Option<Self> {
            let server = ServerSettings::read(reader);
            let address = ServerSettings::listen_address(reader, &ADDRESS, server.as_ref());
            Some(Self {
                server: server?,
                address: address?,
            })
        }
    }

    fn service(flags: &[&str]) -> Result<Service, Vec<String>> {
        let arguments = ["demo"].iter().chain(flags).map(Into::into);
        load(&PROGRAM, arguments, &Environment::from([]))
            .map_err(|error| error.mistakes().iter().map(ToString::to_string).collect())
    }

    // Control: `listen_address` that answers every address; the first of each pair was taken.
    #[test]
    fn plaintext_beyond_loopback_must_be_asked_for() {
        for address in ["0.0.0.0:1", "10.0.0.1:1", "[::]:1", "[2001:db8::1]:1"] {
            let mistakes = service(&["--address", address]).err().expect("refused");
            assert_eq!(mistakes.len(), 1, "{mistakes:?}");
            assert!(mistakes[0].contains("--plaintext allowed"), "{mistakes:?}");
            let allowed = service(&["--address", address, "--plaintext", "allowed"]);
            assert_eq!(
                allowed.map(|service| service.address.to_string()),
                Ok(address.to_owned())
            );
        }
    }

    #[test]
    fn loopback_needs_no_permission() {
        for address in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1"] {
            assert!(service(&["--address", address]).is_ok(), "{address}");
        }
    }

    #[test]
    fn reflection_is_open_on_loopback_and_off_elsewhere_unless_said_otherwise() {
        let mode = |flags: &[&str], address: &str| {
            let settings = service(flags)
                .unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
                .server;
            settings.reflection_at(address.parse().expect("an address"))
        };
        assert_eq!(mode(&[], "127.0.0.1:1"), ReflectionMode::Open);
        assert_eq!(mode(&[], "[::1]:1"), ReflectionMode::Open);
        assert_eq!(mode(&[], "10.0.0.1:1"), ReflectionMode::Off);
        let authenticated = ["--reflection", "authenticated"];
        assert_eq!(mode(&authenticated, "127.0.0.1:1"), ReflectionMode::Authenticated);
        assert_eq!(
            mode(&["--reflection", "open"], "10.0.0.1:1"),
            ReflectionMode::Open
        );
        assert_eq!(mode(&["--reflection", "off"], "127.0.0.1:1"), ReflectionMode::Off);
    }

    #[test]
    fn the_default_in_code_is_what_is_read_when_nothing_is_given() {
        let settings = service(&[])
            .unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
            .server;
        assert_eq!(
            format!("{settings:?}"),
            format!("{:?}", ServerSettings::default())
        );
    }
}
