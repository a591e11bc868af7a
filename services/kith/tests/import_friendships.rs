//! `kith import edges --as friendships`, and what the graph answers then, beside a computation from the file alone.
//!
//! The network is made here. `KITH_TEST_EDGES=FILE` takes another one, as long as nobody in it has more than 500 friends,
//! beyond whom SuggestFriends does not look.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use kith_contracts::social_graph::v1::{ListMutualFriendsRequest, SuggestFriendsRequest};

use super::import::{graph, ids};
use super::support::{Scratch, Up, path, query};

/// Who is whose friend, by the numbers in the file.
type Network = BTreeMap<u64, BTreeSet<u64>>;

/// What a file's text says.
fn network(text: &str) -> Network {
    let mut network = Network::new();
    for line in text.lines() {
        let words = line.split('#').next().unwrap_or_default().split_whitespace();
        let numbers: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
        if let [one, other] = numbers[..]
            && one != other
        {
            network.entry(one).or_default().insert(other);
            network.entry(other).or_default().insert(one);
        }
    }
    network
}

/// The people, those with most friends first.
fn ranked(network: &Network) -> Vec<u64> {
    let mut people: Vec<u64> = network.keys().copied().collect();
    people.sort_by_key(|person| Reverse(network[person].len()));
    people
}

/// Everybody who is no friend of `person` but a friend of some of its friends, by the number of these.
fn suggestions(network: &Network, person: u64) -> BTreeMap<u64, i32> {
    let mut mutual = BTreeMap::new();
    for known in network[&person].iter().flat_map(|friend| &network[friend]) {
        if *known != person && !network[&person].contains(known) {
            *mutual.entry(*known).or_default() += 1;
        }
    }
    mutual
}

// Control: FRIENDS_SUGGEST that looks at 20 friends only, and MUTUAL_FRIENDS_PAGE that looks at the friends of one alone.
#[tokio::test(flavor = "multi_thread")]
async fn mutual_friends_and_suggestions_are_those_of_the_file() {
    let scratch = Scratch::new("import-friendships");
    let made = || {
        let lines = graph().into_iter().map(|(from, to)| format!("{from} {to}\n"));
        scratch.file("graph.edges", &lines.collect::<String>())
    };
    let file = std::env::var_os("KITH_TEST_EDGES").map_or_else(made, Into::into);
    let network = network(&fs::read_to_string(&file).expect("the file"));
    let up = Up::start(&["--ephemeral"]);
    let ids = imported(&up, path(&file), &network).await;

    let ranked = ranked(&network);
    let pairs = ranked.chunks_exact(ranked.len() / 10).take(10);
    let pairs: Vec<(u64, u64)> = pairs.map(|chunk| (chunk[0], chunk[1])).collect();
    let mut shared = Vec::new();
    for (one, other) in &pairs {
        let mut expected: Vec<i64> = network[one]
            .intersection(&network[other])
            .map(|both| ids[both])
            .collect();
        expected.sort_unstable();
        assert_eq!(
            mutual_friends(&up, ids[one], ids[other]).await,
            expected,
            "{one} {other}"
        );
        shared.push(expected.len());
    }
    let mut suggested = Vec::new();
    for person in [ranked[0], ranked[ranked.len() / 2], ranked[ranked.len() - 1]] {
        let expected = suggestions(&network, person);
        let mut expected: Vec<(i64, i32)> = expected
            .iter()
            .map(|(known, mutual)| (ids[known], *mutual))
            .collect();
        expected.sort_by_key(|(id, mutual)| (Reverse(*mutual), *id));
        expected.truncate(100);
        assert_eq!(first_suggestions(&up, person).await, expected, "{person}");
        suggested.push(expected.len());
    }
    println!(
        "{} people; mutual friends of ten pairs {shared:?}; first suggestions {suggested:?}",
        ids.len()
    );
    assert!(
        shared[0] > 0 && suggested[0] > 0,
        "too thin a network to show anything"
    );
}

/// Imports the file twice, and answers the id of each number.
async fn imported(up: &Up, file: &str, network: &Network) -> BTreeMap<u64, i64> {
    let people = network.len();
    let friendships = network.values().map(BTreeSet::len).sum::<usize>() / 2;
    let counts = [[people, 0, friendships, 0], [0, people, 0, friendships]];
    for [users_new, users_existing, new, existing] in counts {
        let said = up.run(&["import", "edges", file, "--as", "friendships"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        let expected = format!(
            "users        {users_new} new {users_existing} existing\n\
             friendships  {new} new {existing} existing\n"
        );
        assert!(said.stdout.replace(',', "").starts_with(&expected), "{said:?}");
    }
    let rows = "SELECT count(*)::text AS it FROM social_graph.friendships WHERE user_id < friend_id";
    assert_eq!(query(&up.database(), rows).await, [friendships.to_string()]);
    let said = up.run(&["admin", "verify-counters"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    ids(up).await
}

async fn mutual_friends(up: &Up, user_id: i64, other_user_id: i64) -> Vec<i64> {
    let mut client = up.social_graph(up.token(&["--scope", "a.b"]));
    let (mut friends, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListMutualFriendsRequest {
            user_id,
            other_user_id,
            page_size: 100,
            page_token,
        };
        let page = client
            .list_mutual_friends(request)
            .await
            .expect("a page")
            .into_inner();
        friends.extend(page.mutual_friends.iter().map(|friend| friend.user_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return friends;
        }
    }
}

/// The first hundred suggestions for the user of that number.
async fn first_suggestions(up: &Up, person: u64) -> Vec<(i64, i32)> {
    let mut client = up.social_graph(up.token(&[&format!("u{person}")]));
    let request = SuggestFriendsRequest {
        page_size: 100,
        page_token: String::new(),
    };
    let page = client
        .suggest_friends(request)
        .await
        .expect("a page")
        .into_inner();
    let suggestions = page.suggestions.iter();
    suggestions
        .map(|one| (one.user_id, one.mutual_friends_count))
        .collect()
}
