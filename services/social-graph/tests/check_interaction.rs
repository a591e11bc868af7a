//! What it foretells is what the attempt then gives.

use kith_contracts::social_graph::v1::{
    CheckInteractionRequest, CheckInteractionResponse, DeclineFriendRequestRequest, FollowRequest,
    Interaction, InteractionAction as Action,
};
use kith_social_graph::FriendSettings;
use kith_testkit::{AppOptions, Caller, Refusal, TestApp, TestUser};
use tonic::{Response, Status};

use crate::graph::{ask, befriend, block, mute, send};
use crate::support::{answer, crowd, deactivate, execute, follow, refusal};

/// The scope of a service that may ask for anybody.
const CHECK: &str = "social_graph.interactions.check";

const ACTIONS: [Action; 6] = [
    Action::Follow,
    Action::Befriend,
    Action::Message,
    Action::Like,
    Action::Reply,
    Action::Mention,
];

type Called = Result<Response<CheckInteractionResponse>, Status>;

async fn call(app: &TestApp, caller: &impl Caller, actor_id: i64, target_id: i64, action: i32) -> Called {
    let interaction = Interaction {
        actor_id,
        target_id,
        action,
    };
    let request = CheckInteractionRequest {
        interaction: Some(interaction),
    };
    app.social_graph(caller).check_interaction(request).await
}

/// Why the actor may not, if it may not.
async fn denial(app: &TestApp, actor: &TestUser, target_id: i64, action: Action) -> Option<Refusal> {
    let checked = answer(call(app, actor, actor.id, target_id, action.into()).await);
    let decision = checked.decision.expect("a decision");
    assert_eq!(decision.allowed, decision.denial.is_none());
    decision.denial.map(|status| Refusal::of_item(&status))
}

/// For each action in turn, the reason or nothing.
async fn reasons(app: &TestApp, actor: &TestUser, target_id: i64) -> Vec<String> {
    let mut reasons = Vec::new();
    for action in ACTIONS {
        let denial = denial(app, actor, target_id, action).await;
        reasons.push(denial.map(|denial| denial.reason).unwrap_or_default());
    }
    reasons
}

