use kith_contracts::posts::v1::ListPostsByHashtagRequest;
use kith_testkit::{Caller, TestApp};

use crate::lists::{
    FOREIGN_TOKEN, Page, assert_each_once, assert_seen_by, assert_sizes, listed, refused, write,
};
use crate::support::{execute, post};

async fn list(app: &TestApp, caller: &impl Caller, tag: &str, page_size: i32, page_token: String) -> Page {
    let request = ListPostsByHashtagRequest {
        tag: tag.to_owned(),
        page_size,
        page_token,
    };
    let answer = app
        .posts(caller)
        .list_posts_by_hashtag(request)
        .await?
        .into_inner();
    Ok((answer.posts, answer.next_page_token))
}

/// Makes every post that there is name a topic.
async fn tag_all(app: &TestApp, tag: &str) {
    let insert = format!(
        "INSERT INTO posts.hashtags SELECT id, '{tag}', created_at, '{{0,2}}', '{{1,3}}' FROM posts.posts"
    );
    execute(app, &insert).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_show_each_post_once_while_others_are_added() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut newest_first = write(&app, &alice, 3, "", "").await;
    newest_first.splice(..0, write(&app, &alice, 4, "", "").await);
    tag_all(&app, "kith").await;
    post(&app, &alice, "#kithandkin").await;
    let list = async |size, token| list(&app, &alice, "kith", size, token).await;
    assert_each_once(newest_first, list, async || {
        post(&app, &alice, "#kith #Kith").await.id
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_found_in_any_case_with_its_sign_or_without() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let post = post(&app, &alice, "#Straße_ÜBER").await;
    for tag in ["straße_über", "STRAßE_über", "#Straße_Über"] {
        assert_eq!(
            listed(list(&app, &alice, tag, 0, String::new()).await).0,
            [post.id],
            "{tag}"
        );
    }
    assert_eq!(
        listed(list(&app, &alice, "straße", 0, String::new()).await),
        (vec![], String::new())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sees_what_it_may_and_what_it_has_to_do_with_it() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let mut newest_first = Vec::new();
    for user in &users {
        newest_first.insert(0, post(&app, user, "#kith").await.id);
    }
    let list = async |caller| list(&app, &caller, "kith", 0, String::new()).await;
    assert_seen_by(&app, &users[1], &users[2], &newest_first, list).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_fifty_when_nothing_is_said_and_a_hundred_at_most() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    write(&app, &alice, 102, "", "").await;
    tag_all(&app, "kith").await;
    assert_sizes(async |size, token| list(&app, &alice, "kith", size, token).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_belongs_to_its_tag_in_whatever_case() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let ids = write(&app, &alice, 2, "", "").await;
    tag_all(&app, "kith").await;
    let (_, token) = listed(list(&app, &alice, "kith", 1, String::new()).await);
    assert_eq!(
        refused(list(&app, &alice, "kit", 1, token.clone()).await),
        FOREIGN_TOKEN
    );
    assert_eq!(listed(list(&app, &alice, "#KITH", 1, token).await).0, ids[1..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_in_field_order() {
    let app = TestApp::start().await;
    for (tag, reason) in [
        ("", "FIELD_REQUIRED"),
        ("#", "FIELD_REQUIRED"),
        (&"é".repeat(101), "FIELD_TOO_LONG"),
        ("2026", "FIELD_MALFORMED"),
        ("a b", "FIELD_MALFORMED"),
        ("a\0", "FIELD_CONTAINS_NUL"),
    ] {
        let page = list(&app, &app.operator(&[]), tag, -1, "x".to_owned()).await;
        let expected = format!(
            "InvalidArgument {reason} [tag {reason}, page_size PAGE_SIZE_INVALID, page_token PAGE_TOKEN_INVALID]"
        );
        assert_eq!(refused(page), expected, "{tag}");
    }
}
