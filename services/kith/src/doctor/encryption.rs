//! Whether what goes to the database and back can be read on the way.

use std::net::IpAddr;

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Nullable, Text};
use diesel_async::RunQueryDsl;
use kith_postgres::Connection;

use super::finding::{Finding, Fix};
use super::session::Session;

const CHECK: &str = "encryption";

/// The way of one session.
#[derive(QueryableByName)]
struct Way {
    #[diesel(sql_type = Bool)]
    has_tls: bool,
    /// None by a Unix socket.
    #[diesel(sql_type = Nullable<Text>)]
    from: Option<String>,
}

const QUESTION: &str =
    "SELECT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS has_tls,
    host(inet_client_addr()) AS \"from\"";

impl Way {
    fn can_be_read(&self) -> bool {
        let stays_here = |from: &String| {
            from.parse()
                .is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
        };
        !self.has_tls && self.from.as_ref().is_some_and(|from| !stays_here(from))
    }
}

/// Looks at the way of each session.
pub(super) async fn examine(sessions: &mut [Session]) -> Finding {
    let mut plain = Vec::new();
    for session in sessions {
        let asked = session
            .ask(async |conn: &mut Connection| diesel::sql_query(QUESTION).get_result::<Way>(conn).await)
            .await;
        match asked {
            Ok(way) if way.can_be_read() => plain.push(session.who.variable()),
            Ok(_) => {}
            Err(because) => return Finding::unchecked(CHECK, because),
        }
    }
    judge(&plain)
}

/// `plain` are the variables with the URLs that lead over a network without TLS.
fn judge(plain: &[String]) -> Finding {
    if plain.is_empty() {
        return Finding::ok(CHECK, "nothing goes to the database in plaintext over a network");
    }
    let list = plain.join(", ");
    Finding::warning(CHECK, format!("no TLS over the network by {list}"))
        .why("whoever is on the way reads everybody's data")
        .fix(Fix::advice(format!(
            "add sslmode=verify-full and sslrootcert=/path/of/its/authority.crt to {list}"
        )))
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    #[test]
    fn only_what_leaves_the_machine_needs_tls() {
        let way = |has_tls, from: Option<&str>| Way {
            has_tls,
            from: from.map(str::to_owned),
        };
        assert!(way(false, Some("10.0.0.7")).can_be_read());
        assert!(way(false, Some("2001:db8::1")).can_be_read());
        assert!(!way(true, Some("10.0.0.7")).can_be_read());
        for from in [None, Some("127.0.0.1"), Some("::1"), Some("::ffff:127.0.0.1")] {
            assert!(!way(false, from).can_be_read(), "{from:?}");
        }
        assert_eq!(
            judge(&["KITH_POSTS_DATABASE_URL".to_owned()]).state,
            State::Warning
        );
        assert_eq!(judge(&[]).state, State::Ok);
    }
}
