use kith_contracts::posts::v1::ListRepliesRequest;
use kith_testkit::{Caller, TestApp};

use crate::lists::{
    FOREIGN_TOKEN, Page, assert_each_once, assert_seen_by, assert_sizes, bearer, listed, refused, write,
};
use crate::support::{block, post, reply};

async fn list(app: &TestApp, caller: &impl Caller, post_id: i64, page_size: i32, page_token: String) -> Page {
    let request = ListRepliesRequest {
        post_id,
        page_size,
        page_token,
    };
    let answer = app.posts(caller).list_replies(request).await?.into_inner();
    Ok((answer.posts, answer.next_page_token))
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_show_each_reply_once_while_others_are_added() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let parent = post(&app, &alice, "parent").await;
    let beside = post(&app, &alice, "beside").await;
    let values = format!(", {}", parent.id);
    let mut newest_first = write(&app, &alice, 3, ", parent_id", &values).await;
    newest_first.splice(..0, write(&app, &alice, 4, ", parent_id", &values).await);
    // Neither the replies of others nor those to replies.
    reply(&app, &alice, &beside, "beside").await;
    write(&app, &alice, 1, ", parent_id", &format!(", {}", newest_first[0])).await;
    let list = async |size, token| list(&app, &alice, parent.id, size, token).await;
    assert_each_once(newest_first, list, async || {
        reply(&app, &alice, &parent, "new").await.id
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sees_what_it_may_and_what_it_has_to_do_with_it() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let parent = post(&app, &users[0], "parent").await;
    let mut newest_first = Vec::new();
    for user in &users {
        newest_first.insert(0, reply(&app, user, &parent, "reply").await.id);
    }
    let list = async |caller| list(&app, &caller, parent.id, 0, String::new()).await;
    assert_seen_by(&app, &users[1], &users[2], &newest_first, list).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beneath_a_post_of_somebody_whom_the_caller_blocks_nothing_is_listed() {
    let app = TestApp::start().await;
    let [alice, bob] = app.users(&["alice", "bob"]).await.try_into().expect("two users");
    let parent = post(&app, &bob, "parent").await;
    let reply = reply(&app, &alice, &parent, "reply").await;
    block(&app, &alice, &bob).await;
    let as_alice = list(&app, &alice, parent.id, 0, String::new()).await;
    assert_eq!(refused(as_alice), "NotFound POST_NOT_FOUND []");
    for caller in [bearer(&bob), app.operator(&[])] {
        let page = list(&app, &caller, parent.id, 0, String::new()).await;
        assert_eq!(listed(page).0, [reply.id]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_fifty_when_nothing_is_said_and_a_hundred_at_most() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let parent = post(&app, &alice, "parent").await;
    write(&app, &alice, 102, ", parent_id", &format!(", {}", parent.id)).await;
    assert_sizes(async |size, token| list(&app, &alice, parent.id, size, token).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_without_replies_has_an_empty_page_and_an_unknown_one_has_none() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let post = post(&app, &alice, "post").await;
    let page = list(&app, &alice, post.id, 0, String::new()).await;
    assert_eq!(listed(page), (vec![], String::new()));
    let page = list(&app, &alice, 4711, 0, String::new()).await;
    assert_eq!(refused(page), "NotFound POST_NOT_FOUND []");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_belongs_to_its_post_and_what_is_wrong_is_told_together() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let parent = post(&app, &alice, "parent").await;
    write(&app, &alice, 2, ", parent_id", &format!(", {}", parent.id)).await;
    let (replies, token) = listed(list(&app, &alice, parent.id, 1, String::new()).await);
    assert_eq!(
        refused(list(&app, &alice, replies[0], 1, token).await),
        FOREIGN_TOKEN
    );
    assert_eq!(
        refused(list(&app, &alice, 0, -1, "x".to_owned()).await),
        "InvalidArgument ID_INVALID [post_id ID_INVALID, page_size PAGE_SIZE_INVALID, page_token PAGE_TOKEN_INVALID]"
    );
}
