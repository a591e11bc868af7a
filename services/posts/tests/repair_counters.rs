//! A transaction that likes, shares, replies or undoes is held open at each point where a repair can meet it: before it
//! changes the counters, after that, and while the repair itself is not yet committed.

use std::sync::Arc;

use kith_contracts::posts::v1::{
    CounterDrift, DeletePostRequest, Post, RepairCountersRequest, RepairCountersResponse,
};
use kith_testkit::{TestApp, TestUser};
use tokio::task::{JoinHandle, JoinSet};

use crate::counters::{REPAIR, drift, drifts, spoil};
use crate::reactions::Reaction;
use crate::support::{Uncommitted, answer, execute, post, refusal, reply, reply_to, with_content};

async fn page(app: &TestApp, page_size: i32, page_token: &str) -> RepairCountersResponse {
    let request = RepairCountersRequest {
        page_size,
        page_token: page_token.to_owned(),
    };
    let operator = app.operator(&[REPAIR]);
    answer(app.posts(&operator).repair_counters(request).await)
}

/// Repairs the first hundred posts.
async fn repair(app: &TestApp) -> Vec<CounterDrift> {
    let page = page(app, 100, "").await;
    assert_eq!(page.next_page_token, "", "there are more");
    page.drifts
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_drifted_nothing_is_found_and_nothing_is_locked() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let post = post(&app, &alice, "hello").await;
    Reaction::Like.made(&app, &alice, &post).await;
    let _locked = Uncommitted::begin(&app, "SELECT FROM posts.posts FOR UPDATE").await;
    let page = page(&app, 0, "").await;
    assert_eq!((page.drifts, page.verified_posts), (Vec::new(), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_drift_is_told_and_set_right() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let first = post(&app, &alice, "hello").await;
    let second = reply(&app, &alice, &first, "hi").await;
    Reaction::Like.made(&app, &alice, &first).await;
    Reaction::Share.made(&app, &alice, &second).await;
    spoil(
        &app,
        "UPDATE posts.posts SET likes_count = 7, comment_count = 8, shares_count = 9",
    )
    .await;
    let expected = [
        drift(first.id, (7, 8, 9), (1, 1, 0)),
        drift(second.id, (7, 8, 9), (0, 0, 1)),
    ];
    assert_eq!(repair(&app).await, expected);
    assert_eq!((drifts(&app).await, repair(&app).await), (Vec::new(), Vec::new()));
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_repaired_and_no_more() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut ids = Vec::new();
    for content in ["one", "two", "three"] {
        ids.push(post(&app, &alice, content).await.id);
    }
    spoil(&app, "UPDATE posts.posts SET shares_count = 1").await;
    let first = page(&app, 2, "").await;
    assert_eq!((first.drifts.len(), first.verified_posts), (2, 2));
    assert_eq!(drifts(&app).await, [drift(ids[2], (0, 0, 1), (0, 0, 0))]);
    let second = page(&app, 2, &first.next_page_token).await;
    assert_eq!((second.drifts.len(), second.verified_posts), (1, 1));
    assert_eq!(second.next_page_token, "");
    app.database.assert_invariants().await;
}

/// A fan likes a post, shares it and has replied to it, and a newcomer may. Its counters are wrong.
struct Scene {
    app: Arc<TestApp>,
    fan: TestUser,
    newcomer: TestUser,
    post: Post,
    reply: Post,
}

/// What a user does beneath the post while it is repaired.
#[derive(Clone, Copy, Debug)]
enum Change {
    Make(Reaction),
    Undo(Reaction),
    Reply,
    Delete,
}

const CHANGES: [Change; 6] = [
    Change::Make(Reaction::Like),
    Change::Undo(Reaction::Like),
    Change::Make(Reaction::Share),
    Change::Undo(Reaction::Share),
    Change::Reply,
    Change::Delete,
];

impl Scene {
    async fn spoilt() -> Self {
        let app = Arc::new(TestApp::start().await);
        let [fan, newcomer, author] = app.users(&["f", "n", "a"]).await.try_into().expect("three users");
        let post = post(&app, &author, "hello").await;
        let reply = reply(&app, &fan, &post, "hi").await;
        Reaction::Like.made(&app, &fan, &post).await;
        Reaction::Share.made(&app, &fan, &post).await;
        let more = "likes_count = likes_count + 5, comment_count = comment_count + 5, shares_count = shares_count + 5";
        spoil(
            &app,
            &format!("UPDATE posts.posts SET {more} WHERE id = {}", post.id),
        )
        .await;
        Self {
            app,
            fan,
            newcomer,
            post,
            reply,
        }
    }

    fn sql(&self, change: Change) -> String {
        let (fan, newcomer, post) = (self.fan.id, self.newcomer.id, self.post.id);
        match change {
            Change::Make(reaction) => {
                format!(
                    "INSERT INTO posts.{} VALUES ({post}, {newcomer})",
                    reaction.table()
                )
            }
            Change::Undo(reaction) => {
                format!(
                    "DELETE FROM posts.{} WHERE (post_id, user_id) = ({post}, {fan})",
                    reaction.table()
                )
            }
            Change::Reply => {
                format!(
                    "INSERT INTO posts.posts (author_id, content, parent_id) VALUES ({newcomer}, 'hi', {post})"
                )
            }
            Change::Delete => format!("DELETE FROM posts.posts WHERE id = {}", self.reply.id),
        }
    }

    /// The same by RPC.
    fn call(&self, change: Change) -> JoinHandle<()> {
        let (app, post, reply) = (Arc::clone(&self.app), self.post.clone(), self.reply.id);
        let (fan, newcomer) = (self.fan.clone(), self.newcomer.clone());
        tokio::spawn(async move {
            match change {
                Change::Make(reaction) => {
                    reaction.made(&app, &newcomer, &post).await;
                }
                Change::Undo(reaction) => {
                    let undone = reaction.undo(&app, &fan, post.id, false).await;
                    undone.expect("an answer");
                }
                Change::Reply => {
                    drop(answer(
                        app.posts(&newcomer).create_post(reply_to(&post, "hi")).await,
                    ));
                }
                Change::Delete => {
                    let request = DeletePostRequest {
                        post_id: reply,
                        allow_missing: false,
                    };
                    drop(answer(app.posts(&fan).delete_post(request).await));
                }
            }
        })
    }

    fn repair(&self) -> JoinHandle<Vec<CounterDrift>> {
        let app = Arc::clone(&self.app);
        tokio::spawn(async move { repair(&app).await })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_has_touched_the_counters_is_waited_for() {
    for change in CHANGES {
        for end in ["COMMIT", "ROLLBACK"] {
            let scene = Scene::spoilt().await;
            let open = Uncommitted::begin(&scene.app, &scene.sql(change)).await;
            let repairing = scene.repair();
            open.end_under_a_waiting_call(end).await;
            repairing.await.expect("no panic");
            assert_eq!(drifts(&scene.app).await, [], "{change:?} {end}");
            scene.app.database.assert_invariants().await;
        }
    }
}

/// Keeps changes from being counted before the test lets go.
const GATE: &str = "
    CREATE FUNCTION posts.gate() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$;
    CREATE TRIGGER a_gate AFTER INSERT OR DELETE ON posts.likes FOR EACH STATEMENT EXECUTE FUNCTION posts.gate();
    CREATE TRIGGER a_gate AFTER INSERT OR DELETE ON posts.shares FOR EACH STATEMENT EXECUTE FUNCTION posts.gate();
    CREATE TRIGGER a_gate AFTER INSERT OR DELETE ON posts.posts FOR EACH STATEMENT EXECUTE FUNCTION posts.gate()";

/// A change past the service, which does not lock the post first, so that the repair overtakes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_has_yet_to_touch_the_counters_is_added_afterwards() {
    for change in CHANGES {
        let scene = Scene::spoilt().await;
        execute(&scene.app, GATE).await;
        let mut gate = Uncommitted::begin(&scene.app, "SELECT pg_advisory_xact_lock(1)").await;
        let (app, sql) = (Arc::clone(&scene.app), scene.sql(change));
        let changing = tokio::spawn(async move { execute(&app, &sql).await });
        gate.until_somebody_waits().await;
        // Inserts have locked the post for their foreign keys, which keeps no repair waiting.
        assert_eq!(
            repair(&scene.app).await,
            [drift(scene.post.id, (6, 6, 6), (1, 1, 1))],
            "{change:?}"
        );
        gate.commit_under_a_waiting_call().await;
        changing.await.expect("a change");
        scene.app.database.assert_invariants().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_waits_for_a_repair_that_is_not_committed() {
    for change in CHANGES {
        let scene = Scene::spoilt().await;
        let sql = format!("SELECT posts.counts_repair(ARRAY[{}])", scene.post.id);
        let repairing = Uncommitted::begin(&scene.app, &sql).await;
        let changing = scene.call(change);
        repairing.commit_under_a_waiting_call().await;
        changing.await.expect("a change");
        scene.app.database.assert_invariants().await;
    }
}

/// Control: the repair in one statement, without the lock before it.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_lock_before_it_the_repair_itself_makes_drift() {
    let scene = Scene::spoilt().await;
    let sql = "SELECT pg_get_functiondef('posts.counts_repair(bigint[])'::regprocedure)";
    execute(
        &scene.app,
        &format!("DO $do$ BEGIN EXECUTE replace(({sql}), 'PERFORM FROM', 'PERFORM 1; --'); END $do$"),
    )
    .await;
    let open = Uncommitted::begin(&scene.app, &scene.sql(Change::Make(Reaction::Like))).await;
    let repairing = scene.repair();
    open.commit_under_a_waiting_call().await;
    repairing.await.expect("no panic");
    let left = drifts(&scene.app).await;
    assert_eq!(left, [drift(scene.post.id, (1, 1, 1), (2, 1, 1))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_is_deleted_meanwhile_is_left_out() {
    let scene = Scene::spoilt().await;
    let deletion = format!("DELETE FROM posts.posts WHERE id = {}", scene.post.id);
    let deleting = Uncommitted::begin(&scene.app, &deletion).await;
    let repairing = scene.repair();
    deleting.commit_under_a_waiting_call().await;
    assert_eq!(repairing.await.expect("no panic"), []);
    scene.app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repairs_at_once_do_not_disturb_each_other() {
    let app = Arc::new(TestApp::start().await);
    let alice = app.user("alice").await;
    for number in 0..20 {
        let request = with_content(&number.to_string());
        answer(app.posts(&alice).create_post(request).await);
    }
    spoil(&app, "UPDATE posts.posts SET likes_count = 1").await;
    let mut repairs = JoinSet::new();
    for _ in 0..8 {
        let app = Arc::clone(&app);
        repairs.spawn(async move { repair(&app).await.len() });
    }
    let found: usize = repairs.join_all().await.into_iter().sum();
    assert_eq!(found, 20, "each drift is told once");
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_and_operators_with_another_scope_are_refused() {
    let app = TestApp::start().await;
    let user = app.user("alice").await;
    let request = RepairCountersRequest::default;
    let refused = refusal(app.posts(&user).repair_counters(request()).await);
    assert_eq!(refused.summary(), "PermissionDenied CALLER_NOT_ALLOWED []");
    let other = app.operator(&["social_graph.counters.repair"]);
    let refused = refusal(app.posts(&other).repair_counters(request()).await);
    assert_eq!(refused.summary(), "PermissionDenied SCOPE_MISSING []");
}
