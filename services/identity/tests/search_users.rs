use kith_contracts::identity::v1::{
    DeactivateUserRequest, ReactivateUserRequest, SearchUsersRequest, SearchUsersResponse,
};
use kith_testkit::TestApp;
use tonic::{Response, Status};

use crate::support::{answer, people, refusal, wide};

async fn call(
    app: &TestApp,
    query: &str,
    page_size: i32,
    page_token: &str,
) -> Result<Response<SearchUsersResponse>, Status> {
    let request = SearchUsersRequest {
        query: query.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
    };
    app.identity(&app.operator(&[])).search_users(request).await
}

async fn page(app: &TestApp, query: &str, page_size: i32, page_token: &str) -> (Vec<String>, String) {
    let answer = answer(call(app, query, page_size, page_token).await);
    let usernames = answer.users.into_iter().map(|user| user.username);
    (usernames.collect(), answer.next_page_token)
}

/// The usernames of whom a search finds.
async fn search(app: &TestApp, query: &str) -> Vec<String> {
    let (usernames, end) = page(app, query, 0, "").await;
    assert_eq!(end, "");
    usernames
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_of_any_name_finds_and_of_both_names_in_a_row() {
    let app = TestApp::start().await;
    people(
        &app,
        &[("countess", "Ada", "Lovelace"), ("amazing", "Grace", "Hopper")],
    )
    .await;
    for query in [
        "c",
        "countess",
        "Ada",
        "Love",
        "Lovelace",
        "Ada L",
        "ada lovelace",
    ] {
        assert_eq!(search(&app, query).await, ["countess"], "{query}");
    }
    for query in [
        "ountess",
        "da",
        "Lovelace Ada",
        "Ada  Lovelace",
        "Ada Lovelaces",
        " Ada",
    ] {
        assert_eq!(search(&app, query).await, [""; 0], "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_does_not_count_also_beyond_ascii() {
    let app = TestApp::start().await;
    people(&app, &[("one", "Éva", "ÇELİK"), ("two", "éVA", "Öz")]).await;
    for query in ["Éva", "éva", "ÉVA", "É"] {
        assert_eq!(search(&app, query).await, ["one", "two"], "{query}");
    }
    assert_eq!(search(&app, "ÖZ").await, ["two"]);
    assert_eq!(search(&app, "çel").await, ["one"]);
    assert_eq!(search(&app, "e").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_stand_where_the_first_of_their_names_does() {
    let app = TestApp::start().await;
    // Of the same name, the oldest account comes first.
    people(&app, &[("xeno", "Adam", "Young")]).await;
    people(
        &app,
        &[("ada", "Adam", "Adams"), ("adb", "", ""), ("yves", "", "Adam")],
    )
    .await;
    assert_eq!(search(&app, "ad").await, ["ada", "xeno", "yves", "adb"]);
    assert_eq!(search(&app, "adam").await, ["xeno", "ada", "yves"]);
    assert_eq!(search(&app, "adams").await, ["ada"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_give_each_user_once_in_order() {
    let app = TestApp::start().await;
    let names = [
        ("ada", "Ada", "Adamson"),
        ("adam", "Ada", "Ada"),
        ("ad", "", ""),
        ("z", "Ada", "Z"),
        ("ae", "A", "A"),
    ];
    people(&app, &names).await;
    let all = search(&app, "a").await;
    assert_eq!(all, ["ae", "ad", "ada", "adam", "z"]);
    for size in 1..=5 {
        let (mut seen, mut token) = (Vec::new(), String::new());
        for _ in 0..all.len().div_ceil(usize::try_from(size).expect("a size")) {
            let (usernames, next) = page(&app, "a", size, &token).await;
            seen.extend(usernames);
            token = next;
        }
        assert_eq!((seen, token.as_str()), (all.clone(), ""), "pages of {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inactive_are_not_found_and_the_reactivated_are() {
    let app = TestApp::start().await;
    let ids = people(&app, &[("ada", "", ""), ("adam", "", "")]).await;
    let operator = app.operator(&["identity.users.deactivate"]);
    let mut client = app.identity(&operator);
    answer(
        client
            .deactivate_user(DeactivateUserRequest { user_id: ids[0] })
            .await,
    );
    assert_eq!(search(&app, "ada").await, ["adam"]);
    let request = ReactivateUserRequest { user_id: ids[0] };
    answer(client.reactivate_user(request).await);
    assert_eq!(search(&app, "ada").await, ["ada", "adam"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_character_stands_for_others() {
    let app = TestApp::start().await;
    let names = [
        ("one", "100% sure", ""),
        ("two", "100 times", ""),
        ("_three", "", ""),
        ("four", r"C:\dir", ""),
    ];
    people(&app, &names).await;
    for (query, found) in [
        ("100%", vec!["one"]),
        ("%", vec![]),
        ("_", vec!["_three"]),
        (r"C:\", vec!["four"]),
        ("'", vec![]),
    ] {
        assert_eq!(search(&app, query).await, found, "{query}");
    }
}

/// The end of a prefix's range was once the prefix with one U+10FFFF behind it, which left these out.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_of_all_characters_is_one_like_the_others() {
    let app = TestApp::start().await;
    let (one, two) = ("\u{10ffff}", "\u{10ffff}\u{10ffff}");
    people(
        &app,
        &[
            ("one", one, ""),
            ("two", two, ""),
            ("three", &format!("a{two}b"), ""),
        ],
    )
    .await;
    assert_eq!(search(&app, one).await, ["one", "two"]);
    assert_eq!(search(&app, two).await, ["two"]);
    assert_eq!(search(&app, "a").await, ["three"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_names_are_found_by_the_longest_query() {
    let app = TestApp::start().await;
    people(&app, &[("long", &wide(150), &wide(150))]).await;
    assert_eq!(search(&app, &wide(150)).await, ["long"]);
    let refused = refusal(call(&app, &wide(151), 0, "").await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument FIELD_TOO_LONG [query FIELD_TOO_LONG]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_token_goes_with_its_query_alone() {
    let app = TestApp::start().await;
    people(&app, &[("ada", "", ""), ("adam", "", "")]).await;
    let (_, token) = page(&app, "ad", 1, "").await;
    assert_eq!(page(&app, "ad", 100, &token).await.0, ["adam"]);
    for query in ["a", "ada", "AD"] {
        let refused = refusal(call(&app, query, 1, &token).await);
        assert_eq!(
            refused.summary(),
            "InvalidArgument PAGE_TOKEN_INVALID [page_token PAGE_TOKEN_INVALID]"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_in_field_order() {
    let app = TestApp::start().await;
    let refused = refusal(call(&app, "", -1, "nonsense").await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument FIELD_REQUIRED [query FIELD_REQUIRED, page_size PAGE_SIZE_INVALID, \
         page_token PAGE_TOKEN_INVALID]"
    );
    let refused = refusal(call(&app, "a\0", 0, "").await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument FIELD_CONTAINS_NUL [query FIELD_CONTAINS_NUL]"
    );
}
