//! What ListConversations costs a user with 10,000 conversations and 1,000,000 messages, beside the same SQL run by pgbench.
//!
//! ```text
//! cargo run --release -p kith-e2e --example conversations_cost [CONVERSATIONS] [CALLS]
//! ```
//!
//! The first page and the hundredth, each of 100, over gRPC and by pgbench, in turns. The statement and its parameters are
//! what the server logs when the service sends them, as are the round trips of a call. The table is in microseconds, and
//! ratios are of medians. Some minutes, most of which the filling takes. Let nothing else run meanwhile.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use kith_contracts::messaging::v1::{Conversation, ListConversationsRequest, ListConversationsResponse};
use kith_schema::Role;
use kith_testkit::{TestApp, TestUser, answer, cluster};

const PAGE_SIZE: i32 = 100;
const MESSAGES_EACH: usize = 100;
/// The rounds of turns.
const ROUNDS: usize = 5;
/// A late page may take as much longer than the first; more would be no noise.
const RATIO_MAX: f64 = 1.25;
/// Of so many calls the statements are counted; the median leaves out what a service asks once a second.
const COUNTED: usize = 21;

/// Every other message is by the busy user, who has marked all but a twentieth of its conversations to the end. Every rule
/// holds of what this writes, so that nothing needs to look at each row.
fn fill(busy: i64) -> String {
    format!(
        "SET session_replication_role = replica;
        INSERT INTO messaging.conversations (low_user_id, high_user_id, last_seq, active_at)
            SELECT least(id, {busy}), greatest(id, {busy}), {MESSAGES_EACH}, now() - random() * interval '1 year'
            FROM identity.users WHERE username LIKE 'crowd%';
        INSERT INTO messaging.members (conversation_id, user_id, peer_id, received_seq, read_seq, receipt_seq)
            SELECT id, side.user_id, side.peer_id, side.received_seq, side.read_seq, side.read_seq
            FROM messaging.conversations, LATERAL (VALUES
                ({busy}, low_user_id + high_user_id - {busy}, {MESSAGES_EACH} - 1,
                    CASE id % 20 WHEN 0 THEN {MESSAGES_EACH} / 2 ELSE {MESSAGES_EACH} END),
                (low_user_id + high_user_id - {busy}, {busy}, {MESSAGES_EACH}, {MESSAGES_EACH})
            ) AS side (user_id, peer_id, received_seq, read_seq);
        INSERT INTO messaging.messages (conversation_id, seq, sender_id, receiver_id, content, created_at)
            SELECT id, seq, by.sender_id, low_user_id + high_user_id - by.sender_id,
                'message number ' || seq || ' of some usual length, with words',
                active_at - ({MESSAGES_EACH} - seq) * interval '1 minute'
            FROM messaging.conversations, generate_series(1, {MESSAGES_EACH}) AS seq, LATERAL (
                SELECT CASE seq % 2 WHEN 0 THEN {busy} ELSE low_user_id + high_user_id - {busy} END
            ) AS by (sender_id)
            ORDER BY random();
        RESET session_replication_role"
    )
}

async fn crowd(superuser: &mut AsyncPgConnection, first: usize, last: usize) {
    let users = format!(
        "INSERT INTO identity.users (username) SELECT 'crowd' || number FROM generate_series({first}, {last}) AS number;
        INSERT INTO identity.profiles (user_id) SELECT id FROM identity.users ON CONFLICT DO NOTHING;
        INSERT INTO identity.user_names SELECT username, id FROM identity.users ON CONFLICT DO NOTHING"
    );
    run(superuser, &users).await;
}

/// A statement as the service sent it.
struct Statement {
    sql: String,
    parameters: Vec<String>,
}

/// A page, and how long it took.
struct Probe {
    name: &'static str,
    token: String,
    ids: Vec<i64>,
    statement: Statement,
    by_rpc: Vec<f64>,
    by_pgbench: Vec<f64>,
    round_trips: usize,
}

async fn list(app: &TestApp, user: &TestUser, page_token: &str) -> ListConversationsResponse {
    let request = ListConversationsRequest {
        page_size: PAGE_SIZE,
        page_token: page_token.to_owned(),
    };
    answer(app.messaging(user).list_conversations(request).await)
}

fn ids(conversations: &[Conversation]) -> Vec<i64> {
    conversations.iter().map(|conversation| conversation.id).collect()
}

