use super::*;
use crate::support::{Uncommitted, block, deactivate, execute, post, seen};

pub(crate) async fn it_is_answered_as_it_was_and_gone(reaction: Reaction) {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let post = post(&app, &users[0], "hello").await;
    let edge = reaction.made(&app, &users[1], &post).await;
    assert_eq!(
        reaction.undo(&app, &users[1], post.id, false).await,
        Ok(Some(edge))
    );
    assert_eq!(reaction.seen_in(&seen(&app, &users[1], &post).await), (0, false));
    app.database.assert_invariants().await;
}

pub(crate) async fn only_the_callers_own_ends(reaction: Reaction) {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let post = post(&app, &users[0], "hello").await;
    reaction.made(&app, &users[1], &post).await;
    assert_eq!(reaction.undo(&app, &users[0], post.id, true).await, Ok(None));
    assert_eq!(reaction.seen_in(&seen(&app, &users[1], &post).await), (1, true));
}

pub(crate) async fn one_that_is_not_there_is_named(reaction: Reaction) {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let post = post(&app, &alice, "hello").await;
    for id in [post.id, 4711, i64::MAX] {
        let refused = reaction
            .undo(&app, &alice, id, false)
            .await
            .expect_err("a refusal");
        assert_eq!(
            refused.summary(),
            format!("NotFound {}_NOT_FOUND []", reaction.name())
        );
        let (_, name) = refused.resource.expect("a resource");
        assert_eq!(name, format!("posts/{id}/{}/{}", reaction.table(), alice.id));
    }
}

pub(crate) async fn with_allow_missing_a_repeat_is_a_success_without_it(reaction: Reaction) {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let post = post(&app, &alice, "hello").await;
    let edge = reaction.made(&app, &alice, &post).await;
    for expected in [Some(edge), None] {
        assert_eq!(reaction.undo(&app, &alice, post.id, true).await, Ok(expected));
    }
    assert_eq!(reaction.undo(&app, &alice, 4711, true).await, Ok(None));
}

pub(crate) async fn neither_blocks_nor_deactivation_keep_it(reaction: Reaction) {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let post = post(&app, &users[0], "hello").await;
    let edges = [
        reaction.made(&app, &users[1], &post).await,
        reaction.made(&app, &users[2], &post).await,
    ];
    block(&app, &users[0], &users[1]).await;
    block(&app, &users[2], &users[0]).await;
    for user in &users {
        deactivate(&app, user).await;
    }
    for (user, edge) in users[1..].iter().zip(edges) {
        assert_eq!(reaction.undo(&app, user, post.id, false).await, Ok(Some(edge)));
    }
    app.database.assert_invariants().await;
}

pub(crate) async fn an_id_is_greater_than_zero(reaction: Reaction) {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (id, allow_missing) in [(0, false), (-1, true)] {
        let refused = reaction
            .undo(&app, &alice, id, allow_missing)
            .await
            .expect_err("a refusal");
        assert_eq!(
            refused.summary(),
            "InvalidArgument ID_INVALID [post_id ID_INVALID]"
        );
    }
}

pub(crate) async fn a_post_that_goes_meanwhile_has_taken_it_along(reaction: Reaction) {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let post = post(&app, &alice, "hello").await;
    reaction.made(&app, &alice, &post).await;
    let deletion = format!("DELETE FROM posts.posts WHERE id = {}", post.id);
    let other = Uncommitted::begin(&app, &deletion).await;
    let call = reaction.undo(&app, &alice, post.id, true);
    let (called, ()) = tokio::join!(call, other.commit_under_a_waiting_call());
    assert_eq!(called, Ok(None));
    app.database.assert_invariants().await;
}

/// Counts nothing before the gate is open, which the test holds.
const GATE: &str = "
    CREATE FUNCTION posts.gate() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$;
    CREATE TRIGGER a_gate AFTER DELETE ON posts.likes FOR EACH STATEMENT EXECUTE FUNCTION posts.gate();
    CREATE TRIGGER a_gate AFTER DELETE ON posts.shares FOR EACH STATEMENT EXECUTE FUNCTION posts.gate()";

const NO_LOCK: &str = "
    CREATE OR REPLACE FUNCTION posts.post_lock(wanted_id bigint) RETURNS bigint
        LANGUAGE sql RETURN (SELECT author_id FROM posts.posts WHERE id = wanted_id)";

/// An undoing that has removed its row and not yet counted meets a deletion of the post; how many deadlocks come of it.
async fn deadlocks_with_a_deletion(reaction: Reaction, preparation: &str) -> i64 {
    let mut app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let post = post(&app, &users[0], "hello").await;
    reaction.made(&app, &users[1], &post).await;
    execute(&app, GATE).await;
    execute(&app, preparation).await;
    let mut gate = Uncommitted::begin(&app, "SELECT pg_advisory_xact_lock(1)").await;
    let (mut deleter, request) = (
        app.posts(&users[0]),
        DeletePostRequest {
            post_id: post.id,
            allow_missing: false,
        },
    );
    let undoing = reaction.undo(&app, &users[1], post.id, true);
    let deleting = async {
        gate.until_so_many_wait(1).await;
        let opening = async {
            gate.until_so_many_wait(2).await;
            gate.commit().await;
        };
        tokio::join!(deleter.delete_post(request), opening).0
    };
    let (undone, deleted) = tokio::join!(undoing, deleting);
    assert!(undone.is_ok() && deleted.is_ok(), "{undone:?} {deleted:?}");
    app.database.assert_invariants().await;
    app.shut_down().await;
    app.database.deadlocks().await
}

/// Control: the next test.
pub(crate) async fn a_deletion_of_the_post_waits_for_it(reaction: Reaction) {
    assert_eq!(Box::pin(deadlocks_with_a_deletion(reaction, "")).await, 0);
}

pub(crate) async fn without_the_posts_lock_a_deletion_and_it_wait_for_each_other(reaction: Reaction) {
    assert!(Box::pin(deadlocks_with_a_deletion(reaction, NO_LOCK)).await > 0);
}
