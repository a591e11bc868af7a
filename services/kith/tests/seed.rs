//! `kith seed`: what it makes, how often, and what it leaves alone.

use std::collections::BTreeSet;
use std::process::Stdio;

use kith_contracts::identity::v1::authenticate_request::Identifier;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::identity::v1::{AuthenticateRequest, GetProfileRequest, Profile};
use kith_contracts::messaging::v1::{
    GetUnreadCountRequest, ListConversationsRequest, ListSentMessagesRequest,
};
use kith_contracts::posts::v1::{ListHomeTimelineRequest, ListPostsRequest, ListSharedPostsRequest, Post};
use kith_contracts::social_graph::v1::{
    FollowRequest, GetCountsRequest, ListSentRequestsRequest, SuggestFriendsRequest,
};
use kith_schema::invariants;

use super::support::{Said, Scratch, Up, kith, path, query, run};

/// The names that it printed.
fn names(said: &Said) -> Vec<String> {
    let (_, rest) = said
        .stdout
        .split_once("\n\n")
        .unwrap_or_else(|| panic!("{said:?}"));
    let line = rest.lines().next().expect("a line");
    line.split(", ").map(str::to_owned).collect()
}

/// A run that succeeds.
fn seed(up: &Up, arguments: &[&str]) -> Said {
    let said = up.run(&[&["seed"], arguments].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    said
}

/// How much there is of everything, as the database knows it.
async fn volumes(up: &Up) -> Vec<String> {
    let tables = [
        "identity.users",
        "social_graph.follows",
        "social_graph.friendships",
        "social_graph.friend_requests",
        "posts.posts",
        "posts.likes",
        "posts.shares",
        "messaging.messages",
        "messaging.conversations",
        "messaging.members WHERE read_seq > 0",
    ];
    let count = |table: &&str| format!("SELECT '{table} ' || count(*) AS it FROM {table}");
    let sql: Vec<_> = tables.iter().map(count).collect();
    query(&up.database(), &sql.join(" UNION ALL ")).await
}

async fn assert_invariants(up: &Up) {
    let mut conn = up.database().connect().await.expect("a connection");
    let broken = invariants::check(&mut conn)
        .await
        .expect("the invariants' queries run");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_product_is_there_after_one_run_and_the_same_after_two() {
    let up = Up::start(&["--ephemeral"]);
    let said = seed(&up, &[]);
    let names = names(&said);
    assert_eq!(names.len(), 10);
    let (mut friends, mut requests, mut messages, mut unread, mut shares) = (0, 0, 0, 0, 0);
    for name in &names {
        let account = account(&up, name).await;
        friends += account.friends;
        requests += account.requests;
        messages += account.messages;
        unread += account.unread;
        shares += account.shares;
    }
    let posts = posts(&up, &names[0]).await;
    let likes: i64 = posts.iter().map(|post| post.likes_count).sum();
    assert!((50..=100).contains(&posts.len()), "{}", posts.len());
    assert!((100..=200).contains(&likes) && shares > 0, "{likes} {shares}");
    assert!(
        (20..=40).contains(&(friends / 2)) && (5..=10).contains(&requests),
        "{friends} {requests}"
    );
    assert!((20..=50).contains(&messages), "{messages}");
    assert!((1..messages).contains(&unread), "{unread}");
    let kinds: BTreeSet<i32> = posts.iter().map(|post| post.r#type).collect();
    assert_eq!(kinds.len(), 3);
    assert!(posts.iter().any(|post| post.parent_id > 0));
    assert!(posts.iter().any(|post| !post.hashtags.is_empty()));
    assert!(posts.iter().any(|post| !post.mentions.is_empty()));
    assert_invariants(&up).await;

    let before = volumes(&up).await;
    let again = seed(&up, &[]);
    assert!(again.stdout.contains("\nnothing new was made"), "{again:?}");
    assert!(!said.stdout.contains("nothing new was made"), "{said:?}");
    assert_eq!(volumes(&up).await, before);
}

/// What a user has, as it sees it itself.
#[derive(Default)]
struct Account {
    friends: i64,
    requests: usize,
    messages: usize,
    unread: usize,
    shares: usize,
}

/// A user signs in with the known password, has a whole profile, and reads what it has.
async fn account(up: &Up, name: &str) -> Account {
    let mut identity = IdentityServiceClient::new(up.bare_identity());
    let request = AuthenticateRequest {
        identifier: Some(Identifier::Username(name.to_owned())),
        password: "correct horse".to_owned(),
        ..Default::default()
    };
    let user = identity
        .authenticate(request)
        .await
        .expect("a sign-in")
        .into_inner()
        .user;
    let user_id = user.expect("a user").id;
    let token = up.token(&[name]);
    let profile = up
        .identity(token.clone())
        .get_profile(GetProfileRequest { user_id })
        .await;
    assert_whole(
        &profile
            .expect("a profile")
            .into_inner()
            .profile
            .expect("a profile"),
    );
    let (mut graph, mut messaging) = (up.social_graph(token.clone()), up.messaging(token.clone()));
    let counts = graph
        .get_counts(GetCountsRequest { user_id })
        .await
        .expect("counts");
    let counts = counts.into_inner().counts.expect("counts");
    assert!(counts.following_count > 0, "{name}");
    let requests = graph.list_sent_requests(ListSentRequestsRequest::default()).await;
    let sent = messaging
        .list_sent_messages(ListSentMessagesRequest::default())
        .await;
    let unread = messaging.get_unread_count(GetUnreadCountRequest::default()).await;
    let unread = unread
        .expect("a count")
        .into_inner()
        .unread_count
        .expect("a count");
    let request = ListSharedPostsRequest {
        user_id,
        ..Default::default()
    };
    let shared = up.posts(token).list_shared_posts(request).await;
    Account {
        friends: counts.friends_count,
        requests: requests.expect("requests").into_inner().friend_requests.len(),
        messages: sent.expect("messages").into_inner().messages.len(),
        unread: unread.count.try_into().expect("a count"),
        shares: shared.expect("shares").into_inner().posts.len(),
    }
}

fn assert_whole(profile: &Profile) {
    let Profile {
        bio,
        avatar_url,
        location,
        website_url,
        ..
    } = profile;
    for field in [bio, avatar_url, location, website_url] {
        assert!(field.as_ref().is_some_and(|text| !text.is_empty()), "{profile:?}");
    }
}

async fn posts(up: &Up, name: &str) -> Vec<Post> {
    let mut client = up.posts(up.token(&[name]));
    let request = ListPostsRequest {
        page_size: 100,
        ..Default::default()
    };
    let page = client.list_posts(request).await.expect("a page").into_inner();
    assert_eq!(page.next_page_token, "");
    page.posts
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calls_that_it_prints_answer_something() {
    let up = Up::start(&["--ephemeral"]);
    let said = seed(&up, &[]);
    let calls: Vec<_> = said
        .stdout
        .lines()
        .filter(|line| line.starts_with("grpcurl "))
        .collect();
    assert_eq!(calls.len(), 3);
    for call in calls {
        assert!(call.contains(r#" -d '{"page_size": 5}' 127.0.0.1:"#), "{call}");
        let (before, _) = call.split_once(r#")" "#).expect("a token");
        let token = up.token(&[before.rsplit(' ').next().expect("a name")]);
        let (page_size, method) = (5, call.rsplit('/').next().expect("a method"));
        let found = match method {
            "ListHomeTimeline" => {
                let request = ListHomeTimelineRequest {
                    page_size,
                    ..Default::default()
                };
                up.posts(token)
                    .list_home_timeline(request)
                    .await
                    .expect("a timeline")
                    .into_inner()
                    .items
                    .len()
            }
            "ListConversations" => {
                let request = ListConversationsRequest {
                    page_size,
                    ..Default::default()
                };
                let answer = up.messaging(token).list_conversations(request).await;
                answer.expect("conversations").into_inner().conversations.len()
            }
            "SuggestFriends" => {
                let request = SuggestFriendsRequest {
                    page_size,
                    ..Default::default()
                };
                let answer = up.social_graph(token).suggest_friends(request).await;
                answer.expect("suggestions").into_inner().suggestions.len()
            }
            method => panic!("{method}"),
        };
        assert!(found > 0, "{call}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn to_clear_removes_its_own_and_nobody_else() {
    let up = Up::start(&["--ephemeral"]);
    let bystander = up.register("bystander").await;
    let first = seed(&up, &["--only", "users"]);
    let own = id_of(&up, &names(&first)[0]).await;
    let mut graph = up.social_graph(up.token(&["bystander"]));
    graph
        .follow(FollowRequest {
            user_id: own,
            allow_existing: false,
        })
        .await
        .expect("a follow");
    seed(&up, &[]);

    let said = seed(&up, &["--clear"]);
    assert!(said.stdout.starts_with("removed      10 users, "), "{said:?}");
    assert_eq!(names(&said), names(&first));
    let said = seed(&up, &["--clear-only"]);
    assert!(said.stdout.starts_with("removed      10 users, "), "{said:?}");
    assert!(!said.stdout.contains("Calls"), "{said:?}");
    for volume in volumes(&up).await {
        let left = if volume.starts_with("identity.users ") {
            " 1"
        } else {
            " 0"
        };
        assert!(volume.ends_with(left), "{volume}");
    }
    assert_eq!(id_of(&up, "bystander").await, bystander);
    assert_invariants(&up).await;
    let said = seed(&up, &["--clear-only"]);
    assert!(said.stdout.starts_with("nothing was removed"), "{said:?}");
}

async fn id_of(up: &Up, name: &str) -> i64 {
    up.who_am_i(up.token(&[name])).await.user.expect("a user").id
}

// Control: without the look-up before the first is made, the user of that name was adopted, and removed.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_the_same_name_is_neither_taken_over_nor_removed() {
    let up = Up::start(&["--ephemeral"]);
    let name = names(&seed(&up, &["--only", "users"])).swap_remove(3);
    seed(&up, &["--clear-only"]);
    let id = up.register(&name).await;
    let said = up.run(&["seed"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{said:?}");
    assert!(
        said.stderr.contains(&name) && said.stderr.contains("--seed"),
        "{said:?}"
    );
    assert_eq!(volumes(&up).await[0], "identity.users 1");
    assert!(
        seed(&up, &["--clear-only"])
            .stdout
            .starts_with("nothing was removed")
    );
    seed(&up, &["--seed", "2", "--only", "users"]);
    seed(&up, &["--clear-only"]);
    assert_eq!(up.who_am_i(up.token(&[&name])).await.user.expect("a user").id, id);
}

// Control: with request ids that differ from run to run, there were more posts than planned.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_is_finished_by_the_next() {
    let up = Up::start(&["--ephemeral"]);
    let directory = up.directory();
    let flags = ["seed", "--users", "12", "--data-directory", path(&directory)];
    for table in ["identity.users", "posts.posts", "messaging.messages"] {
        let mut command = kith(&flags);
        let mut killed = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("kith runs");
        let sql = format!("SELECT 'some' AS it FROM {table} HAVING count(*) > 5");
        while query(&up.database(), &sql).await.is_empty() {
            assert!(
                killed.try_wait().expect("its status").is_none(),
                "ended before {table}"
            );
        }
        killed.kill().expect("to kill it");
        killed.wait().expect("its end");
    }
    seed(&up, &[]);
    let said = seed(&up, &[]);
    assert!(said.stdout.contains("\nnothing new was made"), "{said:?}");
    let volumes = volumes(&up).await;
    assert_eq!(
        (volumes[0].as_str(), volumes[4].as_str()),
        ("identity.users 12", "posts.posts 96")
    );
    assert_invariants(&up).await;
    seed(&up, &["--clear-only"]);
}

#[test]
fn parts_are_made_alone_on_what_they_stand_on() {
    let up = Up::start(&["--ephemeral"]);
    for part in ["graph", "posts", "messages"] {
        let said = up.run(&["seed", "--only", part]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.stderr.contains("seed --only users"), "{said:?}");
    }
    let heads = |said: &Said| -> Vec<String> {
        let (table, _) = said.stdout.split_once("\n\n").expect("a table");
        table
            .lines()
            .map(|line| line.split(' ').next().expect("a word").to_owned())
            .collect()
    };
    assert_eq!(
        heads(&seed(&up, &["--only", "users", "--users", "3", "--seed", "9"])),
        ["users"]
    );
    let said = seed(&up, &["--only", "messages,graph"]);
    assert_eq!(heads(&said), ["follows", "friendships", "requests", "messages"]);
    assert_eq!(
        heads(&seed(&up, &["--only", "graph", "--only", "posts"])).len(),
        6
    );
    let said = up.run(&["seed", "--users", "4"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.stderr.contains("3 users by seed 9 are there already"),
        "{said:?}"
    );
    assert!(said.stderr.contains("--clear"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_network_has_no_passwords() {
    let up = Up::start(&["--ephemeral"]);
    let flags = ["--users", "1001", "--only", "users"];
    let said = seed(&up, &flags);
    assert!(said.stdout.contains("no passwords"), "{said:?}");
    assert!(seed(&up, &flags).stdout.contains("\nnothing new was made"));
    assert_eq!(volumes(&up).await[0], "identity.users 1001");
    let sql = "SELECT count(*)::text AS it FROM identity.profiles WHERE bio <> ''";
    assert_eq!(query(&up.database(), sql).await, ["1001"]);
    assert_eq!(
        query(
            &up.database(),
            "SELECT count(*)::text AS it FROM identity.credentials"
        )
        .await,
        ["0"]
    );
}

#[test]
fn a_mistake_on_the_command_line_is_told_before_anything_is_done() {
    let scratch = Scratch::new("seed-usage");
    let directory = scratch.join("data");
    for flags in [
        ["--users", "1"].as_slice(),
        &["--users", "many"],
        &["--users", "1000001"],
        &["--seed", "-1"],
        &["--only", "likes"],
        &["--clear", "--only", "posts"],
        &["--clear", "--clear-only"],
        &["--clear-only", "--users", "10"],
    ] {
        let all = [&["seed", "--data-directory", path(&directory)], flags].concat();
        assert_eq!(run(&all).code, Some(2), "{flags:?}");
    }
    let said = run(&["seed", "--data-directory", path(&directory)]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("kith is not up on "), "{said:?}");
}