/// The first page and the last full one, of which there must be so many, with all conversations on them.
async fn probes(app: &TestApp, user: &TestUser, conversations: usize) -> [Probe; 2] {
    let (mut tokens, mut pages, mut all) = (vec![String::new()], Vec::new(), BTreeSet::new());
    loop {
        let page = list(app, user, tokens.last().expect("the first")).await;
        pages.push(ids(&page.conversations));
        all.extend(ids(&page.conversations));
        if page.next_page_token.is_empty() {
            break;
        }
        tokens.push(page.next_page_token);
    }
    assert_eq!(all.len(), conversations);
    println!("{} pages", pages.len());
    let probe = |name, page: usize| Probe {
        name,
        token: tokens[page].clone(),
        ids: pages[page].clone(),
        statement: Statement {
            sql: String::new(),
            parameters: Vec::new(),
        },
        by_rpc: Vec::new(),
        by_pgbench: Vec::new(),
        round_trips: 0,
    };
    [probe("first", 0), probe("last", pages.len() - 1)]
}

impl Probe {
    async fn call(&self, app: &TestApp, user: &TestUser) -> f64 {
        let began = Instant::now();
        let page = list(app, user, &self.token).await;
        let took = began.elapsed();
        assert_eq!(ids(&page.conversations), self.ids);
        took.as_secs_f64() * 1e6
    }

    /// Runs the statement so many times, and keeps how long each took.
    fn bench(&mut self, app: &TestApp, calls: usize) {
        let directory = scratch();
        let script = directory.join("statement.sql");
        let mut sql = self.statement.sql.clone();
        for number in 1..=self.statement.parameters.len() {
            sql = sql.replace(&format!("${number}"), &format!(":parameter{number}"));
        }
        fs::write(&script, sql + ";\n").expect("to write");
        let log = directory.join("latencies");
        let mut pgbench = Command::new(cluster().binaries().program("pgbench"));
        pgbench.args(["--no-vacuum", "--protocol=prepared", "--client=1", "--log"]);
        pgbench.arg(format!("--transactions={calls}"));
        pgbench.arg(format!("--log-prefix={}", log.display()));
        pgbench.arg(format!("--file={}", script.display()));
        for (place, value) in self.statement.parameters.iter().enumerate() {
            pgbench.arg(format!("--define=parameter{}={value}", place + 1));
        }
        let output = pgbench.arg(app.database.url(Role::Messaging).expose()).output();
        let output = output.expect("pgbench runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        for file in fs::read_dir(&directory).expect("a directory") {
            let path = file.expect("a file").path();
            if path != script {
                let log = fs::read_to_string(path).expect("its log");
                // Client, number of the transaction, and how long it took.
                let latency = |line: &str| line.split(' ').nth(2)?.parse::<f64>().ok();
                self.by_pgbench.extend(log.lines().filter_map(latency));
            }
        }
        fs::remove_dir_all(directory).expect("to remove");
    }
}

/// A new directory.
fn scratch() -> PathBuf {
    let directory = std::env::temp_dir().join(format!("kith-conversations-cost-{}", std::process::id()));
    fs::create_dir(&directory).expect("a new directory");
    directory
}

/// Has the server log what messaging sends, and takes from there the statement of each probe, and how many a call sends.
async fn look_at_what_is_sent(
    app: &TestApp,
    superuser: &mut AsyncPgConnection,
    user: &TestUser,
    probes: &mut [Probe],
) {
    for sql in [
        "ALTER SYSTEM SET log_line_prefix = '%u '",
        "ALTER SYSTEM SET log_statement = 'all'",
        "ALTER SYSTEM SET log_min_duration_statement = 0",
        "SELECT pg_reload_conf()",
    ] {
        run(superuser, sql).await;
    }
    // A session takes it up when its next statement arrives, so the first ones may go by unseen.
    while round_trips(0) == 0 {
        probes[0].call(app, user).await;
    }
    for probe in probes {
        let mut counts = Vec::new();
        for _ in 0..COUNTED {
            let before = log().len();
            probe.call(app, user).await;
            counts.push(round_trips(before));
            if let Some(statement) = last_statement(before) {
                probe.statement = statement;
            }
        }
        assert!(!probe.statement.sql.is_empty(), "nothing was sent");
        counts.sort_unstable();
        probe.round_trips = counts[COUNTED / 2];
    }
    run(superuser, "ALTER SYSTEM RESET ALL").await;
    run(superuser, "SELECT pg_reload_conf()").await;
}

