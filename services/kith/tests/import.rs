//! `kith import edges`, on a graph made here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use futures::{StreamExt, TryStreamExt, stream};
use kith_contracts::social_graph::v1::{GetCountsRequest, ListFollowersRequest};
use rustix::process::Signal;

use super::support::{Scratch, Up, kith, path, query, run, run_command};

const USERS: u64 = 300;
const EDGES: u64 = 4000;

/// A graph in which the higher numbers follow the lower ones more often, in the order of a fixed shuffle.
pub(crate) fn graph() -> BTreeSet<(u64, u64)> {
    let mut state = 1_u64;
    let mut random = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut edges = BTreeSet::new();
    while (edges.len() as u64) < EDGES {
        let (from, bound) = (random(USERS), random(USERS) + 1);
        let to = random(bound);
        if from != to {
            edges.insert((from, to));
        }
    }
    edges
}

/// The graph as a file with everything that a line can be; the numbers of its bad lines.
fn text(graph: &BTreeSet<(u64, u64)>) -> (String, Vec<usize>) {
    let (mut text, mut bad) = ("# made by a test\n\n".to_owned(), Vec::new());
    for (index, (from, to)) in graph.iter().enumerate() {
        match index % 1000 {
            100 => writeln!(text, "{from}").map(|()| bad.push(text.lines().count())),
            200 => writeln!(text, "{from} {to} 1").map(|()| bad.push(text.lines().count())),
            300 => writeln!(text, "{from} -{to}").map(|()| bad.push(text.lines().count())),
            400 => writeln!(text, "{from} {from}"),
            500 => writeln!(text, "{from}\t{to}  # twice"),
            _ => Ok(()),
        }
        .expect("a string");
        writeln!(text, "{from} {to}").expect("a string");
    }
    (text, bad)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_is_imported_once_however_often_it_is_imported() {
    let scratch = Scratch::new("import");
    let (graph, up) = (graph(), Up::start(&["--ephemeral"]));
    let (text, bad) = text(&graph);
    let file = scratch.file("graph.edges", &text);

    let said = up.run(&["import", "edges", path(&file)]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert_eq!(
        said.stdout.lines().take(3).collect::<Vec<_>>(),
        [
            "users    300 new, 0 existing",
            "follows  4,000 new, 0 existing",
            "lines    12 skipped, 4 that repeat another, 4 from a number to itself",
        ]
    );
    for line in bad {
        assert!(
            said.stderr.contains(&format!("line {line} skipped: has ")),
            "{line}: {}",
            said.stderr
        );
    }
    let said = up.run(&["import", "edges", path(&file)]);
    assert!(
        said.stdout
            .starts_with("users    0 new, 300 existing\nfollows  0 new, 4,000 existing\n"),
        "{said:?}"
    );

    let ids = ids(&up).await;
    assert_counts(&up, &graph, &ids).await;
    assert_followers(&up, &graph, &ids).await;
}

/// The id of each number.
pub(crate) async fn ids(up: &Up) -> BTreeMap<u64, i64> {
    let rows = query(
        &up.database(),
        "SELECT username || ' ' || id AS it FROM identity.users",
    )
    .await;
    let id = |row: &String| {
        let (username, id) = row.split_once(' ')?;
        Some((username.strip_prefix('u')?.parse().ok()?, id.parse().ok()?))
    };
    rows.iter()
        .map(|row| id(row).expect("an imported user"))
        .collect()
}

/// For every user, the counts by RPC are those of the rows and those of the file.
async fn assert_counts(up: &Up, graph: &BTreeSet<(u64, u64)>, ids: &BTreeMap<u64, i64>) {
    let rows =
        "SELECT id || ' ' || (SELECT count(*) FROM social_graph.follows WHERE followed_id = id) || ' ' ||
        (SELECT count(*) FROM social_graph.follows WHERE follower_id = id) AS it FROM identity.users";
    let by_sql: BTreeSet<String> = query(&up.database(), rows).await.into_iter().collect();
    let client = up.social_graph(up.token(&["--scope", "a.b"]));
    let counts = stream::iter(ids.values()).map(|id| {
        let mut client = client.clone();
        async move { client.get_counts(GetCountsRequest { user_id: *id }).await }
    });
    let by_rpc: BTreeSet<String> = counts
        .buffer_unordered(16)
        .map_ok(|answer| answer.into_inner().counts.expect("counts"))
        .map_ok(|counts| {
            format!(
                "{} {} {}",
                counts.user_id, counts.followers_count, counts.following_count
            )
        })
        .try_collect()
        .await
        .expect("counts of every user");
    let of_graph = |number: &u64| {
        let followers = graph.iter().filter(|(_, to)| to == number).count();
        let following = graph.iter().filter(|(from, _)| from == number).count();
        format!("{} {followers} {following}", ids[number])
    };
    assert_eq!(by_rpc, by_sql);
    assert_eq!(by_rpc, ids.keys().map(of_graph).collect());
}

/// Page by page, the followers of the most followed user come once each.
async fn assert_followers(up: &Up, graph: &BTreeSet<(u64, u64)>, ids: &BTreeMap<u64, i64>) {
    let followers = |number: &u64| {
        graph
            .iter()
            .filter(|(_, to)| to == number)
            .map(|(from, _)| ids[from])
            .collect::<Vec<_>>()
    };
    let most_followed = ids
        .keys()
        .max_by_key(|number| followers(number).len())
        .expect("a user");
    let mut client = up.social_graph(up.token(&["--scope", "a.b"]));
    let (mut walked, mut pages, mut page_token) = (Vec::new(), 0, String::new());
    while pages == 0 || !page_token.is_empty() {
        let request = ListFollowersRequest {
            user_id: ids[most_followed],
            page_size: 7,
            page_token,
        };
        let page = client.list_followers(request).await.expect("a page").into_inner();
        walked.extend(page.follows.iter().map(|follow| follow.follower_id));
        (page_token, pages) = (page.next_page_token, pages + 1);
    }
    walked.sort_unstable();
    let mut expected = followers(most_followed);
    expected.sort_unstable();
    assert_eq!(walked, expected);
    assert_eq!(pages, walked.len().div_ceil(7));
}

#[test]
fn a_file_without_bad_lines_is_a_success() {
    let (scratch, up) = (Scratch::new("import-good"), Up::start(&["--ephemeral"]));
    let file = scratch.file("graph.edges", "1 2\n2 1\n1 2\n3 3\n");
    let said = up.run(&["import", "edges", path(&file)]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    assert!(
        said.stdout
            .starts_with("users    2 new, 0 existing\nfollows  2 new, 0 existing\n"),
        "{}",
        said.stdout
    );
}

#[test]
fn many_bad_lines_are_counted_and_not_all_shown() {
    let (scratch, up) = (Scratch::new("import-bad"), Up::start(&["--ephemeral"]));
    let said = up.run(&[
        "import",
        "edges",
        path(&scratch.file("graph.edges", &"x\n".repeat(5000))),
    ]);
    assert_eq!(said.code, Some(3));
    assert!(said.stdout.contains("5,000 skipped"), "{}", said.stdout);
    assert_eq!(said.stderr.lines().count(), 21, "{}", said.stderr);
}

#[test]
fn another_kith_is_reached_by_its_urls_and_a_token() {
    let (scratch, up) = (Scratch::new("import-urls"), Up::start(&["--ephemeral"]));
    let file = scratch.file("graph.edges", "1 2\n");
    let url = |name| {
        let line = up
            .announcement
            .lines()
            .find_map(|line: &str| line.strip_prefix(name))
            .expect("an address");
        format!("http://{}", line.trim())
    };
    let urls = [
        "--identity-url",
        &url("identity  "),
        "--social-graph-url",
        &url("social-graph  "),
    ];
    let import = |token: &str, ties: &str| {
        run_command(
            kith(&["import", "edges", path(&file), "--as", ties])
                .args(urls)
                .env("KITH_OPERATOR_TOKEN", token),
        )
    };
    let token = |scopes: &[&str]| up.run(&[&["token"], scopes].concat()).stdout.trim().to_owned();
    let refused = import(&token(&["--scope", "identity.users.import"]), "follows");
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("SCOPE_MISSING"), "{}", refused.stderr);
    let scopes = [
        "--scope",
        "identity.users.import",
        "--scope",
        "social_graph.follows.import",
    ];
    assert_eq!(import(&token(&scopes), "follows").code, Some(0));
    let refused = import(&token(&scopes), "friendships");
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("SCOPE_MISSING"), "{}", refused.stderr);
    assert_eq!(import("", "follows").code, Some(2));
}

// Keeps out: after a kill, the import called whoever had taken the ports, and was silent for 11 seconds.
#[test]
fn after_a_kill_it_says_that_kith_is_not_up() {
    let scratch = Scratch::new("import-killed");
    let directory = scratch.join("data");
    Up::on(&directory).end(Signal::KILL);
    let file = scratch.file("graph.edges", "1 2\n");
    let said = run(&[
        "import",
        "edges",
        path(&file),
        "--data-directory",
        path(&directory),
    ]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    assert!(said.stderr.contains("kith is not up on "), "{}", said.stderr);
}
