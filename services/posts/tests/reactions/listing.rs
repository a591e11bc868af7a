use super::*;
use crate::support::{block, delete_user, execute, post};

/// Each page as the ids of its users, until there is none.
async fn pages(
    reaction: Reaction,
    app: &TestApp,
    caller: &impl Caller,
    post: &Post,
    page_size: i32,
) -> Vec<Vec<i64>> {
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let page = reaction.of_post(app, caller, post.id, page_size, &token).await;
        let (edges, next) = page.expect("a page");
        pages.push(edges.iter().map(|edge| edge.user_id).collect());
        if next.is_empty() {
            return pages;
        }
        token = next;
    }
}

/// A post with so many of them, past the service, in two batches, so that there are equal times within a page and across
/// its end. Answers the author, the post and the users, newest first.
async fn crowded(app: &TestApp, reaction: Reaction, size: usize) -> (TestUser, Post, Vec<i64>) {
    let author = app.user("author").await;
    let post = post(app, &author, "hello").await;
    let names: Vec<String> = (0..size).map(|number| format!("fan{number}")).collect();
    let fans = app
        .users(&names.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    let ids: Vec<i64> = fans.iter().map(|fan| fan.id).collect();
    for ids in [&ids[..size / 2], &ids[size / 2..]] {
        let table = reaction.table();
        let sql = format!(
            "INSERT INTO posts.{table} (post_id, user_id) SELECT {}, unnest(ARRAY{ids:?}::bigint[])",
            post.id
        );
        execute(app, &sql).await;
    }
    (author, post, ids.into_iter().rev().collect())
}

pub(crate) async fn the_newest_comes_first(reaction: Reaction) {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let posts = [
        post(&app, &users[0], "hello").await,
        post(&app, &users[0], "bye").await,
    ];
    let mut edges = Vec::new();
    for user in [1, 0, 2] {
        edges.push(reaction.made(&app, &users[user], &posts[0]).await);
    }
    reaction.made(&app, &users[1], &posts[1]).await;
    edges.reverse();
    let listed = reaction.of_post(&app, &users[0], posts[0].id, 0, "").await;
    assert_eq!(listed, Ok((edges, String::new())));
}

pub(crate) async fn pages_of_every_size_give_each_once_in_order(reaction: Reaction) {
    let app = TestApp::start().await;
    let (author, post, newest_first) = crowded(&app, reaction, 7).await;
    for (size, count) in [(1, 7), (3, 3), (7, 1), (8, 1)] {
        let pages = pages(reaction, &app, &author, &post, size).await;
        assert_eq!(
            (pages.len(), pages.concat()),
            (count, newest_first.clone()),
            "pages of {size}"
        );
    }
}

pub(crate) async fn a_page_has_fifty_when_nothing_is_said_and_a_hundred_at_most(reaction: Reaction) {
    let app = TestApp::start().await;
    let (author, post, _) = crowded(&app, reaction, 101).await;
    for (size, length) in [(0, 50), (100, 100), (101, 100), (i32::MAX, 100)] {
        let page = reaction
            .of_post(&app, &author, post.id, size, "")
            .await
            .expect("a page");
        assert_eq!(page.0.len(), length, "{size}");
    }
}

pub(crate) async fn each_comes_once_while_new_ones_arrive_and_one_leaves(reaction: Reaction) {
    let app = TestApp::start().await;
    let (author, post, newest_first) = crowded(&app, reaction, 6).await;
    let (first, token) = reaction
        .of_post(&app, &author, post.id, 2, "")
        .await
        .expect("a page");
    reaction.made(&app, &author, &post).await;
    // The last of this page, at which the next one starts.
    let sql = format!(
        "DELETE FROM posts.{} WHERE user_id = {}",
        reaction.table(),
        first[1].user_id
    );
    execute(&app, &sql).await;
    let (rest, end) = reaction
        .of_post(&app, &author, post.id, 4, &token)
        .await
        .expect("a page");
    let seen: Vec<i64> = first.iter().chain(&rest).map(|edge| edge.user_id).collect();
    assert_eq!((seen, end.as_str()), (newest_first, ""));
}

pub(crate) async fn users_whom_the_caller_blocks_are_left_out(reaction: Reaction) {
    let app = TestApp::start().await;
    let (author, post, newest_first) = crowded(&app, reaction, 3).await;
    let fans: Vec<TestUser> = newest_first.iter().map(|id| app.signed_in(*id, "fan")).collect();
    block(&app, &author, &fans[1]).await;
    // It does not block the author, and so does not lose sight of the post.
    let without = vec![vec![fans[0].id, fans[2].id]];
    assert_eq!(pages(reaction, &app, &author, &post, 2).await, without);
    for caller in &fans {
        assert_eq!(
            pages(reaction, &app, caller, &post, 3).await,
            std::slice::from_ref(&newest_first)
        );
    }
    let operator = app.operator(&[]);
    assert_eq!(pages(reaction, &app, &operator, &post, 3).await, [newest_first]);
}

pub(crate) async fn a_post_is_there_or_not_as_its_author_is_to_the_caller(reaction: Reaction) {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let posts = [
        post(&app, &users[0], "hello").await,
        post(&app, &users[0], "bye").await,
    ];
    reaction.made(&app, &users[1], &posts[0]).await;
    block(&app, &users[2], &users[0]).await;
    for id in [posts[0].id, posts[1].id, 4711, i64::MAX] {
        let refused = reaction
            .of_post(&app, &users[2], id, 0, "")
            .await
            .expect_err("a refusal");
        assert_eq!(refused.summary(), "NotFound POST_NOT_FOUND []");
        let resource = ("kith.posts.v1.Post".to_owned(), format!("posts/{id}"));
        assert_eq!(refused.resource, Some(resource));
    }
    assert_eq!(pages(reaction, &app, &users[1], &posts[1], 0).await, [[0; 0]]);
    delete_user(&app, &users[1]).await;
    assert_eq!(pages(reaction, &app, &users[0], &posts[0], 0).await, [[0; 0]]);
}

pub(crate) async fn a_token_belongs_to_its_post_and_its_method(reaction: Reaction) {
    let app = TestApp::start().await;
    let (author, first, _) = crowded(&app, reaction, 2).await;
    let second = post(&app, &author, "bye").await;
    let (_, token) = reaction
        .of_post(&app, &author, first.id, 1, "")
        .await
        .expect("a page");
    let other = match reaction {
        Reaction::Like => Reaction::Share,
        Reaction::Share => Reaction::Like,
    };
    for refused in [
        reaction.of_post(&app, &author, second.id, 1, &token).await,
        reaction.of_post(&app, &author, first.id, 1, &token[1..]).await,
        other.of_post(&app, &author, first.id, 1, &token).await,
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
    let refused = reaction.of_post(&app, &app.operator(&[]), 0, -1, "x").await;
    assert_eq!(
        refused.expect_err("a refusal").summary(),
        "InvalidArgument ID_INVALID [post_id ID_INVALID, page_size PAGE_SIZE_INVALID, \
         page_token PAGE_TOKEN_INVALID]"
    );
}
