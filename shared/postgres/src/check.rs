//! Whether a server is one that Kith runs on.

use diesel::QueryableByName;
use diesel::sql_types::{Integer, Text};
use diesel_async::RunQueryDsl;
use kith_primitives::Failure;

use crate::{Connection, Database, DbError, run};

/// The versions of PostgreSQL that Kith runs on, by their first number.
pub const SUPPORTED_VERSIONS: std::ops::RangeInclusive<i32> = 15..=18;

/// Why a server or database will not do. The text says how to help it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerProblem {
    /// Too old, or too new.
    #[error("PostgreSQL {version} is not supported; use one of the versions 15 to 18")]
    Version {
        /// The server's version in full.
        version: String,
    },
    /// The database cannot hold every text.
    #[error(
        "the encoding of database {database} is {encoding}; create it with \
         CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8'"
    )]
    Encoding {
        /// The database.
        database: String,
        /// Its encoding.
        encoding: String,
    },
    /// Errors could not be told apart by their messages.
    #[error(
        "the server's messages are not in English (lc_messages is {lc_messages}); as a superuser, run \
         ALTER DATABASE {database} SET lc_messages = 'C' and start again"
    )]
    Language {
        /// The database.
        database: String,
        /// What the server speaks now.
        lc_messages: String,
    },
    /// Acknowledged changes could be lost.
    #[error(
        "commits do not wait for the disk (synchronous_commit is off), so a crash would lose what callers were told is \
         done; run ALTER DATABASE {database} SET synchronous_commit = 'on' and start again"
    )]
    Durability {
        /// The database.
        database: String,
    },
}

impl Database {
    /// What keeps Kith from running on this server; nothing, in the good case. A service is not ready before that.
    ///
    /// # Errors
    /// DATABASE_UNAVAILABLE, when it cannot be asked now.
    pub async fn server_problems(&self) -> Result<Vec<ServerProblem>, Failure> {
        self.read(async |conn: &mut Connection| Ok(server_problems(conn).await?))
            .await
    }
}

/// What keeps Kith from running on the server and database of a connection that no pool has.
///
/// # Errors
/// When it cannot be asked now.
pub async fn server_problems(conn: &mut Connection) -> Result<Vec<ServerProblem>, DbError> {
    run("server_language", diesel::sql_query(LANGUAGE).execute(conn)).await?;
    let server: Server = run("server_check", diesel::sql_query(SERVER).get_result(conn)).await?;
    Ok(server.problems())
}

/// Keeps the message of an error, since a server without translations speaks English whatever `lc_messages` says. The
/// error is caught in the server, so that its log stays clean.
const LANGUAGE: &str = "DO $$ BEGIN
        PERFORM 1 / 0;
    EXCEPTION WHEN division_by_zero THEN
        PERFORM set_config('kith.division_by_zero', SQLERRM, false);
    END $$";

const SERVER: &str = "SELECT current_setting('server_version_num')::integer AS version_num,
    current_setting('server_version') AS version,
    quote_ident(current_database()) AS database,
    current_setting('server_encoding') AS encoding,
    current_setting('lc_messages') AS lc_messages,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('kith.division_by_zero') AS division_by_zero";

#[derive(QueryableByName)]
struct Server {
    #[diesel(sql_type = Integer)]
    version_num: i32,
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Text)]
    database: String,
    #[diesel(sql_type = Text)]
    encoding: String,
    #[diesel(sql_type = Text)]
    lc_messages: String,
    #[diesel(sql_type = Text)]
    synchronous_commit: String,
    #[diesel(sql_type = Text)]
    division_by_zero: String,
}

impl Server {
    fn problems(self) -> Vec<ServerProblem> {
        let Self {
            version,
            database,
            encoding,
            lc_messages,
            ..
        } = self;
        let mut problems = Vec::new();
        if !SUPPORTED_VERSIONS.contains(&(self.version_num / 10_000)) {
            problems.push(ServerProblem::Version { version });
        }
        if encoding != "UTF8" {
            problems.push(ServerProblem::Encoding {
                database: database.clone(),
                encoding,
            });
        }
        if self.division_by_zero != "division by zero" {
            problems.push(ServerProblem::Language {
                database: database.clone(),
                lc_messages,
            });
        }
        // All its other values wait for this server's disk at least.
        if self.synchronous_commit == "off" {
            problems.push(ServerProblem::Durability { database });
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(version_num: i32, encoding: &str, division_by_zero: &str) -> Server {
        Server {
            version_num,
            version: "15.4".to_owned(),
            database: "kith".to_owned(),
            encoding: encoding.to_owned(),
            lc_messages: "de_DE.UTF-8".to_owned(),
            synchronous_commit: "on".to_owned(),
            division_by_zero: division_by_zero.to_owned(),
        }
    }

    #[test]
    fn versions_15_to_18_are_supported() {
        for (version_num, supported) in [
            (140_012, false),
            (150_000, true),
            (180_003, true),
            (190_000, false),
        ] {
            let problems = server(version_num, "UTF8", "division by zero").problems();
            assert_eq!(problems.is_empty(), supported);
        }
    }

    #[test]
    fn every_problem_is_reported_with_its_remedy() {
        let problems = server(90_600, "LATIN1", "Division durch Null").problems();
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 3);
        assert!(texts[0].contains("15 to 18"), "{texts:?}");
        assert!(texts[1].contains("ENCODING 'UTF8'"), "{texts:?}");
        assert!(
            texts[2].contains("ALTER DATABASE kith SET lc_messages = 'C'"),
            "{texts:?}"
        );
    }
}
