//! Where the database is, and who logs in.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use kith_settings::{Reader, Setting};
use kith_telemetry::DatabaseServer;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::session::Connector;
use crate::tls::Trust;
use crate::{Connection, DbError};

/// How long it may take to reach a server outside of a pool, unless the URL says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What may stand unencoded in every part of a URL.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A PostgreSQL URL, as libpq has it: `postgres://role:password@host:5432/database?sslmode=verify-full`.
///
/// A Unix socket's directory is percent-encoded as the host, or given as the parameter `host`. `Debug` and `Display`
/// leave out the password and all parameters, so that it may be logged.
///
/// `sslmode` is one of `disable`, `prefer` (the default), `require`, `verify-ca` and `verify-full`; it has no meaning
/// for Unix sockets. `sslrootcert` names a file of PEM certificates to trust; as in libpq, `require` then means
/// `verify-ca`. With `system` the operating system's certificates are trusted and the name is verified; they are also
/// what `verify-ca` and `verify-full` trust without `sslrootcert`.
#[derive(Clone)]
pub struct DatabaseUrl {
    role: Option<String>,
    password: Option<SecretString>,
    /// Hosts and ports, still percent-encoded.
    authority: String,
    database: Option<String>,
    /// All parameters but role, password and database, decoded.
    parameters: Vec<(String, String)>,
    /// Hosts and parameters as the driver wants them.
    config: Config,
    /// How TLS connections are made, if any are.
    tls: MakeRustlsConnect,
}

/// Why a text is not a URL that Kith can connect to. Its own text never holds the password.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseUrlError {
    /// Neither `postgres://` nor `postgresql://`.
    #[error("must start with postgres:// or postgresql://")]
    Scheme,
    /// There is no default for the host.
    #[error("names no host; a Unix socket's directory is given as postgres:///database?host=/directory")]
    NoHost,
    /// Percent-encoding of something that is no text.
    #[error("is not UTF-8 once it is percent-decoded")]
    Encoding,
    /// A mode that libpq does not have either, or `allow`.
    #[error("sslmode must be disable, prefer, require, verify-ca or verify-full")]
    SslMode,
    /// The certificates to trust cannot be had.
    #[error("cannot trust the certificates of {from}")]
    Certificates {
        /// The file, or the operating system.
        from: String,
        /// What was wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A part that is not understood.
    #[error("{0}")]
    Malformed(String),
}

impl DatabaseUrlError {
    /// What is wrong in constant words, for where the URL is a secret.
    pub const fn problem(&self) -> &'static str {
        match self {
            Self::Scheme => "does not start with postgres:// or postgresql://",
            Self::NoHost => "names no host",
            Self::Encoding => "is not UTF-8 once it is percent-decoded",
            Self::SslMode => "has an sslmode that is not disable, prefer, require, verify-ca or verify-full",
            Self::Certificates { .. } => {
                "asks to trust certificates that cannot be loaded; see its sslrootcert"
            }
            Self::Malformed(_) => "has a port or a parameter that is not understood",
        }
    }
}

impl DatabaseUrl {
    /// Reads a URL from a setting, which is a secret.
    pub fn from_setting(reader: &mut Reader<'_>, setting: &'static Setting) -> Option<Self> {
        reader.secret_with(setting, |url| Self::parse(url).map_err(|error| error.problem()))
    }

