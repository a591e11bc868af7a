use kith_contracts::posts::v1::ListPostsRequest;
use kith_testkit::{Caller, TestApp};

use crate::lists::{
    FOREIGN_TOKEN, Page, assert_each_once, assert_seen_by, assert_sizes, listed, refused, write,
};
use crate::support::{post, reply};

async fn list(app: &TestApp, caller: &impl Caller, page_size: i32, page_token: String) -> Page {
    let request = ListPostsRequest {
        page_size,
        page_token,
    };
    let answer = app.posts(caller).list_posts(request).await?.into_inner();
    Ok((answer.posts, answer.next_page_token))
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_show_each_post_once_while_others_are_added() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut newest_first = write(&app, &alice, 3, "", "").await;
    newest_first.splice(..0, write(&app, &alice, 4, ", parent_id", ", 1").await);
    let list = async |size, token| list(&app, &alice, size, token).await;
    assert_each_once(newest_first, list, async || post(&app, &alice, "new").await.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sees_what_it_may_and_what_it_has_to_do_with_it() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let one = post(&app, &users[0], "one").await;
    let two = reply(&app, &users[1], &one, "two").await;
    let three = post(&app, &users[2], "three").await;
    let newest_first = [three.id, two.id, one.id];
    let list = async |caller| list(&app, &caller, 0, String::new()).await;
    assert_seen_by(&app, &users[1], &users[2], &newest_first, list).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_fifty_when_nothing_is_said_and_a_hundred_at_most() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    write(&app, &alice, 102, "", "").await;
    assert_sizes(async |size, token| list(&app, &alice, size, token).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_posts_are_an_empty_page() {
    let app = TestApp::start().await;
    let page = list(&app, &app.operator(&[]), 0, String::new()).await;
    assert_eq!(listed(page), (vec![], String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_together_and_before_anything_is_read() {
    let app = TestApp::start().await;
    let operator = app.operator(&[]);
    assert_eq!(
        refused(list(&app, &operator, -1, "x".to_owned()).await),
        "InvalidArgument PAGE_SIZE_INVALID [page_size PAGE_SIZE_INVALID, page_token PAGE_TOKEN_INVALID]"
    );
    assert_eq!(
        refused(list(&app, &operator, 1, "x".to_owned()).await),
        FOREIGN_TOKEN
    );
}
