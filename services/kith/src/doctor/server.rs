//! Whether the server and the database are ones that Kith runs well on.

use std::collections::BTreeSet;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, PoolSettings, ServerProblem};
use kith_schema::Role;
use kith_social_graph::PAIR_LOCKS_AT_ONCE;

use super::finding::{Finding, Fix};
use super::session::{Session, Who};
use crate::report::grouped;

const SERVER: &str = "server version";
const ENCODING: &str = "encoding";
const LANGUAGE: &str = "language of messages";
const DURABILITY: &str = "durability";
const LOCKS: &str = "lock table";
const CONNECTIONS: &str = "connections";
const WRITES: &str = "writes";
const READ_ONLY: &str = "default_transaction_read_only";

/// As many processes of social-graph should find room in the lock table: what runs in production, three replicas.
const REPLICAS: i64 = 3;
/// Of its lock table, this much is for everything else: statements on tables with their indexes.
const OTHER_LOCKS: i64 = 4_000;
/// Beside its pool, a process has a connection that watches the database; identity has one for its keys, too.
const BESIDE_THE_POOL: i64 = 2;

/// What is said of the server, by any session.
#[derive(QueryableByName)]
struct Server {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Text)]
    encoding: String,
    #[diesel(sql_type = Text)]
    lc_messages: String,
    #[diesel(sql_type = Text)]
    lost_by: String,
    #[diesel(sql_type = Bool)]
    is_standby: bool,
    #[diesel(sql_type = BigInt)]
    locks_per_transaction: i64,
    #[diesel(sql_type = BigInt)]
    transactions: i64,
    #[diesel(sql_type = BigInt)]
    max_connections: i64,
    #[diesel(sql_type = BigInt)]
    reserved_connections: i64,
}

const QUESTION: &str = "SELECT current_setting('server_version') AS version,
    current_setting('server_encoding') AS encoding,
    current_setting('lc_messages') AS lc_messages,
    concat_ws(', ', CASE current_setting('fsync') WHEN 'off' THEN 'fsync' END,
        CASE current_setting('full_page_writes') WHEN 'off' THEN 'full_page_writes' END) AS lost_by,
    pg_is_in_recovery() AS is_standby,
    current_setting('max_locks_per_transaction')::bigint AS locks_per_transaction,
    current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint AS transactions,
    current_setting('max_connections')::bigint AS max_connections,
    current_setting('superuser_reserved_connections')::bigint
        + coalesce(current_setting('reserved_connections', true)::bigint, 0) AS reserved_connections";

/// Looks at everything that any role may see.
pub(super) async fn examine(
    session: &mut Session,
    pool: &PoolSettings,
    services: &[Role],
    told: &mut BTreeSet<&'static str>,
) -> Vec<Finding> {
    let problems = session.ask(kith_postgres::server_problems).await;
    let server = session
        .ask(async |conn: &mut Connection| diesel::sql_query(QUESTION).get_result::<Server>(conn).await)
        .await;
    let (problems, server) = match (problems, server) {
        (Ok(problems), Ok(server)) => (problems, server),
        (Err(because), _) | (_, Err(because)) => return vec![Finding::unchecked(SERVER, because)],
    };
    let mut findings: Vec<_> = problems.iter().filter_map(unsuitable).collect();
    findings.extend(suitable(&server, &problems));
    findings.extend(defaults(session, told).await);
    findings.push(durability(&server, &problems));
    findings.extend(writable(&server));
    findings.push(lock_table(&server));
    findings.push(connections(&server, pool, services));
    findings
}

/// What keeps services from serving.
fn unsuitable(problem: &ServerProblem) -> Option<Finding> {
    Some(match problem {
        ServerProblem::Version { version } => {
            Finding::problem(SERVER, format!("PostgreSQL {version}, where 15 to 18 is needed"))
                .fix(Fix::advice("upgrade the server, or name another one"))
        }
        ServerProblem::Encoding { database, encoding } => Finding::problem(
            ENCODING,
            format!("database {database} has {encoding} and not UTF8"),
        )
        .why("it cannot hold every text, and no service serves there")
        .fix(Fix::advice(format!(
            "stop all services; save what is there with pg_dump; move database {database} out of the way by ALTER DATABASE … \
             RENAME; create it anew WITH TEMPLATE template0 ENCODING 'UTF8' and its owner; restore what was saved"
        ))),
        // Each role may have these in its own way.
        ServerProblem::Language { .. } | ServerProblem::Durability { .. } => return None,
    })
}

