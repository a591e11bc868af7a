use std::time::Duration;

use kith_contracts::posts::v1::{
    DeletePostRequest, DeletePostResponse, LikePostRequest, Post, SharePostRequest,
};
use kith_testkit::{Caller, TestApp, TestUser};
use tokio::task::JoinSet;
use tonic::{Code, Request, Response, Status};

use crate::support::{
    Uncommitted, answer, block, count, create, deactivate, execute, get, mentions, post, refusal, reply,
    reply_to, seen,
};

type Called = Result<Response<DeletePostResponse>, Status>;

async fn call(app: &TestApp, caller: &impl Caller, post: &Post, allow_missing: bool) -> Called {
    let request = DeletePostRequest {
        post_id: post.id,
        allow_missing,
    };
    app.posts(caller).delete_post(request).await
}

async fn delete(app: &TestApp, author: &TestUser, post: &Post) -> Post {
    answer(call(app, author, post, false).await).post.expect("a post")
}

async fn two(app: &TestApp) -> (TestUser, TestUser) {
    let mut users = app.users(&["alice", "bob"]).await.into_iter();
    let pair = users.next().zip(users.next());
    pair.expect("two users")
}

async fn like_and_share(app: &TestApp, user: &TestUser, post: &Post) {
    let (post_id, allow_existing) = (post.id, false);
    let (like, share) = (
        LikePostRequest {
            post_id,
            allow_existing,
        },
        SharePostRequest {
            post_id,
            allow_existing,
        },
    );
    answer(app.posts(user).like_post(like).await);
    answer(app.posts(user).share_post(share).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_post_is_answered_as_it_was_and_gone_with_all_beneath_it() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let top = post(&app, &alice, "@bob #tag").await;
    let beneath = reply(&app, &bob, &top, "@alice #tag").await;
    reply(&app, &alice, &beneath, "x").await;
    for (user, post) in [(&alice, &top), (&bob, &top), (&alice, &beneath)] {
        like_and_share(&app, user, post).await;
    }
    let before = seen(&app, &alice, &top).await;
    assert_eq!(delete(&app, &alice, &top).await, before);
    assert_eq!(
        (before.likes_count, before.comment_count, before.shares_count),
        (2, 1, 2)
    );
    assert_eq!(mentions(&before), [(bob.id, 0, 4)]);
    for table in ["posts", "likes", "shares", "mentions", "hashtags"] {
        assert_eq!(count(&app, &format!("posts.{table}")).await, 0, "{table}");
    }
    let refused = refusal(get(&app, &alice, &top).await);
    assert_eq!(refused.summary(), "NotFound POST_NOT_FOUND []");
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counter_of_what_it_replied_to_follows() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let top = post(&app, &alice, "top").await;
    let first = reply(&app, &bob, &top, "first").await;
    reply(&app, &bob, &top, "second").await;
    delete(&app, &bob, &first).await;
    assert_eq!(seen(&app, &alice, &top).await.comment_count, 1);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_unless_that_is_allowed() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let gone = post(&app, &alice, "x").await;
    delete(&app, &alice, &gone).await;
    for caller in [&alice, &bob] {
        let refused = refusal(call(&app, caller, &gone, false).await);
        assert_eq!(refused.summary(), "NotFound POST_NOT_FOUND []");
        assert_eq!(answer(call(&app, caller, &gone, true).await).post, None);
    }
    let nothing = Post::default();
    let refused = refusal(call(&app, &alice, &nothing, true).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [post_id ID_INVALID]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_post_is_not_the_callers_to_delete_not_even_a_reply_to_its_own() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let top = post(&app, &alice, "top").await;
    let beneath = reply(&app, &bob, &top, "x").await;
    for (caller, post) in [(&alice, &beneath), (&bob, &top)] {
        for allow_missing in [false, true] {
            let refused = refusal(call(&app, caller, post, allow_missing).await);
            assert_eq!(refused.summary(), "PermissionDenied NOT_OWNER []");
        }
    }
    // To whoever blocks its author it is not there.
    block(&app, &alice, &bob).await;
    let refused = refusal(call(&app, &alice, &beneath, false).await);
    assert_eq!(refused.summary(), "NotFound POST_NOT_FOUND []");
    assert_eq!(answer(call(&app, &alice, &beneath, true).await).post, None);
    assert_eq!(count(&app, "posts.posts").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_is_deleted_whatever_block_or_deactivation_there_is() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let top = post(&app, &alice, "top").await;
    let beneath = reply(&app, &bob, &top, "@alice").await;
    block(&app, &alice, &bob).await;
    block(&app, &bob, &alice).await;
    deactivate(&app, &bob).await;
    delete(&app, &bob, &beneath).await;
    assert_eq!(seen(&app, &alice, &top).await.comment_count, 0);
    app.database.assert_invariants().await;
}

// Control: without the comparison of versions, the answer has the new content with the old mentions.
#[tokio::test(flavor = "multi_thread")]
async fn what_it_said_last_is_answered_with_what_that_names() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let made = post(&app, &alice, "@bob").await;
    let meanwhile = format!(
        "UPDATE posts.posts SET content = 'hi @bob', version = version + 1 WHERE id = {id};
        DELETE FROM posts.mentions WHERE post_id = {id};
        INSERT INTO posts.mentions (post_id, user_id, created_at, starts, ends)
            SELECT id, {bob}, created_at, '{{3}}', '{{7}}' FROM posts.posts WHERE id = {id}",
        id = made.id,
        bob = bob.id
    );
    let other = Uncommitted::begin(&app, &meanwhile).await;
    let (deleted, ()) = tokio::join!(delete(&app, &alice, &made), other.commit_under_a_waiting_call());
    assert_eq!(deleted.content, "hi @bob");
    assert_eq!(mentions(&deleted), [(bob.id, 3, 7)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_being_made_goes_too() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let top = post(&app, &alice, "top").await;
    let reply = format!(
        "SELECT posts.post_lock({id}); INSERT INTO posts.posts (author_id, content, parent_id) VALUES ({}, 'x', {id})",
        bob.id,
        id = top.id
    );
    let other = Uncommitted::begin(&app, &reply).await;
    let (deleted, ()) = tokio::join!(delete(&app, &alice, &top), other.commit_under_a_waiting_call());
    assert_eq!(deleted.comment_count, 1);
    assert_eq!(count(&app, "posts.posts").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_deletions_at_once_exactly_one_deletes() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let top = post(&app, &bob, "top").await;
    let made = reply(&app, &alice, &top, "x").await;
    let mut calls = JoinSet::new();
    for _ in 0..16 {
        let mut client = app.posts(&alice);
        let request = DeletePostRequest {
            post_id: made.id,
            allow_missing: true,
        };
        calls.spawn(async move { answer(client.delete_post(request).await).post });
    }
    let deleted = calls.join_all().await.into_iter().flatten().count();
    assert_eq!(deleted, 1);
    assert_eq!(seen(&app, &bob, &top).await.comment_count, 0);
}

// Control: with the reply locked before its parent, this is a deadlock.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_deletes_a_reply_waits_for_its_parent_with_empty_hands() {
    let mut app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let top = post(&app, &alice, "top").await;
    let beneath = reply(&app, &bob, &top, "x").await;
    let lock = format!("SELECT posts.post_lock({})", top.id);
    let other = Uncommitted::begin(&app, &lock).await;
    let delete = format!("DELETE FROM posts.posts WHERE id = {}; COMMIT", top.id);
    let (called, ()) = tokio::join!(
        call(&app, &bob, &beneath, false),
        other.end_under_a_waiting_call(&delete)
    );
    assert_eq!(refusal(called).summary(), "NotFound POST_NOT_FOUND []");
    assert_eq!(count(&app, "posts.posts").await, 0);
    app.shut_down().await;
    assert_eq!(app.database.deadlocks().await, 0);
}

// All lock from the top of the thread downwards, so there is no deadlock, not even one that was retried.
#[tokio::test(flavor = "multi_thread")]
async fn a_thread_is_deleted_at_all_its_levels_at_once_without_a_deadlock() {
    let mut app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    for _ in 0..8 {
        let mut thread = vec![post(&app, &alice, "0").await];
        for level in 1..8 {
            let author = [&alice, &bob][level % 2];
            let made = reply(&app, author, &thread[level - 1], "x").await;
            thread.push(made);
        }
        let mut calls = JoinSet::new();
        for (level, post) in thread.iter().enumerate().rev() {
            let author = [&alice, &bob][level % 2];
            let (mut deleting, mut replying) = (app.posts(author), app.posts(&bob));
            let request = DeletePostRequest {
                post_id: post.id,
                allow_missing: true,
            };
            calls.spawn(async move { deleting.delete_post(request).await.map(drop) });
            let request = reply_to(post, "late");
            calls.spawn(async move {
                let made = replying.create_post(request).await.map(drop);
                made.or_else(|status| match status.code() {
                    Code::NotFound => Ok(()),
                    _ => Err(status),
                })
            });
        }
        for call in calls.join_all().await {
            call.expect("an answer");
        }
    }
    assert_eq!(count(&app, "posts.posts").await, 0);
    app.database.assert_invariants().await;
    app.shut_down().await;
    assert_eq!(app.database.deadlocks().await, 0);
}

/// How deep a thread may get is no rule, so its deletion may not depend on it.
#[tokio::test(flavor = "multi_thread")]
async fn a_thread_of_any_depth_can_be_deleted() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let top = post(&app, &alice, "top").await;
    let chain = format!(
        "INSERT INTO posts.posts (id, author_id, content, parent_id) OVERRIDING SYSTEM VALUE
        SELECT {top} + number, {bob}, 'x', {top} + number - 1 FROM generate_series(1, 10000) AS number",
        top = top.id,
        bob = bob.id
    );
    execute(&app, &chain).await;
    delete(&app, &alice, &top).await;
    assert_eq!(count(&app, "posts.posts").await, 0);
    drop(
        create(&app, &bob, reply_to(&top, "x"))
            .await
            .expect_err("no parent"),
    );
}

/// Keeps how long each statement may take that deletes likes.
const LIMITS: &str = "
    CREATE TABLE posts.limits (statement_timeout interval);
    CREATE FUNCTION posts.keep_limit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN INSERT INTO posts.limits VALUES (current_setting('statement_timeout')::interval); RETURN NULL; END $$;
    CREATE TRIGGER keep_limit AFTER DELETE ON posts.likes FOR EACH ROW EXECUTE FUNCTION posts.keep_limit()";

/// A post with very many replies could not be deleted by callers with the usual patience, or at all within the role's limit.
/// Broken off at its caller's deadline, the repetition would find the post and answer it.
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_goes_on_without_its_caller_and_whoever_asks_again_learns_of_it() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let top = post(&app, &alice, "top").await;
    like_and_share(&app, &bob, &top).await;
    execute(&app, LIMITS).await;
    let mut held = Uncommitted::begin(&app, "SELECT FROM posts.likes FOR UPDATE").await;
    let mut hurried = Request::new(DeletePostRequest {
        post_id: top.id,
        allow_missing: false,
    });
    hurried.set_timeout(Duration::from_secs(2));
    let mut client = app.posts(&alice);
    let (late, ()) = tokio::join!(client.delete_post(hurried), held.until_somebody_waits());
    assert_eq!(
        late.expect_err("no answer in time").code(),
        Code::DeadlineExceeded
    );
    let (again, ()) = tokio::join!(call(&app, &alice, &top, false), async {
        held.until_so_many_wait(2).await;
        held.commit().await;
    });
    assert_eq!(refusal(again).summary(), "NotFound POST_NOT_FOUND []");
    let long = "posts.limits WHERE statement_timeout BETWEEN '9 minutes' AND '10 minutes'";
    assert_eq!(count(&app, long).await, 1);
    app.database.assert_invariants().await;
}
