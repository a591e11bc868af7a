use kith_contracts::social_graph::v1::{
    Block, GetRelationshipRequest, GetRelationshipResponse, Relationship,
};
use kith_testkit::{Caller, TestApp};
use tonic::{Response, Status};

use crate::graph::{ask, befriend, block, mute, nothing, relationship};
use crate::support::{answer, crowd, deactivate, execute, follow, refusal};

/// The scope of a service that sees everything.
const READ: &str = "social_graph.relationships.read";

type Called = Result<Response<GetRelationshipResponse>, Status>;

async fn call(app: &TestApp, caller: &impl Caller, viewer_id: i64, user_id: i64) -> Called {
    let request = GetRelationshipRequest { viewer_id, user_id };
    app.social_graph(caller).get_relationship(request).await
}

async fn read(app: &TestApp, caller: &impl Caller, viewer_id: i64, user_id: i64) -> Relationship {
    let answer = answer(call(app, caller, viewer_id, user_id).await);
    answer.relationship.expect("a relationship")
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_between_strangers_nor_to_oneself() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    assert_eq!(
        relationship(&app, &users[0], &users[1]).await,
        nothing(&users[0], &users[1])
    );
    assert_eq!(
        relationship(&app, &users[0], &users[0]).await,
        nothing(&users[0], &users[0])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn follows_and_friendship_are_seen_from_the_viewers_side() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    let there = follow(&app, &users[0], &users[1]).await;
    let back = follow(&app, &users[1], &users[0]).await;
    let friendship = befriend(&app, &users[1], &users[0]).await;
    let expected = Relationship {
        follow: Some(there),
        reverse_follow: Some(back),
        friendship: Some(friendship),
        ..nothing(&users[0], &users[1])
    };
    assert_eq!(relationship(&app, &users[0], &users[1]).await, expected);
    let mirrored = relationship(&app, &users[1], &users[0]).await;
    assert_eq!(
        (mirrored.follow, mirrored.reverse_follow),
        (Some(back), Some(there))
    );
    assert_eq!(
        mirrored.friendship.map(|friendship| friendship.user_id),
        Some(users[1].id)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn both_see_the_request_and_its_direction() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    let request = ask(&app, &users[0], &users[1]).await;
    for (viewer, user) in [(&users[0], &users[1]), (&users[1], &users[0])] {
        let expected = Relationship {
            friend_request: Some(request.clone()),
            ..nothing(viewer, user)
        };
        assert_eq!(relationship(&app, viewer, user).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_and_mutes_are_seen_by_those_who_made_them_alone() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    let made = block(&app, &users[0], &users[1]).await.block;
    mute(&app, &users[0], &users[1]).await;
    let own = relationship(&app, &users[0], &users[1]).await;
    assert_eq!((own.block, own.reverse_block), (made, None));
    assert!(
        own.mute
            .is_some_and(|mute| mute.create_time.is_some() && mute.expire_time.is_none())
    );
    assert_eq!(
        relationship(&app, &users[1], &users[0]).await,
        nothing(&users[1], &users[0])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_that_has_expired_is_not_there() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    mute(&app, &users[0], &users[1]).await;
    let mutes = "UPDATE social_graph.mutes SET created_at = now() - interval '1h', expires_at = now()";
    execute(&app, &format!("{mutes} + interval '1h'")).await;
    let muted = relationship(&app, &users[0], &users[1]).await.mute;
    assert!(muted.is_some_and(|mute| mute.expire_time.is_some()));
    execute(&app, mutes).await;
    assert_eq!(
        relationship(&app, &users[0], &users[1]).await,
        nothing(&users[0], &users[1])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_with_the_scope_sees_both_sides_of_anybody() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    let made: Option<Block> = block(&app, &users[0], &users[1]).await.block;
    let service = app.operator(&[READ]);
    let blocked = read(&app, &service, users[1].id, users[0].id).await;
    assert_eq!((blocked.block, blocked.reverse_block), (None, made));
    let blocker = read(&app, &service, users[0].id, users[1].id).await;
    assert_eq!((blocker.block, blocker.reverse_block), (made, None));
    let refused = refusal(call(&app, &app.operator(&[]), users[0].id, users[1].id).await);
    assert_eq!(refused.summary(), "PermissionDenied SCOPE_MISSING []");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_looks_with_its_own_eyes_only() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 3).await;
    let refused = refusal(call(&app, &users[0], users[1].id, users[2].id).await);
    assert_eq!(refused.summary(), "PermissionDenied NOT_OWNER []");
    let refused = refusal(call(&app, &users[0], 4711, users[2].id).await);
    assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_user_is_seen_and_one_who_is_not_there_is_not() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    let follow = follow(&app, &users[0], &users[1]).await;
    deactivate(&app, &users[1]).await;
    assert_eq!(
        relationship(&app, &users[0], &users[1]).await.follow,
        Some(follow)
    );
    let service = app.operator(&[READ]);
    for (viewer_id, user_id) in [(users[0].id, 4711), (4711, users[0].id)] {
        let refused = refusal(call(&app, &service, viewer_id, user_id).await);
        assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
        let resource = ("kith.identity.v1.User".to_owned(), "users/4711".to_owned());
        assert_eq!(refused.resource, Some(resource));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_id_is_told_at_once() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let refused = refusal(call(&app, &alice, 0, -1).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [viewer_id ID_INVALID, user_id ID_INVALID]"
    );
}
