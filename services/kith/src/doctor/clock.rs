//! How far this machine's clock is from the database's, by which all machines can be compared.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::Timestamptz;
use diesel_async::RunQueryDsl;
use kith_postgres::Connection;
use kith_tokens::Verifier;

use super::finding::{Finding, Fix};
use super::session::Session;

const CHECK: &str = "clock";

/// A token is refused whose issuer's clock is further ahead than the verifier allows. Two machines that are each within half
/// of that of the database are within it of each other.
const TOO_MUCH: Duration = Verifier::MAX_CLOCK_SKEW.checked_div(2).expect("not zero");
/// What no machine has that keeps its time by the network.
const MUCH: Duration = Duration::from_secs(1);

/// Compares the clocks.
pub(super) async fn examine(session: &mut Session) -> Finding {
    #[derive(QueryableByName)]
    struct Clock {
        #[diesel(sql_type = Timestamptz)]
        now: DateTime<Utc>,
    }
    let ask = async |conn: &mut Connection| {
        // The first question of its kind takes another round trip, in which the types are looked up.
        for last in [false, true] {
            let before = SystemTime::now();
            let Clock { now } = diesel::sql_query("SELECT clock_timestamp() AS now")
                .get_result(conn)
                .await?;
            if last {
                return Ok((before, now, SystemTime::now()));
            }
        }
        Err(diesel::result::Error::NotFound)
    };
    match session.ask(ask).await {
        Ok((before, database, after)) => judge(skew(before, database.into(), after)),
        Err(because) => Finding::unchecked(CHECK, because),
    }
}

/// How far the database's clock is from ours at the least, and whether it is ahead. The database looked at its clock at some
/// moment between our `before` and `after`.
fn skew(before: SystemTime, database: SystemTime, after: SystemTime) -> (Duration, bool) {
    let later = |a: SystemTime, b: SystemTime| a.duration_since(b).unwrap_or_default();
    let (ahead, behind) = (later(database, after), later(before, database));
    (ahead.max(behind), ahead > behind)
}

fn judge((skew, is_ahead): (Duration, bool)) -> Finding {
    if skew <= MUCH {
        return Finding::ok(
            CHECK,
            format!("within {:.1} s of the database's", skew.as_secs_f64().max(0.1)),
        );
    }
    let direction = if is_ahead { "behind" } else { "ahead of" };
    let seen = format!("{:.1} s {direction} the database's", skew.as_secs_f64());
    let finding = if skew > TOO_MUCH {
        Finding::problem(CHECK, seen)
            .why("fresh tokens may be refused as not yet valid, and live ones as expired")
    } else {
        Finding::warning(CHECK, seen).why("beyond 2.5 s, fresh tokens may be refused")
    };
    finding.fix(Fix::command("timedatectl set-ntp true").then("look at the database's machine too"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + millis)
    }

    #[test]
    fn the_time_that_the_question_took_is_no_skew() {
        for database in [1000, 3000, 9000] {
            assert_eq!(
                skew(at(1000), at(database), at(9000)).0,
                Duration::ZERO,
                "{database}"
            );
        }
        assert_eq!(
            skew(at(1000), at(900), at(9000)),
            (Duration::from_millis(100), false)
        );
        assert_eq!(
            skew(at(1000), at(9300), at(9000)),
            (Duration::from_millis(300), true)
        );
    }

    #[test]
    fn the_bounds_follow_from_what_verifiers_allow() {
        let state = |millis| judge((Duration::from_millis(millis), true)).state;
        use super::super::finding::State;
        assert_eq!(state(1000), State::Ok);
        assert_eq!(state(1001), State::Warning);
        assert_eq!(state(2500), State::Warning);
        assert_eq!(state(2501), State::Problem);
    }
}
