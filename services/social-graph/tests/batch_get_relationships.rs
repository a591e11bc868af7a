use kith_contracts::social_graph::v1::batch_get_relationships_result::Outcome;
use kith_contracts::social_graph::v1::{
    BatchGetRelationshipsRequest, BatchGetRelationshipsResponse, Relationship,
};
use kith_testkit::{Caller, Refusal, TestApp};
use tonic::{Response, Status};

use crate::graph::{ask, befriend, block, mute, nothing, relationship};
use crate::support::{answer, crowd, follow, refusal};

type Called = Result<Response<BatchGetRelationshipsResponse>, Status>;

async fn call(app: &TestApp, caller: &impl Caller, viewer_id: i64, user_ids: Vec<i64>) -> Called {
    let request = BatchGetRelationshipsRequest { viewer_id, user_ids };
    app.social_graph(caller).batch_get_relationships(request).await
}

async fn read(
    app: &TestApp,
    caller: &impl Caller,
    viewer_id: i64,
    user_ids: Vec<i64>,
) -> Vec<Result<Relationship, Refusal>> {
    let results = answer(call(app, caller, viewer_id, user_ids).await).results;
    results
        .into_iter()
        .map(|result| match result.outcome {
            Some(Outcome::Relationship(relationship)) => Ok(relationship),
            Some(Outcome::Error(error)) => Err(Refusal::of_item(&error)),
            None => panic!("an item without outcome"),
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_what_a_call_for_it_alone_answers_in_the_order_of_the_request() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 8).await;
    let viewer = &users[0];
    follow(&app, viewer, &users[1]).await;
    follow(&app, &users[2], viewer).await;
    befriend(&app, &users[3], viewer).await;
    ask(&app, viewer, &users[4]).await;
    block(&app, viewer, &users[5]).await;
    block(&app, &users[6], viewer).await;
    mute(&app, viewer, &users[7]).await;
    let order: Vec<_> = users.iter().rev().chain(&users).collect();
    let ids = order.iter().map(|user| user.id).collect();
    let relationships = read(&app, viewer, viewer.id, ids).await;
    for (user, read) in order.into_iter().zip(relationships) {
        assert_eq!(read, Ok(relationship(&app, viewer, user).await));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_fails_alone() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    let ids = vec![4711, users[1].id, 0];
    let results = read(&app, &users[0], users[0].id, ids).await;
    let summaries = results
        .iter()
        .map(|result| result.as_ref().map_err(Refusal::summary));
    let bad = "InvalidArgument ID_INVALID [user_ids[2] ID_INVALID]".to_owned();
    assert_eq!(
        summaries.collect::<Vec<_>>(),
        [
            Err("NotFound USER_NOT_FOUND []".to_owned()),
            Ok(&nothing(&users[0], &users[1])),
            Err(bad),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_with_the_scope_sees_who_blocks() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 3).await;
    let made = block(&app, &users[1], &users[0]).await.block;
    let service = app.operator(&["social_graph.relationships.read"]);
    let results = read(&app, &service, users[0].id, vec![users[1].id, users[2].id]).await;
    let blocks: Vec<_> = results
        .into_iter()
        .flatten()
        .map(|read| read.reverse_block)
        .collect();
    assert_eq!(blocks, [made, None]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_looks_with_its_own_eyes_only() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    let refused = refusal(call(&app, &users[0], users[1].id, vec![users[0].id]).await);
    assert_eq!(refused.summary(), "PermissionDenied NOT_OWNER []");
    let refused = refusal(call(&app, &users[0], 4711, vec![users[0].id]).await);
    assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_pass_and_one_more_does_not() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    assert_eq!(read(&app, &alice, alice.id, vec![alice.id; 100]).await.len(), 100);
    assert_eq!(read(&app, &alice, alice.id, Vec::new()).await, []);
    let refused = refusal(call(&app, &alice, alice.id, vec![alice.id; 101]).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument BATCH_TOO_LARGE [user_ids BATCH_TOO_LARGE]"
    );
    let refused = refusal(call(&app, &alice, 0, Vec::new()).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [viewer_id ID_INVALID]"
    );
}
