use kith_contracts::identity::v1::{ListServiceAccountsRequest, ListServiceAccountsResponse};
use kith_testkit::TestApp;
use tonic::{Response, Status};

use crate::support::{MANAGE, answer, execute, refusal, service_account};

async fn call(
    app: &TestApp,
    page_size: i32,
    page_token: &str,
) -> Result<Response<ListServiceAccountsResponse>, Status> {
    let request = ListServiceAccountsRequest {
        page_size,
        page_token: page_token.to_owned(),
    };
    app.identity(&app.operator(MANAGE))
        .list_service_accounts(request)
        .await
}

/// The ids of every page, until there is none.
async fn pages(app: &TestApp, page_size: i32) -> Vec<Vec<i64>> {
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let answer = answer(call(app, page_size, &token).await);
        pages.push(answer.service_accounts.iter().map(|account| account.id).collect());
        if answer.next_page_token.is_empty() {
            return pages;
        }
        token = answer.next_page_token;
        assert!(pages.len() < 100, "pages without end: {pages:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_give_each_account_once_newest_first() {
    let app = TestApp::start().await;
    // Equal times within a page and across its end, and a time that counts more than the id.
    let make = "INSERT INTO identity.service_accounts (name, scopes, secret_hash, created_at)
        SELECT 'service-' || number, '{}', sha256(number::text::bytea), now() + number / 3 * interval '1 s'
        FROM generate_series(0, 6) AS number;
        UPDATE identity.service_accounts SET created_at = created_at + interval '1 h' WHERE id = 3";
    execute(&app, make).await;
    for (size, count) in [(1, 7), (3, 3), (7, 1), (0, 1), (i32::MAX, 1)] {
        let pages = pages(&app, size).await;
        assert_eq!(pages.len(), count, "pages of {size}");
        assert_eq!(pages.concat(), [3, 8, 7, 6, 5, 4, 2], "pages of {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_listed_as_they_were_answered_and_the_revoked_too() {
    let app = TestApp::start().await;
    let (feed, _) = service_account(&app, "feed", &["identity.users.import"]).await;
    let (search, _) = service_account(&app, "search", &[]).await;
    let list = async || answer(call(&app, 0, "").await).service_accounts;
    assert_eq!(list().await, [search, feed]);
    execute(&app, "UPDATE identity.service_accounts SET revoked_at = now()").await;
    let listed = list().await;
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|account| account.revoke_time.is_some()));
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
