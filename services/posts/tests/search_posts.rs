use kith_contracts::posts::v1::{SearchOrder, SearchPostsRequest};
use kith_testkit::{Caller, TestApp};

use crate::lists::{
    FOREIGN_TOKEN, Page, assert_each_once, assert_seen_by, assert_sizes, listed, refused, write,
};
use crate::support::{execute, post};

const ORDERS: [SearchOrder; 2] = [SearchOrder::Newest, SearchOrder::Best];

async fn search(app: &TestApp, caller: &impl Caller, request: SearchPostsRequest) -> Page {
    let answer = app.posts(caller).search_posts(request).await?.into_inner();
    Ok((answer.posts, answer.next_page_token))
}

fn with(query: &str, order: SearchOrder) -> SearchPostsRequest {
    SearchPostsRequest {
        query: query.to_owned(),
        order: order.into(),
        ..Default::default()
    }
}

/// The ids of a first page.
async fn found(app: &TestApp, query: &str, order: SearchOrder) -> Vec<i64> {
    listed(search(app, &app.operator(&[]), with(query, order)).await).0
}

/// The request for another page of the same.
fn page_of(request: &SearchPostsRequest, page_size: i32, page_token: String) -> SearchPostsRequest {
    SearchPostsRequest {
        page_size,
        page_token,
        ..request.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_read_as_in_a_search_engine() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut ids = Vec::new();
    for content in [
        "the quick brown FOX",
        "brown, quick: fox!",
        "a fox",
        "Übermut tut selten gut",
    ] {
        ids.push(post(&app, &alice, content).await.id);
    }
    let [quick, brown, fox, german] = ids.try_into().expect("four posts");
    for (query, mut expected) in [
        ("fox", vec![fox, brown, quick]),
        ("Fox QUICK", vec![brown, quick]),
        ("\"quick brown\"", vec![quick]),
        ("fox -quick", vec![fox]),
        ("fox -\"quick brown\"", vec![fox, brown]),
        ("the or selten", vec![german, quick]),
        ("ÜBERMUT", vec![german]),
        ("fo", vec![]),
        ("'); DROP TABLE posts; --", vec![]),
    ] {
        assert_eq!(
            found(&app, query, SearchOrder::Unspecified).await,
            expected,
            "{query}"
        );
        let mut best = found(&app, query, SearchOrder::Best).await;
        best.sort_unstable();
        expected.sort_unstable();
        assert_eq!(best, expected, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn best_is_where_words_stand_often_and_close_together_then_the_newest() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut ids = Vec::new();
    for content in [
        "salt and pepper and salt",
        "salt pepper",
        "salt far away from any pepper",
        "salt pepper",
    ] {
        ids.push(post(&app, &alice, content).await.id);
    }
    let [often, close, far, newest] = ids.try_into().expect("four posts");
    assert_eq!(
        found(&app, "salt pepper", SearchOrder::Best).await,
        [newest, close, often, far]
    );
    assert_eq!(
        found(&app, "salt", SearchOrder::Best).await,
        [often, newest, far, close]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_newest_show_each_post_once_while_others_are_added() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut newest_first = write(&app, &alice, 3, "", "").await;
    newest_first.splice(..0, write(&app, &alice, 4, "", "").await);
    post(&app, &alice, "something else").await;
    let request = with("post", SearchOrder::Newest);
    let list = async |size, token| search(&app, &alice, page_of(&request, size, token)).await;
    assert_each_once(newest_first, list, async || {
        post(&app, &alice, "new post").await.id
    })
    .await;
}

// Control: without the place of the newest post in the token, those that are added come in between.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_best_show_each_post_once_while_others_are_added() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    write(&app, &alice, 4, "", "").await;
    post(&app, &alice, "post post").await;
    post(&app, &alice, "post after post and post").await;
    write(&app, &alice, 3, "", "").await;
    let request = with("post", SearchOrder::Best);
    for size in [1, 2, 3, 100] {
        let (expected, _) = listed(search(&app, &alice, page_of(&request, 100, String::new())).await);
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let (ids, next) = listed(search(&app, &alice, page_of(&request, size, token)).await);
            seen.extend(ids);
            post(&app, &alice, "post").await;
            post(&app, &alice, "post post post").await;
            if next.is_empty() {
                break;
            }
            token = next;
        }
        assert_eq!(seen, expected, "pages of {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sees_what_it_may_and_what_it_has_to_do_with_it() {
    for order in ORDERS {
        let app = TestApp::start().await;
        let users = app.users(&["alice", "bob", "carol"]).await;
        let mut newest_first = Vec::new();
        for user in &users {
            newest_first.insert(0, post(&app, user, "hello").await.id);
        }
        let list = async |caller| search(&app, &caller, with("hello", order)).await;
        assert_seen_by(&app, &users[1], &users[2], &newest_first, list).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_fifty_when_nothing_is_said_and_a_hundred_at_most() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    write(&app, &alice, 102, "", "").await;
    for order in ORDERS {
        let request = with("post", order);
        assert_sizes(async |size, token| search(&app, &alice, page_of(&request, size, token)).await).await;
    }
}

/// Three pages of the posts with `word`, as how far each is from the newest of them.
async fn three_pages(app: &TestApp, word: &str, newest: i64) -> Vec<i64> {
    let request = with(word, SearchOrder::Newest);
    let (mut seen, mut token) = (Vec::new(), String::new());
    for _page in 0..3 {
        let (ids, next) = listed(search(app, &app.operator(&[]), page_of(&request, 7, token)).await);
        seen.extend(ids.iter().map(|id| newest - id));
        token = next;
    }
    seen
}

/// The posts are found by each of the ways that the statement has: among the newest; among 20,000; among all with the word.
#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_was_common_once_is_found_however_many_posts_come_after() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let insert = async |count: i64, content: &str| {
        let sql = format!(
            "INSERT INTO posts.posts (author_id, content)
                SELECT {}, '{content}' FROM generate_series(1, {count})",
            alice.id
        );
        execute(&app, &sql).await;
    };
    let expected: Vec<i64> = (0..21).collect();
    insert(30, "rare").await;
    insert(10_100, "common").await;
    let newest = 10_130;
    assert_eq!(three_pages(&app, "common", newest).await, expected);
    insert(1_200, "filler").await;
    assert_eq!(three_pages(&app, "common", newest).await, expected);
    assert_eq!(three_pages(&app, "rare", 30).await, expected);
    insert(20_000, "filler").await;
    assert_eq!(three_pages(&app, "common", newest).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_more_than_a_thousand_posts_that_match_the_newest_are_ranked() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let best = post(&app, &alice, "post post post").await.id;
    write(&app, &alice, 999, "", "").await;
    assert_eq!(found(&app, "post", SearchOrder::Best).await[0], best);
    let newest = post(&app, &alice, "post").await.id;
    assert_eq!(found(&app, "post", SearchOrder::Best).await[0], newest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_looks_for_something() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    write(&app, &alice, 3, "", "").await;
    for order in ORDERS {
        for (query, reason) in [
            ("", "FIELD_REQUIRED"),
            (" ", "FIELD_REQUIRED"),
            ("!?", "FIELD_REQUIRED"),
            ("-", "FIELD_REQUIRED"),
            ("-post", "FIELD_MALFORMED"),
            ("-\"one two\" -three", "FIELD_MALFORMED"),
            ("one or -two", "FIELD_MALFORMED"),
            (&"é".repeat(201), "FIELD_TOO_LONG"),
            ("a\0", "FIELD_CONTAINS_NUL"),
        ] {
            let page = search(&app, &alice, with(query, order)).await;
            assert_eq!(
                refused(page),
                format!("InvalidArgument {reason} [query {reason}]"),
                "{query:?}"
            );
        }
        assert!(found(&app, &"é".repeat(200), order).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_belongs_to_its_query_and_its_order() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    write(&app, &alice, 2, "", "").await;
    for (order, other) in [(ORDERS[0], ORDERS[1]), (ORDERS[1], ORDERS[0])] {
        let request = with("post", order);
        let (_, token) = listed(search(&app, &alice, page_of(&request, 1, String::new())).await);
        for foreign in [with("post", other), with("Post", order)] {
            let page = search(&app, &alice, page_of(&foreign, 1, token.clone())).await;
            assert_eq!(refused(page), FOREIGN_TOKEN);
        }
    }
    let newest = with("post", SearchOrder::Newest);
    let (_, token) = listed(search(&app, &alice, page_of(&newest, 1, String::new())).await);
    let unspecified = with("post", SearchOrder::Unspecified);
    let page = search(&app, &alice, page_of(&unspecified, 1, token)).await;
    assert_eq!(listed(page).0.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_in_field_order() {
    let app = TestApp::start().await;
    let request = SearchPostsRequest {
        query: String::new(),
        order: 3,
        page_size: -1,
        page_token: "x".to_owned(),
    };
    assert_eq!(
        refused(search(&app, &app.operator(&[]), request).await),
        "InvalidArgument FIELD_REQUIRED [query FIELD_REQUIRED, order FIELD_MALFORMED, page_size PAGE_SIZE_INVALID, \
         page_token PAGE_TOKEN_INVALID]"
    );
}