    /// Reads a URL, and the file that its `sslrootcert` names.
    ///
    /// # Errors
    /// [`DatabaseUrlError`], which says what is wrong without repeating the URL.
    pub fn parse(url: &str) -> Result<Self, DatabaseUrlError> {
        let rest = ["postgres://", "postgresql://"]
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme));
        let (rest, query) = split(rest.ok_or(DatabaseUrlError::Scheme)?, '?');
        let (rest, database) = split(rest, '/');
        let (login, authority) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (role, password) = split(login, ':');
        let mut parsed = Self {
            role: non_empty(decode(role)?),
            password: non_empty(decode(password)?).map(Into::into),
            authority: authority.to_owned(),
            database: non_empty(decode(database)?),
            parameters: Vec::new(),
            config: Config::new(),
            tls: Trust::Anybody.connector()?,
        };
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = split(parameter, '=');
            parsed.set(&decode(name)?, decode(value)?);
        }
        parsed.config = parsed.hosts()?;
        if parsed.config.get_ssl_mode() != SslMode::Disable {
            parsed.tls = parsed.trust().connector()?;
        }
        Ok(parsed)
    }

    /// The same database, for another role.
    #[must_use]
    pub fn with_role(mut self, role: &str, password: Option<SecretString>) -> Self {
        self.role = Some(role.to_owned());
        self.password = password;
        self
    }

    /// Another database of the same server.
    #[must_use]
    pub fn with_database(mut self, database: &str) -> Self {
        self.database = Some(database.to_owned());
        self
    }

    /// The name that the server's views and logs show for these connections, unless the URL has one.
    #[must_use]
    pub fn with_application_name(mut self, name: &str) -> Self {
        if self.parameter("application_name").is_none() {
            self.set("application_name", name.to_owned());
        }
        self
    }

    /// Logs in once, outside of any pool, for migrations and for tools; services have a
    /// [`Database`](crate::Database).
    ///
    /// # Errors
    /// [`DbError`], when the server is not reached or refuses.
    pub async fn connect(&self) -> Result<Connection, DbError> {
        let session = Connector::new(self, CONNECT_TIMEOUT).connect().await?;
        Ok(session.connection)
    }

    /// Who logs in; `None` for the user that runs the process.
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// The password, if the URL has one.
    pub fn password(&self) -> Option<&SecretString> {
        self.password.as_ref()
    }

    /// The database; `None` for the one that has the role's name.
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// The whole URL, with its password, for another program.
    pub fn expose(&self) -> String {
        let role = self.role.as_deref().map(encode).unwrap_or_default();
        let login = match &self.password {
            Some(password) => format!("{role}:{}@", encode(password.expose_secret())),
            None if role.is_empty() => role,
            None => format!("{role}@"),
        };
        let database = self.database.as_deref().map(encode).unwrap_or_default();
        let query = self.query(|_| true);
        format!("postgres://{login}{}/{database}{query}", self.authority)
    }

    /// The server as spans name it.
    pub(crate) fn server(&self) -> DatabaseServer {
        let address = match self.config.get_hosts() {
            [Host::Tcp(host)] => Some(host.clone()),
            [Host::Unix(directory)] => Some(directory.display().to_string()),
            _ => None,
        };
        let port = self.config.get_ports().first().copied();
        DatabaseServer {
            port: port.filter(|port| address.is_some() && *port != 5432),
            address,
            database: self.database.clone().or_else(|| self.role.clone()),
        }
    }

    /// What the driver connects with.
    pub(crate) fn config(&self) -> Config {
        let mut config = self.config.clone();
        if let Some(role) = &self.role {
            config.user(role);
        }
        if let Some(password) = &self.password {
            config.password(password.expose_secret());
        }
        if let Some(database) = &self.database {
            config.dbname(database);
        }
        if let Some(name) = self.parameter("application_name") {
            config.application_name(name);
        }
        config
    }

    fn hosts(&self) -> Result<Config, DatabaseUrlError> {
        let query = self.query(|name| !matches!(name, "sslmode" | "sslrootcert"));
        let mut config =
            Config::from_str(&format!("postgres://{}/{query}", self.authority)).map_err(malformed)?;
        let (hosts, addresses) = (config.get_hosts(), config.get_hostaddrs());
        if hosts.is_empty() && addresses.is_empty() {
            return Err(DatabaseUrlError::NoHost);
        }
        let sockets_only = addresses.is_empty() && hosts.iter().all(|host| matches!(host, Host::Unix(_)));
        let mode = self.ssl_mode()?;
        config.ssl_mode(if sockets_only { SslMode::Disable } else { mode });
        Ok(config)
    }

    /// How TLS connections are made, if any are.
    pub(crate) fn tls(&self) -> MakeRustlsConnect {
        self.tls.clone()
    }

    fn ssl_mode(&self) -> Result<SslMode, DatabaseUrlError> {
        match self.parameter("sslmode") {
            Some("disable") => Ok(SslMode::Disable),
            None | Some("prefer") => Ok(SslMode::Prefer),
            Some("require" | "verify-ca" | "verify-full") => Ok(SslMode::Require),
            Some(_) => Err(DatabaseUrlError::SslMode),
        }
    }

    fn trust(&self) -> Trust {
        let verify = self
            .parameter("sslmode")
            .filter(|mode| mode.starts_with("verify-"));
        match (verify, self.parameter("sslrootcert")) {
            (Some("verify-full"), None) | (_, Some("system")) => Trust::ChainAndName(None),
            (Some("verify-full"), Some(file)) => Trust::ChainAndName(Some(file.into())),
            (_, Some(file)) => Trust::Chain(Some(file.into())),
            (Some(_), None) => Trust::Chain(None),
            (None, None) => Trust::Anybody,
        }
    }

    fn set(&mut self, name: &str, value: String) {
        match name {
            "user" => self.role = Some(value),
            "password" => self.password = Some(value.into()),
            "dbname" => self.database = Some(value),
            _ => self.parameters.push((name.to_owned(), value)),
        }
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        let mut values = self.parameters.iter().rev().filter(|(key, _)| key == name);
        values.next().map(|(_, value)| value.as_str())
    }

    fn query(&self, keep: impl Fn(&str) -> bool) -> String {
        let kept = self.parameters.iter().filter(|(name, _)| keep(name));
        let pairs: Vec<_> = kept
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        if pairs.is_empty() {
            String::new()
        } else {
            format!("?{}", pairs.join("&"))
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        Self::parse(url)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match &*self.authority {
            "" => self.parameter("host").map(encode).unwrap_or_default(),
            authority => authority.to_owned(),
        };
        let role = self
            .role
            .as_deref()
            .map(|role| encode(role) + "@")
            .unwrap_or_default();
        let database = self.database.as_deref().map(encode).unwrap_or_default();
        write!(f, "postgres://{role}{host}/{database}")
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

fn split(text: &str, at: char) -> (&str, &str) {
    text.split_once(at).unwrap_or((text, ""))
}

fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn decode(text: &str) -> Result<String, DatabaseUrlError> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| DatabaseUrlError::Encoding)
}