/// Asserts that both attempts fail as it was foretold, and with what.
async fn assert_foretold(app: &TestApp, actor: &TestUser, target: &TestUser, follow: &str, befriend: &str) {
    let request = FollowRequest {
        user_id: target.id,
        allow_existing: false,
    };
    let foretold = (
        denial(app, actor, target.id, Action::Follow).await,
        denial(app, actor, target.id, Action::Befriend).await,
    );
    let followed = app.social_graph(actor).follow(request).await.err();
    let asked = send(app, actor, target, false).await.err();
    let attempted = (
        followed.as_ref().map(Refusal::of),
        asked.as_ref().map(Refusal::of),
    );
    assert_eq!(foretold, attempted);
    let reason = |refusal: Option<Refusal>| refusal.map(|refusal| refusal.reason).unwrap_or_default();
    assert_eq!(
        (reason(foretold.0).as_str(), reason(foretold.1).as_str()),
        (follow, befriend)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_friends_may_interact() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    assert_eq!(reasons(&app, &users[0], users[1].id).await, [""; 6]);
    mute(&app, &users[1], &users[0]).await;
    befriend(&app, &users[0], &users[1]).await;
    follow(&app, &users[0], &users[1]).await;
    assert_eq!(
        reasons(&app, &users[0], users[1].id).await,
        ["FOLLOW_EXISTS", "FRIENDSHIP_EXISTS", "", "", "", ""]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_block_nothing_is_allowed_in_either_direction() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    block(&app, &users[0], &users[1]).await;
    for (actor, target) in [(&users[0], &users[1]), (&users[1], &users[0])] {
        assert_eq!(
            reasons(&app, actor, target.id).await,
            ["INTERACTION_NOT_ALLOWED"; 6]
        );
        assert_foretold(
            &app,
            actor,
            target,
            "INTERACTION_NOT_ALLOWED",
            "INTERACTION_NOT_ALLOWED",
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_user_takes_part_in_nothing() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    deactivate(&app, &users[1]).await;
    for (actor, target) in [(&users[0], &users[1]), (&users[1], &users[0])] {
        assert_eq!(reasons(&app, actor, target.id).await, ["USER_INACTIVE"; 6]);
        assert_foretold(&app, actor, target, "USER_INACTIVE", "USER_INACTIVE").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_follows_befriends_or_writes_to_itself() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    assert_eq!(
        reasons(&app, &alice, alice.id).await,
        ["SELF_FOLLOW", "SELF_BEFRIEND", "SELF_MESSAGE", "", "", ""]
    );
    assert_foretold(&app, &alice, &alice, "SELF_FOLLOW", "SELF_BEFRIEND").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_not_there_is_told_as_the_attempt_tells() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    execute(
        &app,
        &format!("DELETE FROM identity.users WHERE id = {}", users[1].id),
    )
    .await;
    for (actor, target) in [(&users[0], &users[1]), (&users[1], &users[0])] {
        assert_foretold(&app, actor, target, "USER_NOT_FOUND", "USER_NOT_FOUND").await;
    }
    assert_eq!(reasons(&app, &users[0], 4711).await, ["USER_NOT_FOUND"; 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_already_is_foretold_too() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 3).await;
    follow(&app, &users[0], &users[1]).await;
    ask(&app, &users[0], &users[1]).await;
    assert_foretold(
        &app,
        &users[0],
        &users[1],
        "FOLLOW_EXISTS",
        "FRIEND_REQUEST_EXISTS",
    )
    .await;
    befriend(&app, &users[0], &users[2]).await;
    follow(&app, &users[0], &users[2]).await;
    assert_foretold(&app, &users[0], &users[2], "FOLLOW_EXISTS", "FRIENDSHIP_EXISTS").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_asked_may_ask_and_who_was_declined_may_not() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    let id = ask(&app, &users[0], &users[1]).await.id;
    assert_eq!(denial(&app, &users[1], users[0].id, Action::Befriend).await, None);
    let request = DeclineFriendRequestRequest {
        friend_request_id: id,
        allow_missing: false,
    };
    answer(app.social_graph(&users[1]).decline_friend_request(request).await);
    assert_foretold(&app, &users[0], &users[1], "", "FRIEND_REQUEST_DECLINED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_open_requests_is_foretold() {
    let options = AppOptions {
        friends: FriendSettings {
            max_open_requests: 1,
            ..FriendSettings::default()
        },
        ..AppOptions::default()
    };
    let app = TestApp::start_with(options).await;
    let users = crowd(&app, "u", 3).await;
    ask(&app, &users[0], &users[1]).await;
    assert_foretold(&app, &users[0], &users[2], "", "FRIEND_REQUESTS_EXHAUSTED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_ask_for_themselves_and_services_with_the_scope_for_anybody() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    let (actor_id, target_id) = (users[0].id, users[1].id);
    let action = i32::from(Action::Like);
    for (caller, actor_id, expected) in [
        (&users[1], actor_id, "PermissionDenied NOT_OWNER []"),
        (&users[1], 4711, "NotFound USER_NOT_FOUND []"),
    ] {
        let refused = refusal(call(&app, caller, actor_id, target_id, action).await);
        assert_eq!(refused.summary(), expected);
    }
    let checked = answer(call(&app, &app.operator(&[CHECK]), actor_id, target_id, action).await);
    assert!(checked.decision.is_some_and(|decision| decision.allowed));
    let refused = refusal(call(&app, &app.operator(&[]), actor_id, target_id, action).await);
    assert_eq!(refused.summary(), "PermissionDenied SCOPE_MISSING []");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let ids = "interaction.actor_id ID_INVALID, interaction.target_id ID_INVALID, interaction.action";
    for (action, reason) in [
        (0, "FIELD_REQUIRED"),
        (7, "FIELD_MALFORMED"),
        (-1, "FIELD_MALFORMED"),
    ] {
        let refused = refusal(call(&app, &alice, 0, -1, action).await);
        assert_eq!(
            refused.summary(),
            format!("InvalidArgument ID_INVALID [{ids} {reason}]")
        );
    }
    let request = CheckInteractionRequest { interaction: None };
    let refused = refusal(app.social_graph(&alice).check_interaction(request).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument FIELD_REQUIRED [interaction FIELD_REQUIRED]"
    );
}
