use kith_contracts::posts::v1::batch_get_posts_result::Outcome;
use kith_contracts::posts::v1::{BatchGetPostsRequest, PostViewer};
use kith_testkit::{Caller, Refusal, TestApp};

use crate::support::{answer, block, execute, post, refusal, seen};

/// For each id the post's id, or why there is none.
async fn outcomes(app: &TestApp, caller: &impl Caller, post_ids: &[i64]) -> Vec<Result<i64, String>> {
    let request = BatchGetPostsRequest {
        post_ids: post_ids.to_vec(),
    };
    let answer = answer(app.posts(caller).batch_get_posts(request).await);
    let outcomes = answer.results.into_iter().map(|result| match result.outcome {
        Some(Outcome::Post(post)) => Ok(post.id),
        Some(Outcome::Error(error)) => Err(Refusal::of_item(&error).summary()),
        None => panic!("no outcome"),
    });
    outcomes.collect()
}

const NOT_FOUND: &str = "NotFound POST_NOT_FOUND []";

#[tokio::test(flavor = "multi_thread")]
async fn each_id_has_its_outcome_in_order() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let one = post(&app, &alice, "one").await.id;
    let two = post(&app, &alice, "two").await.id;
    assert_eq!(
        outcomes(&app, &alice, &[two, 4711, one, 0, two]).await,
        [
            Ok(two),
            Err(NOT_FOUND.to_owned()),
            Ok(one),
            Err("InvalidArgument ID_INVALID [post_ids[3] ID_INVALID]".to_owned()),
            Ok(two),
        ]
    );
    assert_eq!(outcomes(&app, &alice, &[]).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_of_those_whom_the_caller_blocks_are_not_there() {
    let app = TestApp::start().await;
    let [alice, bob] = app.users(&["alice", "bob"]).await.try_into().expect("two users");
    let ids = [
        post(&app, &alice, "one").await.id,
        post(&app, &bob, "two").await.id,
    ];
    block(&app, &alice, &bob).await;
    assert_eq!(
        outcomes(&app, &alice, &ids).await,
        [Ok(ids[0]), Err(NOT_FOUND.to_owned())]
    );
    assert_eq!(outcomes(&app, &bob, &ids).await, ids.map(Ok));
    assert_eq!(outcomes(&app, &app.operator(&[]), &ids).await, ids.map(Ok));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_the_same_as_by_itself() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let post = post(&app, &alice, "hello @alice #kith").await;
    let like = format!(
        "INSERT INTO posts.likes (post_id, user_id) VALUES ({}, {})",
        post.id, alice.id
    );
    execute(&app, &like).await;
    let request = BatchGetPostsRequest {
        post_ids: vec![post.id],
    };
    let answer = answer(app.posts(&alice).batch_get_posts(request).await);
    let alone = seen(&app, &alice, &post).await;
    assert_eq!(
        (alone.likes_count, alone.mentions.len(), alone.hashtags.len()),
        (1, 1, 1)
    );
    let viewer = PostViewer {
        liked: true,
        shared: false,
    };
    assert_eq!(alone.viewer, Some(viewer));
    assert_eq!(answer.results[0].outcome, Some(Outcome::Post(alone)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_ids_are_read_and_no_more() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let all = outcomes(&app, &alice, &[1; 100]).await;
    assert_eq!(all, vec![Err(NOT_FOUND.to_owned()); 100]);
    let request = BatchGetPostsRequest {
        post_ids: vec![1; 101],
    };
    let refused = refusal(app.posts(&alice).batch_get_posts(request).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument BATCH_TOO_LARGE [post_ids BATCH_TOO_LARGE]"
    );
}
