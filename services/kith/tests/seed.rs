//! `kith seed`: what it makes, and how often.

use std::collections::BTreeSet;

use kith_contracts::identity::v1::authenticate_request::Identifier;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::identity::v1::{AuthenticateRequest, GetProfileRequest, Profile};
use kith_contracts::messaging::v1::{
    GetUnreadCountRequest, ListConversationsRequest, ListSentMessagesRequest,
};
use kith_contracts::posts::v1::{ListHomeTimelineRequest, ListPostsRequest, ListSharedPostsRequest, Post};
use kith_contracts::social_graph::v1::{GetCountsRequest, ListSentRequestsRequest, SuggestFriendsRequest};
use kith_schema::invariants;

use super::support::{Said, Up, query};

/// The names that it printed.
pub(super) fn names(said: &Said) -> Vec<String> {
    let (_, rest) = said
        .stdout
        .split_once("\n\n")
        .unwrap_or_else(|| panic!("{said:?}"));
    let line = rest.lines().next().expect("a line");
    line.split(", ").map(str::to_owned).collect()
}

/// A run that succeeds.
pub(super) fn seed(up: &Up, arguments: &[&str]) -> Said {
    let said = up.run(&[&["seed"], arguments].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    said
}

/// How much there is of everything, as the database knows it.
pub(super) async fn volumes(up: &Up) -> Vec<String> {
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

pub(super) async fn id_of(up: &Up, name: &str) -> i64 {
    up.who_am_i(up.token(&[name])).await.user.expect("a user").id
}

pub(super) async fn assert_invariants(up: &Up) {
    let mut conn = up.database().connect().await.expect("a connection");
    let broken = invariants::check(&mut conn)
        .await
        .expect("the invariants' queries run");
    assert!(broken.is_empty(), "{broken:#?}");
}

// Control: with request ids that differ from run to run, the second made all posts and messages again.
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
