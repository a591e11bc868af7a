//! How far a login came, for whoever has to say what to do about it.

use std::error::Error;
use std::io;

use kith_primitives::chain;
use tokio_postgres::error::SqlState;

use crate::DbError;

/// Why nobody was let in, by the step that failed. The texts are the system's or the server's own, and hold no password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginProblem {
    /// No address is known for the host.
    Name(String),
    /// Nobody answers at the address in time, or there is no way to it.
    Unreachable(String),
    /// TLS was asked for and could not be had: none is spoken there, or the certificate is not believed.
    Tls(String),
    /// The server starts, stops or recovers.
    NotReady(String),
    /// All connections are taken.
    Full(String),
    /// Wrong password, or no password where one is asked for; some servers say the same of a role that does not exist.
    Password(String),
    /// The role does not exist, or no line of `pg_hba.conf` lets it in from here.
    Role(String),
    /// There is no such database.
    Database(String),
    /// The role may not connect to the database.
    Right(String),
    /// Anything else.
    Other(String),
}

impl LoginProblem {
    /// What [`DatabaseUrl::connect`](crate::DatabaseUrl::connect) failed of.
    pub fn of(error: &DbError) -> Self {
        let cause = error
            .source()
            .and_then(|source| source.downcast_ref::<tokio_postgres::Error>());
        match cause {
            Some(cause) => Self::of_driver(cause),
            // A login that took too long as a whole.
            None => Self::Unreachable(error.source().map_or_else(|| chain(error), chain)),
        }
    }

    /// Whether it is a matter of the server or database, and the same for every role.
    pub const fn is_of_server(&self) -> bool {
        match self {
            Self::Name(_)
            | Self::Unreachable(_)
            | Self::Tls(_)
            | Self::NotReady(_)
            | Self::Full(_)
            | Self::Database(_) => true,
            Self::Password(_) | Self::Role(_) | Self::Right(_) | Self::Other(_) => false,
        }
    }

    fn of_driver(error: &tokio_postgres::Error) -> Self {
        if let Some(refusal) = error.as_db_error() {
            return Self::of_server(refusal.code(), refusal.message().to_owned());
        }
        let text = error.source().map_or_else(|| chain(error), chain);
        // The driver says of its errors what they are by these texts alone.
        match error.to_string().as_str() {
            "error connecting to server" if is_of_name(error) => Self::Name(text),
            "error connecting to server"
            | "error communicating with the server"
            | "connection closed"
            | "timeout waiting for server" => Self::Unreachable(text),
            "error performing TLS handshake" => Self::Tls(text),
            // The server asks for a password and the URL has none.
            "invalid configuration" => Self::Password(text),
            _ => Self::Other(chain(error)),
        }
    }

    fn of_server(code: &SqlState, text: String) -> Self {
        match *code {
            SqlState::INVALID_PASSWORD => Self::Password(text),
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION => Self::Role(text),
            SqlState::INVALID_CATALOG_NAME => Self::Database(text),
            SqlState::INSUFFICIENT_PRIVILEGE => Self::Right(text),
            SqlState::TOO_MANY_CONNECTIONS => Self::Full(text),
            // Class 57: starting, stopping, recovering.
            _ if code.code().starts_with("57") => Self::NotReady(text),
            _ => Self::Other(text),
        }
    }
}

/// Whether it was the name of the host that led nowhere. The resolver's errors have a text and no kind.
fn is_of_name(error: &tokio_postgres::Error) -> bool {
    let source = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|error| {
        error.raw_os_error().is_none()
            && (error.kind() == io::ErrorKind::InvalidInput || error.to_string().contains("lookup address"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DatabaseUrl;

    async fn problem(url: &str) -> LoginProblem {
        let url = DatabaseUrl::parse(url).expect("a URL");
        let error = url.connect().await.err().expect("nobody is let in");
        LoginProblem::of(&error)
    }

    #[tokio::test]
    async fn a_host_that_has_no_address_and_one_where_nobody_listens_are_told_apart() {
        // RFC 6761 keeps this name from ever having an address.
        let name = problem("postgres://kith@kith.invalid/kith").await;
        assert!(matches!(name, LoginProblem::Name(_)), "{name:?}");
        let refused = problem("postgres://kith@127.0.0.1:1/kith").await;
        assert!(
            matches!(&refused, LoginProblem::Unreachable(text) if text.to_lowercase().contains("refused")),
            "{refused:?}"
        );
        let socket = problem("postgres://kith@%2Fnowhere/kith").await;
        assert!(matches!(socket, LoginProblem::Unreachable(_)), "{socket:?}");
    }
}
