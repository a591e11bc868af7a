use kith_contracts::posts::v1::{ListPostEditsRequest, ListPostEditsResponse, Post, UpdatePostRequest};
use kith_testkit::{Caller, TestApp, TestUser};
use tonic::{Response, Status};

use crate::support::{answer, block, instant, post, refusal};

type Called = Result<Response<ListPostEditsResponse>, Status>;

async fn call(app: &TestApp, caller: &impl Caller, request: ListPostEditsRequest) -> Called {
    app.posts(caller).list_post_edits(request).await
}

fn of(post: &Post, page_size: i32, page_token: &str) -> ListPostEditsRequest {
    ListPostEditsRequest {
        post_id: post.id,
        page_size,
        page_token: page_token.to_owned(),
    }
}

/// A post that says the numbers from 0 up to `last`, one after the other.
async fn edited(app: &TestApp, author: &TestUser, last: u32) -> Post {
    let made = post(app, author, "0").await;
    for number in 1..=last {
        let request = UpdatePostRequest {
            post_id: made.id,
            content: Some(number.to_string()),
            ..Default::default()
        };
        answer(app.posts(author).update_post(request).await);
    }
    made
}

fn contents(answer: &ListPostEditsResponse) -> Vec<&str> {
    answer.edits.iter().map(|edit| edit.content.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_are_listed_newest_first_page_by_page() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let made = edited(&app, &alice, 5).await;
    let mut token = String::new();
    for expected in [&["4", "3"][..], &["2", "1"], &["0"]] {
        let page = answer(call(&app, &alice, of(&made, 2, &token)).await);
        assert_eq!(contents(&page), expected);
        token = page.next_page_token;
    }
    assert_eq!(token, "");
    let all = answer(call(&app, &app.operator(&[]), of(&made, 0, "")).await);
    assert_eq!(contents(&all), ["4", "3", "2", "1", "0"]);
    for pair in all.edits.windows(2) {
        assert_eq!(instant(pair[0].start_time), instant(pair[1].end_time));
        assert_ne!(pair[0].etag, pair[1].etag);
    }
    assert_eq!(all.edits[4].start_time, made.create_time);
    assert_eq!(all.edits[4].etag, made.etag);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_was_never_changed_has_none_and_one_that_is_not_there_is_told() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let (untouched, changed) = (post(&app, &users[0], "x").await, edited(&app, &users[0], 1).await);
    assert_eq!(
        answer(call(&app, &users[1], of(&untouched, 0, "")).await),
        ListPostEditsResponse::default()
    );
    block(&app, &users[1], &users[0]).await;
    let nothing = Post {
        id: 4711,
        ..Default::default()
    };
    for post in [&nothing, &untouched, &changed] {
        let refused = refusal(call(&app, &users[1], of(post, 0, "")).await);
        assert_eq!(refused.summary(), "NotFound POST_NOT_FOUND []");
    }
    // Only to whoever blocks.
    assert_eq!(
        contents(&answer(call(&app, &users[0], of(&changed, 0, "")).await)),
        ["0"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_asked_for_in_the_right_way() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let (one, other) = (edited(&app, &alice, 2).await, edited(&app, &alice, 2).await);
    let token = answer(call(&app, &alice, of(&one, 1, "")).await).next_page_token;
    let refused = refusal(call(&app, &alice, of(&other, 1, &token)).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument PAGE_TOKEN_INVALID [page_token PAGE_TOKEN_INVALID]"
    );
    let refused = refusal(call(&app, &alice, of(&Post::default(), -1, "x")).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [post_id ID_INVALID, page_size PAGE_SIZE_INVALID, page_token PAGE_TOKEN_INVALID]"
    );
}