/// The driver's errors name the parameter and never its value.
fn malformed(error: tokio_postgres::Error) -> DatabaseUrlError {
    let cause = error
        .into_source()
        .map_or_else(String::new, |cause| cause.to_string());
    DatabaseUrlError::Malformed(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> DatabaseUrl {
        DatabaseUrl::parse(text).expect("a good URL")
    }

    fn refused(text: &str) -> String {
        DatabaseUrl::parse(text).expect_err("a bad URL").to_string()
    }

    #[test]
    fn neither_debug_nor_display_shows_the_password() {
        let url = url("postgres://kith:s3cret@db.example:5433/kith?password=s3cret&options=s3cret");
        assert_eq!(url.to_string(), "postgres://kith@db.example:5433/kith");
        assert!(!format!("{url:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_exposed_is_read_back_as_the_same() {
        let url = url("postgresql://ki%40th:p%3Aw%2F%3F@h1:1,h2:2/d%20b?connect_timeout=3&sslmode=require");
        let again = self::url(&url.expose());
        assert_eq!(again.config(), url.config());
        assert_eq!((again.role(), again.database()), (Some("ki@th"), Some("d b")));
        let nameless = self::url("postgres://:secret@db/kith").expose();
        assert_eq!(nameless, "postgres://:secret@db/kith");
    }

    #[test]
    fn role_and_database_can_be_exchanged() {
        let url = url("postgres://owner:secret@db/postgres")
            .with_role("kith_identity", None)
            .with_database("kith");
        assert_eq!(url.expose(), "postgres://kith_identity@db/kith");
    }

    #[test]
    fn a_unix_socket_needs_no_tls_whatever_the_mode() {
        for text in [
            "postgres://%2Frun%2Fpg/kith?sslmode=require",
            "postgres:///kith?host=/run/pg",
        ] {
            let config = url(text).config();
            assert_eq!(config.get_hosts(), [Host::Unix("/run/pg".into())]);
            assert_eq!(config.get_ssl_mode(), SslMode::Disable);
        }
    }

    #[test]
    fn the_mode_of_tls_is_the_urls() {
        for (mode, expected) in [
            ("disable", SslMode::Disable),
            ("prefer", SslMode::Prefer),
            ("require", SslMode::Require),
        ] {
            let config = url(&format!("postgres://db/kith?sslmode={mode}")).config();
            assert_eq!(config.get_ssl_mode(), expected);
        }
        assert_eq!(url("postgres://db/kith").config().get_ssl_mode(), SslMode::Prefer);
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_reason() {
        assert!(refused("mysql://db/kith").contains("postgres://"));
        assert!(refused("postgres:///kith").contains("names no host"));
        assert!(refused("postgres://db/kith?sslmode=allow").contains("verify-full"));
        assert!(refused("postgres://db/kith?sslkey=x").contains("sslkey"));
        assert!(refused("postgres://db:port/kith").contains("port"));
        assert!(refused("postgres://%FF@db/kith").contains("UTF-8"));
        assert!(
            refused("postgres://db/kith?sslmode=verify-full&sslrootcert=/missing.pem")
                .contains("/missing.pem")
        );
    }

    #[test]
    fn a_name_in_the_url_wins_over_the_programs() {
        let named = url("postgres://db/kith?application_name=mine").with_application_name("kith");
        let unnamed = url("postgres://db/kith").with_application_name("kith");
        assert_eq!(named.config().get_application_name(), Some("mine"));
        assert_eq!(unnamed.config().get_application_name(), Some("kith"));
    }
}
