use kith_contracts::identity::v1::{GetProfileRequest, Profile};
use kith_testkit::{Caller, Refusal, TestApp};

use crate::support::{answer, execute, refusal};

async fn get(app: &TestApp, caller: &impl Caller, user_id: i64) -> Profile {
    let answer = answer(
        app.identity(caller)
            .get_profile(GetProfileRequest { user_id })
            .await,
    );
    answer.profile.expect("a profile")
}

async fn refused(app: &TestApp, user_id: i64) -> Refusal {
    let caller = app.operator(&[]);
    refusal(
        app.identity(&caller)
            .get_profile(GetProfileRequest { user_id })
            .await,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_users_profile_is_empty_with_every_field_set() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let profile = get(&app, &alice, alice.id).await;
    let empty = Profile {
        user_id: alice.id,
        bio: Some(String::new()),
        avatar_url: Some(String::new()),
        location: Some(String::new()),
        website_url: Some(String::new()),
        create_time: profile.create_time,
        update_time: profile.create_time,
        etag: "v1".to_owned(),
    };
    assert!(profile.create_time.is_some());
    assert_eq!(profile, empty);
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_with_a_token_reads_the_same_of_a_deactivated_user_too() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let own = get(&app, &users[0], users[0].id).await;
    execute(&app, "UPDATE identity.users SET is_active = false").await;
    assert_eq!(get(&app, &users[1], users[0].id).await, own);
    assert_eq!(get(&app, &app.operator(&[]), users[0].id).await, own);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_not_there_is_named() {
    let app = TestApp::start().await;
    let refused = refused(&app, 4711).await;
    assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
    let resource = ("kith.identity.v1.User".to_owned(), "users/4711".to_owned());
    assert_eq!(refused.resource, Some(resource));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_greater_than_zero() {
    let app = TestApp::start().await;
    for id in [0, -1] {
        let summary = refused(&app, id).await.summary();
        assert_eq!(summary, "InvalidArgument ID_INVALID [user_id ID_INVALID]", "{id}");
    }
}
