use std::sync::Arc;

use tokio::task::JoinSet;

use super::*;
use crate::support::{Uncommitted, block, count, deactivate, delete_user, post, seen};

pub(crate) async fn it_is_answered_and_counted_and_seen(reaction: Reaction) {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let post = post(&app, &users[0], "hello").await;
    let edge = reaction.made(&app, &users[1], &post).await;
    assert_eq!((edge.post_id, edge.user_id), (post.id, users[1].id));
    let own = seen(&app, &users[1], &post).await;
    assert_eq!(reaction.seen_in(&own), (1, true));
    let others = seen(&app, &users[2], &post).await;
    assert_eq!(reaction.seen_in(&others), (1, false));
    assert_eq!((others.etag, others.update_time), (post.etag, post.update_time));
    app.database.assert_invariants().await;
}

pub(crate) async fn authors_may_too(reaction: Reaction) {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let post = post(&app, &alice, "hello").await;
    reaction.made(&app, &alice, &post).await;
    assert_eq!(reaction.seen_in(&seen(&app, &alice, &post).await), (1, true));
}

pub(crate) async fn a_repetition_exists_already_unless_it_is_allowed(reaction: Reaction) {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let post = post(&app, &alice, "hello").await;
    let edge = reaction.made(&app, &alice, &post).await;
    let refused = reaction
        .make(&app, &alice, post.id, false)
        .await
        .expect_err("a refusal");
    let (name, table) = (reaction.name(), reaction.table());
    assert_eq!(refused.summary(), format!("AlreadyExists {name}_EXISTS []"));
    assert_eq!(refused.metadata["constraint"], format!("posts_{table}_pkey"));
    assert_eq!(reaction.make(&app, &alice, post.id, true).await, Ok((edge, true)));
    assert_eq!(reaction.seen_in(&seen(&app, &alice, &post).await), (1, true));
}

pub(crate) async fn what_is_there_is_told_before_any_policy(reaction: Reaction) {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let post = post(&app, &users[0], "hello").await;
    let edge = reaction.made(&app, &users[1], &post).await;
    block(&app, &users[0], &users[1]).await;
    deactivate(&app, &users[0]).await;
    let refused = reaction
        .make(&app, &users[1], post.id, false)
        .await
        .expect_err("a refusal");
    assert_eq!(
        refused.summary(),
        format!("AlreadyExists {}_EXISTS []", reaction.name())
    );
    assert_eq!(
        reaction.make(&app, &users[1], post.id, true).await,
        Ok((edge, true))
    );
}

pub(crate) async fn a_block_in_either_direction_forbids_it(reaction: Reaction) {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let post = post(&app, &users[0], "hello").await;
    block(&app, &users[0], &users[1]).await;
    block(&app, &users[2], &users[0]).await;
    for user in &users[1..] {
        let refused = reaction
            .make(&app, user, post.id, true)
            .await
            .expect_err("a refusal");
        assert_eq!(refused.summary(), "PermissionDenied INTERACTION_NOT_ALLOWED []");
        assert_eq!((refused.resource, refused.metadata.len()), (None, 0));
    }
    assert_eq!(count(&app, &format!("posts.{}", reaction.table())).await, 0);
}

pub(crate) async fn nobody_who_is_deactivated_does_it_or_has_it_done(reaction: Reaction) {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let posts = [
        post(&app, &users[0], "hello").await,
        post(&app, &users[1], "hello").await,
    ];
    deactivate(&app, &users[0]).await;
    for (user, post) in [(&users[0], &posts[1]), (&users[1], &posts[0])] {
        let refused = reaction
            .make(&app, user, post.id, false)
            .await
            .expect_err("a refusal");
        assert_eq!(refused.summary(), "FailedPrecondition USER_INACTIVE []");
        let resource = (
            "kith.identity.v1.User".to_owned(),
            format!("users/{}", users[0].id),
        );
        assert_eq!(refused.resource, Some(resource));
    }
}

pub(crate) async fn what_is_missing_is_named(reaction: Reaction) {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let post = post(&app, &users[0], "hello").await;
    for id in [4711, i64::MAX] {
        let refused = reaction
            .make(&app, &users[0], id, false)
            .await
            .expect_err("a refusal");
        assert_eq!(refused.summary(), "NotFound POST_NOT_FOUND []");
        let rule = format!("posts_{}_post_id_fkey", reaction.table());
        assert_eq!(refused.metadata["constraint"], rule);
    }
    delete_user(&app, &users[1]).await;
    let refused = reaction
        .make(&app, &users[1], post.id, false)
        .await
        .expect_err("a refusal");
    assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
    let rule = format!("posts_{}_user_id_fkey", reaction.table());
    assert_eq!(refused.metadata["constraint"], rule);
}

pub(crate) async fn an_id_is_greater_than_zero(reaction: Reaction) {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for id in [0, -1] {
        let refused = reaction
            .make(&app, &alice, id, true)
            .await
            .expect_err("a refusal");
        assert_eq!(
            refused.summary(),
            "InvalidArgument ID_INVALID [post_id ID_INVALID]"
        );
    }
}

pub(crate) async fn of_many_at_once_one_makes_it(reaction: Reaction) {
    let app = Arc::new(TestApp::start().await);
    let alice = app.user("alice").await;
    let post = post(&app, &alice, "hello").await;
    let mut calls = JoinSet::new();
    for _ in 0..24 {
        let (app, alice) = (Arc::clone(&app), alice.clone());
        calls.spawn(async move {
            reaction
                .make(&app, &alice, post.id, true)
                .await
                .expect("an answer")
        });
    }
    let answers = calls.join_all().await;
    assert_eq!(answers.iter().filter(|(_, existing)| !existing).count(), 1);
    assert!(answers.iter().all(|(edge, _)| *edge == answers[0].0));
    app.database.assert_invariants().await;
}

pub(crate) async fn one_that_comes_in_between_is_found(reaction: Reaction) {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let post = post(&app, &alice, "hello").await;
    let table = reaction.table();
    let insert = format!(
        "INSERT INTO posts.{table} (post_id, user_id) VALUES ({}, {})",
        post.id, alice.id
    );
    let other = Uncommitted::begin(&app, &insert).await;
    let call = reaction.make(&app, &alice, post.id, true);
    let (called, ()) = tokio::join!(call, other.commit_under_a_waiting_call());
    assert!(called.expect("an answer").1, "it was there");
    app.database.assert_invariants().await;
}

pub(crate) async fn a_post_or_user_that_goes_meanwhile_is_missed_as_one_that_never_was(reaction: Reaction) {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let posts = [
        post(&app, &users[0], "hello").await,
        post(&app, &users[0], "bye").await,
    ];
    let deletions = [
        format!("DELETE FROM posts.posts WHERE id = {}", posts[0].id),
        format!("DELETE FROM identity.users WHERE id = {}", users[1].id),
    ];
    for (post, deletion) in posts.iter().zip(deletions) {
        let other = Uncommitted::begin(&app, &deletion).await;
        let call = reaction.make(&app, &users[1], post.id, false);
        let (called, ()) = tokio::join!(call, other.commit_under_a_waiting_call());
        let now = reaction.make(&app, &users[1], post.id, false).await;
        assert_eq!((called.is_err(), called), (true, now), "{deletion}");
    }
    app.database.assert_invariants().await;
}
