use kith_contracts::social_graph::v1::batch_check_interactions_result::Outcome;
use kith_contracts::social_graph::v1::{
    BatchCheckInteractionsRequest, BatchCheckInteractionsResponse, Interaction, InteractionAction as Action,
};
use kith_testkit::{Caller, Refusal, TestApp};
use tonic::{Response, Status};

use crate::graph::{ask, block};
use crate::support::{answer, crowd, follow, refusal};

type Called = Result<Response<BatchCheckInteractionsResponse>, Status>;

async fn call(app: &TestApp, caller: &impl Caller, interactions: Vec<Interaction>) -> Called {
    let request = BatchCheckInteractionsRequest { interactions };
    app.social_graph(caller).batch_check_interactions(request).await
}

/// Each item in a word or two.
async fn sketch(app: &TestApp, caller: &impl Caller, interactions: Vec<Interaction>) -> Vec<String> {
    let results = answer(call(app, caller, interactions).await).results;
    results
        .into_iter()
        .map(|result| match result.outcome {
            Some(Outcome::Decision(decision)) => match decision.denial {
                Some(denial) => format!("no: {}", Refusal::of_item(&denial).summary()),
                None => "yes".to_owned(),
            },
            Some(Outcome::Error(error)) => Refusal::of_item(&error).summary(),
            None => panic!("an item without outcome"),
        })
        .collect()
}

fn wish(actor_id: i64, target_id: i64, action: Action) -> Interaction {
    Interaction {
        actor_id,
        target_id,
        action: action.into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_stand_in_the_order_of_the_request() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 4).await;
    let actor = users[0].id;
    block(&app, &users[1], &users[0]).await;
    follow(&app, &users[0], &users[2]).await;
    ask(&app, &users[0], &users[3]).await;
    let wishes = vec![
        wish(actor, users[2].id, Action::Follow),
        wish(actor, users[1].id, Action::Like),
        wish(actor, users[3].id, Action::Befriend),
        wish(actor, users[3].id, Action::Mention),
        wish(actor, 4711, Action::Reply),
        wish(actor, users[1].id, Action::Befriend),
        wish(actor, users[2].id, Action::Befriend),
    ];
    assert_eq!(
        sketch(&app, &users[0], wishes).await,
        [
            "no: AlreadyExists FOLLOW_EXISTS []",
            "no: PermissionDenied INTERACTION_NOT_ALLOWED []",
            "no: AlreadyExists FRIEND_REQUEST_EXISTS []",
            "yes",
            "no: NotFound USER_NOT_FOUND []",
            "no: PermissionDenied INTERACTION_NOT_ALLOWED []",
            "yes",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_one_and_one_of_somebody_else_fail_alone() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    let wishes = vec![
        wish(0, 0, Action::Unspecified),
        wish(users[1].id, users[0].id, Action::Like),
        wish(4711, users[0].id, Action::Like),
        wish(users[0].id, users[1].id, Action::Like),
    ];
    assert_eq!(
        sketch(&app, &users[0], wishes).await,
        [
            "InvalidArgument ID_INVALID [interactions[0].actor_id ID_INVALID, \
             interactions[0].target_id ID_INVALID, interactions[0].action FIELD_REQUIRED]",
            "PermissionDenied NOT_OWNER []",
            "NotFound USER_NOT_FOUND []",
            "yes",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_with_the_scope_asks_for_many_actors() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 3).await;
    block(&app, &users[0], &users[1]).await;
    let wishes = vec![
        wish(users[1].id, users[0].id, Action::Message),
        wish(users[2].id, users[0].id, Action::Message),
        wish(4711, users[0].id, Action::Message),
    ];
    let service = app.operator(&["social_graph.interactions.check"]);
    assert_eq!(
        sketch(&app, &service, wishes).await,
        [
            "no: PermissionDenied INTERACTION_NOT_ALLOWED []",
            "yes",
            "no: NotFound USER_NOT_FOUND []"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_pass_and_one_more_does_not() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    let mut wishes = vec![wish(users[0].id, users[1].id, Action::Befriend); 101];
    let refused = refusal(call(&app, &users[0], wishes.clone()).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument BATCH_TOO_LARGE [interactions BATCH_TOO_LARGE]"
    );
    wishes.pop();
    assert_eq!(sketch(&app, &users[0], wishes).await, vec!["yes"; 100]);
    assert_eq!(sketch(&app, &users[0], Vec::new()).await, [""; 0]);
}
