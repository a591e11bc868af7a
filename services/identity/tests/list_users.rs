use std::cmp::Reverse;

use kith_contracts::identity::v1::{ListUsersRequest, ListUsersResponse};
use kith_testkit::TestApp;
use tonic::{Response, Status};

use crate::support::{answer, execute, instant, people, refusal, register};

async fn call(
    app: &TestApp,
    page_size: i32,
    page_token: &str,
) -> Result<Response<ListUsersResponse>, Status> {
    let request = ListUsersRequest {
        page_size,
        page_token: page_token.to_owned(),
    };
    let operator = app.operator(&["identity.accounts.read"]);
    app.identity(&operator).list_users(request).await
}

/// The ids of every page, until there is none.
async fn pages(app: &TestApp, page_size: i32) -> Vec<Vec<i64>> {
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let answer = answer(call(app, page_size, &token).await);
        let users = answer.accounts.into_iter().filter_map(|account| account.user);
        pages.push(users.map(|user| user.id).collect());
        if answer.next_page_token.is_empty() {
            return pages;
        }
        token = answer.next_page_token;
        assert!(pages.len() < 100, "pages without end: {pages:?}");
    }
}

/// Seven users of two moments, newest first.
async fn seven(app: &TestApp) -> Vec<i64> {
    let mut ids = people(app, &["a", "b", "c", "d"].map(|name| (name, "", ""))).await;
    ids.extend(people(app, &["e", "f", "g"].map(|name| (name, "", ""))).await);
    ids.into_iter().rev().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_give_each_account_once_newest_first() {
    let app = TestApp::start().await;
    let newest_first = seven(&app).await;
    for (size, count) in [(1, 7), (3, 3), (7, 1), (0, 1), (i32::MAX, 1)] {
        let pages = pages(&app, size).await;
        assert_eq!(pages.len(), count, "pages of {size}");
        assert_eq!(pages.concat(), newest_first, "pages of {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn time_counts_more_than_the_id() {
    let app = TestApp::start().await;
    let ids = people(&app, &[("a", "", ""), ("b", "", ""), ("c", "", "")]).await;
    let earlier = format!(
        "UPDATE identity.users SET date_joined = date_joined - interval '1 s' WHERE id = {}",
        ids[1]
    );
    execute(&app, &earlier).await;
    assert_eq!(pages(&app, 1).await.concat(), [ids[2], ids[0], ids[1]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_come_with_addresses_and_the_inactive_too() {
    let app = TestApp::start().await;
    let id = register(&app, "alice").await;
    people(&app, &[("bob", "Bob", "")]).await;
    execute(
        &app,
        &format!("UPDATE identity.users SET email = 'a@b', is_active = false WHERE id = {id}"),
    )
    .await;
    let accounts = answer(call(&app, 0, "").await).accounts;
    let joined = |index: usize| instant(accounts[index].user.as_ref().and_then(|user| user.date_joined));
    assert!([0, 1].is_sorted_by_key(|index| Reverse(joined(*index))));
    let last = accounts.last().expect("an account");
    assert_eq!((last.email.as_str(), last.etag.as_str()), ("a@b", "v1"));
    assert_eq!(
        last.user.as_ref().map(|user| (user.id, user.is_active)),
        Some((id, false))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_size_and_token_is_told_together() {
    let app = TestApp::start().await;
    let refused = refusal(call(&app, -1, "nonsense").await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument PAGE_SIZE_INVALID [page_size PAGE_SIZE_INVALID, page_token PAGE_TOKEN_INVALID]"
    );
}
