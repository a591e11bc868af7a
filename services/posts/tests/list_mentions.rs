use kith_contracts::posts::v1::ListMentionsRequest;
use kith_testkit::{Caller, TestApp};

use crate::lists::{
    FOREIGN_TOKEN, Page, assert_each_once, assert_seen_by, assert_sizes, listed, refused, write,
};
use crate::support::{execute, post};

async fn list(app: &TestApp, caller: &impl Caller, user_id: i64, page_size: i32, page_token: String) -> Page {
    let request = ListMentionsRequest {
        user_id,
        page_size,
        page_token,
    };
    let answer = app.posts(caller).list_mentions(request).await?.into_inner();
    Ok((answer.posts, answer.next_page_token))
}

/// Makes every post that there is mention a user.
async fn mention_by_all(app: &TestApp, user_id: i64) {
    let insert = format!(
        "INSERT INTO posts.mentions SELECT id, {user_id}, created_at, '{{0,2}}', '{{1,3}}' FROM posts.posts"
    );
    execute(app, &insert).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_show_each_post_once_while_others_are_added() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut newest_first = write(&app, &alice, 3, "", "").await;
    newest_first.splice(..0, write(&app, &alice, 4, "", "").await);
    mention_by_all(&app, alice.id).await;
    post(&app, &alice, "not her").await;
    let list = async |size, token| list(&app, &alice, alice.id, size, token).await;
    assert_each_once(newest_first, list, async || {
        post(&app, &alice, "@alice @Alice").await.id
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sees_what_it_may_and_what_it_has_to_do_with_it() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let mut newest_first = Vec::new();
    for user in &users {
        newest_first.insert(0, post(&app, user, "hello @alice").await.id);
    }
    let list = async |caller| list(&app, &caller, users[0].id, 0, String::new()).await;
    assert_seen_by(&app, &users[1], &users[2], &newest_first, list).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_fifty_when_nothing_is_said_and_a_hundred_at_most() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    write(&app, &alice, 102, "", "").await;
    mention_by_all(&app, alice.id).await;
    assert_sizes(async |size, token| list(&app, &alice, alice.id, size, token).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whom_nobody_mentions_has_an_empty_page_and_an_unknown_one_has_none() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let page = list(&app, &alice, alice.id, 0, String::new()).await;
    assert_eq!(listed(page), (vec![], String::new()));
    let page = list(&app, &alice, 4711, 0, String::new()).await;
    assert_eq!(refused(page), "NotFound USER_NOT_FOUND []");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_belongs_to_its_user_and_what_is_wrong_is_told_together() {
    let app = TestApp::start().await;
    let [alice, bob] = app.users(&["alice", "bob"]).await.try_into().expect("two users");
    write(&app, &alice, 2, "", "").await;
    mention_by_all(&app, alice.id).await;
    let (_, token) = listed(list(&app, &alice, alice.id, 1, String::new()).await);
    assert_eq!(refused(list(&app, &alice, bob.id, 1, token).await), FOREIGN_TOKEN);
    assert_eq!(
        refused(list(&app, &alice, 0, -1, "x".to_owned()).await),
        "InvalidArgument ID_INVALID [user_id ID_INVALID, page_size PAGE_SIZE_INVALID, page_token PAGE_TOKEN_INVALID]"
    );
}