fn log() -> String {
    let bytes = fs::read(cluster().log()).expect("the server's log");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How many statements messaging has sent or prepared since then.
fn round_trips(since: usize) -> usize {
    let log = log();
    let sent = log[since..]
        .lines()
        .filter_map(|line| line.strip_prefix("kith_messaging LOG:  "));
    let is_trip = |line: &&str| {
        line.starts_with("statement:")
            || line.starts_with("execute ")
            || (line.starts_with("duration:") && line.contains(" ms  parse "))
    };
    sent.filter(is_trip).count()
}

/// The last that messaging has sent since then of a page of conversations, with what the server tells of its parameters.
fn last_statement(since: usize) -> Option<Statement> {
    let log = log();
    let (_, sent) = log[since..].rsplit_once("kith_messaging LOG:  execute ")?;
    let (_, sent) = sent.split_once(": ")?;
    let (sql, rest) = sent.split_once("\nkith_messaging DETAIL:  parameters: ")?;
    let parameters = rest.lines().next()?.split(", $");
    let value = |parameter: &str| {
        let (_, value) = parameter.split_once(" = ")?;
        Some(value.trim_matches('\'').to_owned())
    };
    Some(Statement {
        sql: sql.replace("\n\t", "\n"),
        parameters: parameters.filter_map(value).collect(),
    })
    .filter(|statement| statement.sql.contains("messaging.conversations"))
}

fn report(probes: &mut [Probe; 2]) -> ExitCode {
    let mut good = true;
    println!(
        "{:8} {:10} {:>8} {:>8} {:>8} {:>14} {:>11}",
        "page", "by", "min", "median", "p95", "to first page", "round trips"
    );
    let firsts = {
        let [first, _] = probes;
        [median(&mut first.by_rpc), median(&mut first.by_pgbench)]
    };
    for probe in probes.iter_mut() {
        let by_rpc = row(
            probe.name,
            "gRPC",
            &mut probe.by_rpc,
            firsts[0],
            probe.round_trips,
        );
        let by_pgbench = row(probe.name, "pgbench", &mut probe.by_pgbench, firsts[1], 1);
        println!("{:8} gRPC to pgbench: {:.2}", probe.name, by_rpc / by_pgbench);
        good &= by_rpc <= RATIO_MAX * firsts[0] && probe.round_trips == 1;
    }
    println!(
        "a late page at most {RATIO_MAX} times as long, one round trip each: {}",
        if good { "yes" } else { "no" }
    );
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Prints a row, and answers its median.
fn row(page: &str, by: &str, samples: &mut [f64], first: f64, round_trips: usize) -> f64 {
    let median = median(samples);
    let (min, p95) = (samples[0], samples[(samples.len() - 1) * 95 / 100]);
    println!(
        "{page:8} {by:10} {min:>8.0} {median:>8.0} {p95:>8.0} {:>14.2} {round_trips:>11}",
        median / first
    );
    median
}

/// Sorts them, too.
fn median(samples: &mut [f64]) -> f64 {
    samples.sort_unstable_by(f64::total_cmp);
    samples[samples.len() / 2]
}

async fn run(conn: &mut AsyncPgConnection, sql: &str) {
    let done = conn.batch_execute(sql).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|argument| argument.parse().expect("a number"));
    let conversations: usize = arguments.next().unwrap_or(10_000);
    let calls: usize = arguments.next().unwrap_or(300);
    let app = TestApp::start().await;
    let mut superuser = app.database.superuser().await;
    // The busy user is the higher of the two as often as the lower.
    crowd(&mut superuser, 1, conversations / 2).await;
    let user = app.user("busy").await;
    crowd(&mut superuser, conversations / 2 + 1, conversations).await;
    for sql in [&fill(user.id), "VACUUM (ANALYZE)", "CHECKPOINT"] {
        run(&mut superuser, sql).await;
    }
    app.database.assert_invariants().await;
    // The filling may take longer than a token lasts.
    let user = app.signed_in(user.id, &user.username);
    let mut probes = probes(&app, &user, conversations).await;
    look_at_what_is_sent(&app, &mut superuser, &user, &mut probes).await;
    for _ in 0..ROUNDS {
        for probe in &mut probes {
            for _ in 0..calls.div_ceil(ROUNDS) {
                let took = probe.call(&app, &user).await;
                probe.by_rpc.push(took);
            }
            probe.bench(&app, calls.div_ceil(ROUNDS));
        }
    }
    report(&mut probes)
}
