use super::*;
use crate::support::{block, execute, post, seen};

/// Each page as the ids of its posts, until there is none.
async fn pages(
    reaction: Reaction,
    app: &TestApp,
    caller: &impl Caller,
    user: &TestUser,
    page_size: i32,
) -> Vec<Vec<i64>> {
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let page = reaction.of_user(app, caller, user.id, page_size, &token).await;
        let (pairs, next) = page.expect("a page");
        assert!(
            pairs
                .iter()
                .all(|(post, edge)| (post.id, user.id) == (edge.post_id, edge.user_id))
        );
        pages.push(pairs.iter().map(|(post, _)| post.id).collect());
        if next.is_empty() {
            return pages;
        }
        token = next;
    }
}

/// Somebody with so many of them, past the service, in two batches, so that there are equal times within a page and across
/// its end. Answers the posts' author, the user and the posts, newest like or share first.
async fn eager(app: &TestApp, reaction: Reaction, size: i64) -> (TestUser, TestUser, Vec<i64>) {
    let [author, user] = app
        .users(&["author", "user"])
        .await
        .try_into()
        .expect("two users");
    let table = reaction.table();
    for (first, last) in [(1, size / 2), (size / 2 + 1, size)] {
        let sql = format!(
            "WITH made AS (
                INSERT INTO posts.posts (id, author_id, content) OVERRIDING SYSTEM VALUE
                SELECT id, {}, 'hello' FROM generate_series({first}, {last}) AS id RETURNING id
            )
            INSERT INTO posts.{table} (post_id, user_id) SELECT id, {} FROM made",
            author.id, user.id
        );
        execute(app, &sql).await;
    }
    (author, user, (1..=size).rev().collect())
}

pub(crate) async fn the_newest_comes_first_with_the_post_as_the_caller_sees_it(reaction: Reaction) {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let mut posts = Vec::new();
    for content in ["one #two", "@bob", "three"] {
        posts.push(post(&app, &users[0], content).await);
    }
    let mut expected = Vec::new();
    for place in [1, 0, 2] {
        let edge = reaction.made(&app, &users[1], &posts[place]).await;
        reaction.made(&app, &users[2], &posts[place]).await;
        expected.insert(0, (seen(&app, &users[2], &posts[place]).await, edge));
    }
    reaction
        .undo(&app, &users[2], posts[2].id, false)
        .await
        .expect("an answer");
    expected[0].0 = seen(&app, &users[2], &posts[2]).await;
    let listed = reaction.of_user(&app, &users[2], users[1].id, 0, "").await;
    assert_eq!(listed, Ok((expected.clone(), String::new())));
    let shown: Vec<_> = expected.iter().map(|(post, _)| reaction.seen_in(post)).collect();
    assert_eq!(shown, [(1, false), (2, true), (2, true)]);
}

pub(crate) async fn pages_of_every_size_give_each_once_in_order(reaction: Reaction) {
    let app = TestApp::start().await;
    let (author, user, newest_first) = eager(&app, reaction, 7).await;
    for (size, count) in [(1, 7), (3, 3), (7, 1), (8, 1)] {
        let pages = pages(reaction, &app, &author, &user, size).await;
        assert_eq!(
            (pages.len(), pages.concat()),
            (count, newest_first.clone()),
            "pages of {size}"
        );
    }
}

pub(crate) async fn a_page_has_fifty_when_nothing_is_said_and_a_hundred_at_most(reaction: Reaction) {
    let app = TestApp::start().await;
    let (author, user, _) = eager(&app, reaction, 101).await;
    for (size, length) in [(0, 50), (100, 100), (101, 100), (i32::MAX, 100)] {
        let page = reaction
            .of_user(&app, &author, user.id, size, "")
            .await
            .expect("a page");
        assert_eq!(page.0.len(), length, "{size}");
    }
}

pub(crate) async fn posts_by_users_whom_the_caller_blocks_are_left_out(reaction: Reaction) {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let mut posts = Vec::new();
    for author in [0, 1, 0, 1] {
        let post = post(&app, &users[author], "hello").await;
        reaction.made(&app, &users[0], &post).await;
        posts.insert(0, post.id);
    }
    block(&app, &users[2], &users[1]).await;
    assert_eq!(
        pages(reaction, &app, &users[2], &users[0], 1).await,
        [[posts[1]], [posts[3]]]
    );
    // Who is blocked sees no less.
    assert_eq!(
        pages(reaction, &app, &users[1], &users[0], 4).await,
        [posts.clone()]
    );
    assert_eq!(
        pages(reaction, &app, &app.operator(&[]), &users[0], 4).await,
        [posts]
    );
}

pub(crate) async fn the_list_of_a_user_whom_the_caller_blocks_is_empty(reaction: Reaction) {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let post = post(&app, &users[0], "hello").await;
    reaction.made(&app, &users[1], &post).await;
    block(&app, &users[2], &users[1]).await;
    assert_eq!(pages(reaction, &app, &users[2], &users[1], 0).await, [[0; 0]]);
    assert_eq!(pages(reaction, &app, &users[1], &users[1], 0).await, [[post.id]]);
}

pub(crate) async fn a_user_without_any_has_an_empty_page_and_an_unknown_one_has_none(reaction: Reaction) {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    assert_eq!(pages(reaction, &app, &alice, &alice, 0).await, [[0; 0]]);
    for id in [4711, i64::MAX] {
        let refused = reaction
            .of_user(&app, &alice, id, 0, "")
            .await
            .expect_err("a refusal");
        assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
        let resource = ("kith.identity.v1.User".to_owned(), format!("users/{id}"));
        assert_eq!(refused.resource, Some(resource));
    }
}

pub(crate) async fn a_token_belongs_to_its_user_and_its_method(reaction: Reaction) {
    let app = TestApp::start().await;
    let (author, user, _) = eager(&app, reaction, 2).await;
    let (_, token) = reaction
        .of_user(&app, &author, user.id, 1, "")
        .await
        .expect("a page");
    let other = match reaction {
        Reaction::Like => Reaction::Share,
        Reaction::Share => Reaction::Like,
    };
    for refused in [
        reaction.of_user(&app, &author, author.id, 1, &token).await,
        reaction.of_user(&app, &author, user.id, 1, &token[1..]).await,
        other.of_user(&app, &author, user.id, 1, &token).await,
    ] {
        let summary = refused.expect_err("a refusal").summary();
        assert_eq!(
            summary,
            "InvalidArgument PAGE_TOKEN_INVALID [page_token PAGE_TOKEN_INVALID]"
        );
    }
}

pub(crate) async fn every_broken_rule_is_told_at_once_in_field_order(reaction: Reaction) {
    let app = TestApp::start().await;
    let refused = reaction.of_user(&app, &app.operator(&[]), 0, -1, "x").await;
    assert_eq!(
        refused.expect_err("a refusal").summary(),
        "InvalidArgument ID_INVALID [user_id ID_INVALID, page_size PAGE_SIZE_INVALID, \
         page_token PAGE_TOKEN_INVALID]"
    );
}
