//! Whether the database is there, and migrated.

use std::time::Duration;

use kith_postgres::{Connection, Database, DatabaseUrl, PoolSettings, run};
use kith_primitives::{Failure, chain};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// The pause between two looks while something is missing.
const IMPATIENT: Duration = Duration::from_millis(100);
/// The pause between two looks while all is well.
const CALM: Duration = Duration::from_secs(1);
/// How long a look may take. A server that has stopped where it is keeps its connections, and its kernel goes on to
/// acknowledge what it is sent, so that nothing else would end the wait.
const LOOK_WITHIN: Duration = Duration::from_secs(5);

/// Looks at the database of `url` until `shutdown`, and tells after each look whether a service can work there: the
/// server answers, is one that Kith runs on, and has every migration of this build.
///
/// It has a connection of its own, so that calls which wait for the service's pool do not look like a lost database.
/// Of the service's `pool` it takes everything but the size.
pub async fn watch(url: DatabaseUrl, pool: PoolSettings, tell: impl Fn(bool), shutdown: CancellationToken) {
    let settings = PoolSettings { size: 1, ..pool };
    let database = Database::new(&url, &settings);
    let mut last = None;
    loop {
        let seen = look(&database).await;
        if last.as_ref() != Some(&seen) {
            report(&seen);
        }
        tell(seen == Seen::Good);
        let pause = if seen == Seen::Good { CALM } else { IMPATIENT };
        last = Some(seen);
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = sleep(pause) => {}
        }
    }
}

#[derive(PartialEq, Eq)]
enum Seen {
    Good,
    /// Texts that say what is wrong and how to mend it.
    Unsuitable(Vec<String>),
    Unmigrated(Vec<String>),
    Unreachable(String),
}

async fn look(database: &Database) -> Seen {
    match timeout(LOOK_WITHIN, problems(database)).await {
        Err(_) => Seen::Unreachable(format!("no answer within {LOOK_WITHIN:?}")),
        Ok(Ok(seen)) => seen,
        Ok(Err(failure)) => Seen::Unreachable(failure.cause().map(|cause| chain(cause)).unwrap_or_default()),
    }
}

async fn problems(database: &Database) -> Result<Seen, Failure> {
    let problems = database.server_problems().await?;
    if !problems.is_empty() {
        return Ok(Seen::Unsuitable(
            problems.iter().map(ToString::to_string).collect(),
        ));
    }
    let pending = database
        .read(async |conn: &mut Connection| Ok(run("migrations_pending", crate::pending(conn)).await?))
        .await?;
    Ok(if pending.is_empty() {
        Seen::Good
    } else {
        Seen::Unmigrated(pending)
    })
}

fn report(seen: &Seen) {
    match seen {
        Seen::Good => tracing::info!("the database is ready"),
        Seen::Unsuitable(problems) => {
            tracing::error!(problem = problems.join("; "), "the database will not do");
        }
        Seen::Unmigrated(names) => tracing::warn!(missing = names.join(", "), "waiting for migrations"),
        Seen::Unreachable(cause) => tracing::warn!(cause, "the database does not answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The log said only that the database was unreachable.
    #[tokio::test]
    async fn why_nobody_answers_is_told() {
        let url = DatabaseUrl::parse("postgres://kith@127.0.0.1:1/kith").expect("a URL");
        let seen = look(&Database::new(&url, &PoolSettings::default())).await;
        let Seen::Unreachable(cause) = seen else {
            panic!("nobody is there")
        };
        assert!(cause.to_lowercase().contains("connection refused"), "{cause}");
    }
}