/// What sessions begin with, and where it comes from.
#[derive(QueryableByName)]
struct Defaults {
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Text)]
    database: String,
    #[diesel(sql_type = Bool)]
    is_read_only: bool,
    #[diesel(sql_type = Text)]
    language_from: String,
    #[diesel(sql_type = Text)]
    durability_from: String,
    #[diesel(sql_type = Text)]
    writes_from: String,
}

const DEFAULTS: &str =
    "SELECT quote_ident(session_user) AS role, quote_ident(current_database()) AS database,
    current_setting('default_transaction_read_only')::boolean AS is_read_only,
    (SELECT source FROM pg_settings WHERE name = 'lc_messages') AS language_from,
    (SELECT source FROM pg_settings WHERE name = 'synchronous_commit') AS durability_from,
    (SELECT source FROM pg_settings WHERE name = 'default_transaction_read_only') AS writes_from";

/// A setting that sessions must not have as it is.
struct Wrong<'a> {
    check: &'static str,
    seen: String,
    why: &'static str,
    name: &'static str,
    good: &'static str,
    /// As `pg_settings.source` has it.
    from: &'a str,
    /// Who may change it.
    by: &'static str,
}

/// Looks at what a database, a role or a URL may set, and no service works with. What is the same for all roles is told once:
/// it is in `told` from then on.
pub(super) async fn defaults(session: &mut Session, told: &mut BTreeSet<&'static str>) -> Vec<Finding> {
    let problems = session.ask(kith_postgres::server_problems).await;
    let defaults = session
        .ask(async |conn: &mut Connection| diesel::sql_query(DEFAULTS).get_result::<Defaults>(conn).await)
        .await;
    let (problems, defaults) = match (problems, defaults) {
        (Ok(problems), Ok(defaults)) => (problems, defaults),
        (Err(because), _) | (_, Err(because)) => {
            let check = format!("defaults of {}", session.who.name());
            return vec![Finding::unchecked(check, because)];
        }
    };
    let mut wrong: Vec<_> = problems
        .iter()
        .filter_map(|problem| match problem {
            ServerProblem::Language { lc_messages, .. } => Some(Wrong {
                check: LANGUAGE,
                seen: format!("not English (lc_messages is {lc_messages})"),
                why: "errors are told apart by their messages, and no service serves with others",
                name: "lc_messages",
                good: "C",
                from: &defaults.language_from,
                by: "a superuser",
            }),
            ServerProblem::Durability { .. } => Some(Wrong {
                check: DURABILITY,
                seen: "synchronous_commit is off".to_owned(),
                why: "a crash would lose what callers were told is done, and no service serves so",
                name: "synchronous_commit",
                good: "on",
                from: &defaults.durability_from,
                by: "the owner",
            }),
            ServerProblem::Version { .. } | ServerProblem::Encoding { .. } => None,
        })
        .collect();
    if defaults.is_read_only {
        wrong.push(Wrong {
            check: WRITES,
            seen: "none are taken: default_transaction_read_only is on".to_owned(),
            why: "every change fails",
            name: READ_ONLY,
            good: "off",
            from: &defaults.writes_from,
            by: "the owner",
        });
    }
    let new = |wrong: &Wrong<'_>| wrong.is_of_session() || told.insert(wrong.name);
    wrong.retain(new);
    wrong
        .iter()
        .map(|wrong| wrong.finding(session.who, &defaults))
        .collect()
}

impl Wrong<'_> {
    /// Whether other roles may have it otherwise.
    fn is_of_session(&self) -> bool {
        matches!(self.from, "user" | "database user" | "client")
    }

    fn finding(&self, who: Who, defaults: &Defaults) -> Finding {
        let check = if self.is_of_session() {
            format!("{} of {}", self.check, who.name())
        } else {
            self.check.to_owned()
        };
        Finding::problem(check, &self.seen)
            .why(self.why)
            .fix(self.fix(who, defaults))
    }

    fn fix(&self, who: Who, defaults: &Defaults) -> Fix {
        let Self { name, good, .. } = self;
        let Defaults { role, database, .. } = defaults;
        let whose = match self.from {
            "client" => {
                return Fix::advice(format!("take {name} out of the URL in {}", who.variable()));
            }
            "user" | "database user" => format!("ROLE {role} IN DATABASE {database}"),
            _ => format!("DATABASE {database}"),
        };
        // The session that it is pasted into may take no changes either.
        let before = if *name == READ_ONLY {
            format!("SET {name} = '{good}';\n")
        } else {
            String::new()
        };
        Fix::sql(self.by, format!("{before}ALTER {whose} SET {name} = '{good}';"))
    }
}

