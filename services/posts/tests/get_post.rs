use kith_contracts::posts::v1::{GetPostRequest, Post, PostViewer};
use kith_testkit::TestApp;

use crate::support::{block, deactivate, delete_user, get, post, refusal, reply, seen};

#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_read_by_everybody_and_users_are_told_what_they_have_to_do_with_it() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let made = post(&app, &users[0], "x").await;
    let viewer = PostViewer::default();
    assert_eq!(seen(&app, &users[1], &made).await, made);
    assert_eq!(made.viewer, Some(viewer));
    let as_service = seen(&app, &app.operator(&[]), &made).await;
    assert_eq!(as_service, Post { viewer: None, ..made });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_caller_blocks_is_not_there_and_who_is_blocked_reads_on() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let of_alice = post(&app, &users[0], "a").await;
    let of_bob = reply(&app, &users[1], &of_alice, "b").await;
    block(&app, &users[0], &users[1]).await;
    let refused = refusal(get(&app, &users[0], &of_bob).await);
    assert_eq!(refused.summary(), "NotFound POST_NOT_FOUND []");
    let resource = ("kith.posts.v1.Post".to_owned(), format!("posts/{}", of_bob.id));
    assert_eq!(refused.resource, Some(resource));
    seen(&app, &users[1], &of_alice).await;
    seen(&app, &app.operator(&[]), &of_bob).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_of_the_deactivated_stay_and_those_of_the_deleted_go() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let made = post(&app, &users[0], "x").await;
    deactivate(&app, &users[0]).await;
    assert_eq!(seen(&app, &users[1], &made).await, made);
    delete_user(&app, &users[0]).await;
    let refused = refusal(get(&app, &users[1], &made).await);
    assert_eq!(refused.summary(), "NotFound POST_NOT_FOUND []");
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_post_can_have_is_no_id() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for post_id in [0, -1, i64::MIN] {
        let refused = refusal(app.posts(&alice).get_post(GetPostRequest { post_id }).await);
        assert_eq!(
            refused.summary(),
            "InvalidArgument ID_INVALID [post_id ID_INVALID]"
        );
    }
    let request = GetPostRequest { post_id: i64::MAX };
    let refused = refusal(app.posts(&alice).get_post(request).await);
    assert_eq!(refused.summary(), "NotFound POST_NOT_FOUND []");
}
