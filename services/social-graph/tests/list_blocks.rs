use kith_contracts::social_graph::v1::{ListBlocksRequest, ListBlocksResponse, ListMutesRequest};
use kith_testkit::{TestApp, TestUser};
use tonic::{Response, Status};

use crate::support::{answer, crowd, execute, refusal};

type Called = Result<Response<ListBlocksResponse>, Status>;

async fn call(app: &TestApp, caller: &TestUser, page_size: i32, page_token: &str) -> Called {
    let request = ListBlocksRequest {
        page_size,
        page_token: page_token.to_owned(),
    };
    app.social_graph(caller).list_blocks(request).await
}

async fn page(app: &TestApp, caller: &TestUser, page_size: i32, page_token: &str) -> (Vec<i64>, String) {
    let answer = answer(call(app, caller, page_size, page_token).await);
    let ids = answer.blocks.iter().map(|block| block.blocked_id);
    (ids.collect(), answer.next_page_token)
}

/// Every page, until there is none.
async fn pages(app: &TestApp, caller: &TestUser, page_size: i32) -> Vec<Vec<i64>> {
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let (ids, next) = page(app, caller, page_size, &token).await;
        pages.push(ids);
        if next.is_empty() {
            return pages;
        }
        token = next;
    }
}

/// A user with a block of each of so many others, all at the same moment, and others of theirs beside them. Answers the
/// user, and the others newest first.
async fn user_with(app: &TestApp, size: usize) -> (TestUser, Vec<i64>) {
    let owner = app.user("owner").await;
    let others = crowd(app, "u", size).await;
    let insert = format!(
        "INSERT INTO social_graph.blocks SELECT {owner}, id FROM identity.users WHERE id <> {owner};
        INSERT INTO social_graph.blocks SELECT id, {owner} FROM identity.users WHERE id <> {owner}",
        owner = owner.id
    );
    execute(app, &insert).await;
    (owner, others.iter().rev().map(|other| other.id).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_give_each_once_newest_first() {
    let app = TestApp::start().await;
    let (owner, newest_first) = user_with(&app, 7).await;
    for (size, count) in [(1, 7), (3, 3), (7, 1), (8, 1)] {
        let pages = pages(&app, &owner, size).await;
        assert_eq!(pages.len(), count, "pages of {size}");
        assert_eq!(pages.concat(), newest_first, "pages of {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_newer_comes_first_whatever_its_id() {
    let app = TestApp::start().await;
    let (owner, ids) = user_with(&app, 3).await;
    let newer = format!(
        "UPDATE social_graph.blocks SET created_at = now() + interval '1h' WHERE blocked_id = {}",
        ids[2]
    );
    execute(&app, &newer).await;
    let (listed, _) = page(&app, &owner, 0, "").await;
    assert_eq!(listed, [ids[2], ids[0], ids[1]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_fifty_when_nothing_is_said_and_a_hundred_at_most() {
    let app = TestApp::start().await;
    let (owner, _) = user_with(&app, 101).await;
    for (size, length) in [(0, 50), (100, 100), (101, 100), (i32::MAX, 100)] {
        assert_eq!(page(&app, &owner, size, "").await.0.len(), length, "{size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_caller_has_a_list_of_its_own_and_most_have_an_empty_one() {
    let app = TestApp::start().await;
    user_with(&app, 3).await;
    let stranger = app.user("stranger").await;
    assert_eq!(page(&app, &stranger, 0, "").await, (Vec::new(), String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_belongs_to_its_caller_and_its_method() {
    let app = TestApp::start().await;
    let (owner, _) = user_with(&app, 3).await;
    let (_, token) = page(&app, &owner, 1, "").await;
    let bad = "InvalidArgument PAGE_TOKEN_INVALID [page_token PAGE_TOKEN_INVALID]";
    let stranger = app.user("stranger").await;
    assert_eq!(refusal(call(&app, &stranger, 1, &token).await).summary(), bad);
    let request = ListMutesRequest {
        page_size: 1,
        page_token: token,
    };
    let refused = refusal(app.social_graph(&owner).list_mutes(request).await);
    assert_eq!(refused.summary(), bad);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_in_field_order() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    assert_eq!(
        refusal(call(&app, &alice, -1, "x").await).summary(),
        "InvalidArgument PAGE_SIZE_INVALID [page_size PAGE_SIZE_INVALID, page_token PAGE_TOKEN_INVALID]"
    );
}
