//! Logging in to the database, and asking it without waiting for ever.

use std::error::Error;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use kith_postgres::{Connection, DatabaseUrl, LoginProblem};
use kith_schema::Role;
use tokio::time::timeout;

use super::finding::{Finding, Fix};
use crate::roles::RoleSettings;

/// How long one question may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A little less, so that nothing is left running in the server.
const STATEMENT_WITHIN: &str = "SET statement_timeout = '4s'";

/// Who logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Owner,
    Service(Role),
}

impl Who {
    /// As findings name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Who::Owner => "owner",
            Who::Service(role) => role.name(),
        }
    }

    /// What its URL is given by.
    pub(super) fn variable(self) -> String {
        match self {
            Who::Owner => "KITH_DATABASE_URL".to_owned(),
            Who::Service(role) => RoleSettings::variable(role),
        }
    }
}

/// A login that succeeded.
pub(super) struct Session {
    pub(super) who: Who,
    pub(super) url: DatabaseUrl,
    conn: Connection,
    /// Whether an answer stayed out: whatever is asked next would wait behind it.
    is_silent: bool,
}

impl Session {
    /// Logs in as `who`.
    pub(super) async fn open(who: Who, url: DatabaseUrl) -> Result<Self, LoginProblem> {
        let conn = url.connect().await.map_err(|error| LoginProblem::of(&error))?;
        let mut session = Self {
            who,
            url,
            conn,
            is_silent: false,
        };
        if who == Who::Owner {
            // Roles of services have a limit of their own, which is looked at. Whether this is heard, the next question shows.
            let _ = session
                .ask(async |conn: &mut Connection| conn.batch_execute(STATEMENT_WITHIN).await)
                .await;
        }
        Ok(session)
    }

    /// Asks something, for a while. The error says why there is no answer.
    pub(super) async fn ask<T, E: Error + 'static>(
        &mut self,
        question: impl AsyncFnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, String> {
        if self.is_silent {
            return Err("the database has stopped answering".to_owned());
        }
        match self.within(question).await {
            Some(answer) => answer.map_err(|error| kith_primitives::chain(&error)),
            None => {
                self.is_silent = true;
                let seconds = ANSWER_WITHIN.as_secs();
                Err(format!("the database did not answer within {seconds} s"))
            }
        }
    }

    async fn within<T>(&mut self, question: impl AsyncFnOnce(&mut Connection) -> T) -> Option<T> {
        timeout(ANSWER_WITHIN, question(&mut self.conn)).await.ok()
    }
}

/// What to say of a login that failed.
pub(super) fn refused(who: Who, url: &DatabaseUrl, roles: &RoleSettings, problem: &LoginProblem) -> Finding {
    let variable = who.variable();
    if let (Who::Service(role), LoginProblem::Password(text)) = (who, problem)
        && !roles.is_given(role)
    {
        return unknown_password(role, url, text);
    }
    let (seen, fix) = match problem {
        LoginProblem::Name(text) => (
            format!("the name of the host in {url} leads nowhere ({text})"),
            Fix::advice(format!(
                "name the right host in {variable}, or mend the name's resolution"
            )),
        ),
        LoginProblem::Unreachable(text) => (
            format!("nobody answers at {url} ({text})"),
            Fix::advice(format!(
                "start PostgreSQL there, let its firewall pass this machine, or name another host and port in {variable}"
            )),
        ),
        LoginProblem::Tls(text) => (
            format!("no TLS with {url} ({text})"),
            Fix::advice(format!(
                "have the server show a good certificate (ssl, ssl_cert_file, ssl_key_file), and name its authority by \
                 sslrootcert in {variable}"
            )),
        ),
        LoginProblem::NotReady(text) => (
            format!("the server at {url} takes nobody in at the moment ({text})"),
            Fix::advice("wait until it has started"),
        ),
        LoginProblem::Full(text) => (
            format!("the server at {url} has no connection left ({text})"),
            Fix::advice(
                "where it says so of a role or a database, raise its CONNECTION LIMIT (ALTER ROLE, ALTER DATABASE); else \
                 raise max_connections and restart PostgreSQL; or have processes take fewer by KITH_POOL_SIZE",
            ),
        ),
        LoginProblem::Password(text) => (
            format!("the password of {url} is refused ({text})"),
            password_fix(who, url),
        ),
        LoginProblem::Role(text) => (
            format!("{url} is not let in ({text})"),
            Fix::advice(format!(
                "where the role is missing, create it with: kith migrate --bootstrap; else let it in by a line of \
                 pg_hba.conf, such as: hostssl {} {} <network of this machine> scram-sha-256",
                url.database().unwrap_or("kith"),
                url.role().unwrap_or("kith_owner")
            )),
        ),
        LoginProblem::Database(text) => {
            let name = url.database().unwrap_or("kith").replace('"', "\"\"");
            (
                format!("{url} names no database that is there ({text})"),
                Fix::sql(
                    "a superuser",
                    format!(
                        "CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';"
                    ),
                )
                .then("run kith migrate --bootstrap"),
            )
        }
        LoginProblem::Right(text) => {
            let name = url.database().unwrap_or("kith").replace('"', "\"\"");
            let role = url.role().unwrap_or("kith_owner").replace('"', "\"\"");
            (
                format!("{url} may not connect ({text})"),
                Fix::sql(
                    "the owner",
                    format!("GRANT CONNECT ON DATABASE \"{name}\" TO \"{role}\";"),
                ),
            )
        }
        LoginProblem::Other(text) => (
            format!("{url} cannot log in ({text})"),
            Fix::advice(format!("see the server's log, and {variable}")),
        ),
    };
    Finding::problem(format!("login of {}", who.name()), seen).fix(fix)
}

/// A service may have a password of its own, which only its URL tells: that the one does not fit that follows from the owner's
/// is no reason to change what services that run log in with.
fn unknown_password(role: Role, url: &DatabaseUrl, text: &str) -> Finding {
    let variable = RoleSettings::variable(role);
    let seen = match url.password() {
        Some(_) => "the password that follows from the owner's is not the role's",
        None => "the owner's URL has no password that the role's could follow from",
    };
    Finding::warning(
        format!("login of {role}"),
        format!("not checked: its URL is not given, and {seen} ({text})"),
    )
    .why("kith up would not start with it")
    .fix(Fix::advice(format!(
        "give the URL that its service has in {variable}"
    )))
}

/// No password is shown, not even as a hash: people paste what they are told into tickets.
fn password_fix(who: Who, url: &DatabaseUrl) -> Fix {
    let variable = who.variable();
    match (who, url.password()) {
        (_, None) => Fix::advice(format!("put the role's password into {variable}")),
        (Who::Service(role), Some(_)) => Fix::advice(format!(
            "put the right password into {variable}, or give the role the one that stands there, as the owner in psql: \\password {role}"
        )),
        (Who::Owner, Some(_)) => Fix::advice(format!("put the right password into {variable}")),
    }
}