fn suitable(server: &Server, problems: &[ServerProblem]) -> Vec<Finding> {
    let is_good = |is_it: fn(&ServerProblem) -> bool| !problems.iter().any(is_it);
    let Server {
        version,
        encoding,
        lc_messages,
        ..
    } = server;
    let mut findings = Vec::new();
    if is_good(|problem| matches!(problem, ServerProblem::Version { .. })) {
        findings.push(Finding::ok(SERVER, format!("PostgreSQL {version}")));
    }
    if is_good(|problem| matches!(problem, ServerProblem::Encoding { .. })) {
        findings.push(Finding::ok(ENCODING, encoding));
    }
    if is_good(|problem| matches!(problem, ServerProblem::Language { .. })) {
        findings.push(Finding::ok(
            LANGUAGE,
            format!("English (lc_messages is {lc_messages})"),
        ));
    }
    findings
}

/// What the server does for the whole cluster; `synchronous_commit` is among its problems.
fn durability(server: &Server, problems: &[ServerProblem]) -> Finding {
    let lost_by = &server.lost_by;
    if lost_by.is_empty() {
        let is_off = problems
            .iter()
            .any(|problem| matches!(problem, ServerProblem::Durability { .. }));
        let seen = if is_off {
            "fsync and full_page_writes are on"
        } else {
            "commits wait for the disk"
        };
        return Finding::ok(DURABILITY, seen);
    }
    let statements = lost_by
        .split(", ")
        .map(|name| format!("ALTER SYSTEM SET {name} = 'on';\n"));
    Finding::problem(DURABILITY, format!("off is {lost_by}"))
        .why("a crash of the machine would lose or spoil data (a kith up --ephemeral has it so on purpose)")
        .fix(Fix::sql(
            "a superuser",
            statements.collect::<String>() + "SELECT pg_reload_conf();",
        ))
}

fn writable(server: &Server) -> Option<Finding> {
    let finding = Finding::problem(WRITES, "the database takes none: a standby")
        .why("every change fails")
        .fix(Fix::advice("name the primary in the URLs"));
    server.is_standby.then_some(finding)
}

/// Each pair of a batch takes a lock. PostgreSQL makes room for as many, and for some more that no one may count on.
fn lock_table(server: &Server) -> Finding {
    let Server {
        locks_per_transaction,
        transactions,
        ..
    } = server;
    let room = locks_per_transaction * transactions;
    let shown = grouped(u64::try_from(room).unwrap_or_default());
    let one = i64::try_from(PAIR_LOCKS_AT_ONCE).unwrap_or(i64::MAX);
    let all = REPLICAS * one + OTHER_LOCKS;
    let seen =
        format!("room for {shown} locks ({locks_per_transaction} for each of {transactions} transactions)");
    let fix = || {
        let needed = round_up((all / transactions + 1).max(64), 64);
        Fix::sql(
            "a superuser",
            format!("ALTER SYSTEM SET max_locks_per_transaction = {needed};"),
        )
        .then("restart PostgreSQL")
    };
    if room < one {
        Finding::problem(LOCKS, seen)
            .why("the batches of one social-graph process take 4,000 pairs, and would fail with RESOURCE_EXHAUSTED")
            .fix(fix())
    } else if room < all {
        Finding::warning(LOCKS, seen)
            .why("batches of three social-graph processes at once take 12,000, and might fail with RESOURCE_EXHAUSTED")
            .fix(fix())
    } else {
        Finding::ok(LOCKS, seen)
    }
}

fn connections(server: &Server, pool: &PoolSettings, services: &[Role]) -> Finding {
    let Server {
        max_connections,
        reserved_connections,
        ..
    } = server;
    let room = max_connections - reserved_connections;
    let each = i64::try_from(pool.size).unwrap_or(i64::MAX / 8) + BESIDE_THE_POOL;
    let count = i64::try_from(services.len().max(1)).unwrap_or(1);
    let wanted = each * count;
    let seen = format!("{room} for services, whose processes take {each} each, {wanted} for one of each");
    let fix = || {
        Fix::sql(
            "a superuser",
            format!(
                "ALTER SYSTEM SET max_connections = {};",
                round_up(4 * wanted + reserved_connections, 50)
            ),
        )
        .then("restart PostgreSQL, or give a smaller KITH_POOL_SIZE instead")
    };
    if room < wanted {
        Finding::problem(CONNECTIONS, seen)
            .why("calls would fail while the server takes no more")
            .fix(fix())
    } else if room < 2 * wanted {
        Finding::warning(CONNECTIONS, seen)
            .why("a rolling restart runs two of each for a while, for which there is no room")
            .fix(fix())
    } else {
        Finding::ok(CONNECTIONS, seen)
    }
}

/// The least multiple of `step` that is not less than `number`.
fn round_up(number: i64, step: i64) -> i64 {
    (number + step - 1) / step * step
}
