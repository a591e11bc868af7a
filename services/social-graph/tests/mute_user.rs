use kith_contracts::social_graph::v1::{Mute, MuteUserRequest, MuteUserResponse};
use kith_testkit::{Caller, TestApp, count};
use prost_types::Duration;
use tonic::{Response, Status};

use crate::graph::{ask, mute, nothing, relationship};
use crate::support::{answer, deactivate, execute, follow, refusal};

type Called = Result<Response<MuteUserResponse>, Status>;

async fn call(
    app: &TestApp,
    caller: &impl Caller,
    user_id: i64,
    ttl: Option<(i64, i32)>,
    allow_existing: bool,
) -> Called {
    let request = MuteUserRequest {
        user_id,
        ttl: ttl.map(|(seconds, nanos)| Duration { seconds, nanos }),
        allow_existing,
    };
    app.social_graph(caller).mute_user(request).await
}

/// From its beginning to its end, in microseconds.
fn lasts(mute: &Mute) -> i64 {
    let micros = |time: Option<prost_types::Timestamp>| {
        let time = time.expect("a time");
        time.seconds * 1_000_000 + i64::from(time.nanos) / 1000
    };
    micros(mute.expire_time) - micros(mute.create_time)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_is_for_good_where_nothing_else_is_said() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let muted = answer(call(&app, &users[0], users[1].id, None, false).await);
    let mute = muted.mute.expect("a mute");
    assert_eq!((mute.muter_id, mute.muted_id), (users[0].id, users[1].id));
    assert!(mute.create_time.is_some() && mute.expire_time.is_none() && !muted.existing);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_lasts_as_long_as_is_asked_to_the_microsecond() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let longest = 3650 * 24 * 3600;
    for (user, ttl, micros) in [
        (&users[1], (3600, 1_999), 3_600_000_001),
        (&users[2], (longest, 0), longest * 1_000_000),
    ] {
        let muted = answer(call(&app, &users[0], user.id, Some(ttl), false).await);
        assert_eq!(lasts(&muted.mute.expect("a mute")), micros);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_learns_nothing_and_may_do_everything() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    mute(&app, &users[0], &users[1]).await;
    assert_eq!(
        relationship(&app, &users[1], &users[0]).await,
        nothing(&users[1], &users[0])
    );
    follow(&app, &users[1], &users[0]).await;
    ask(&app, &users[1], &users[0]).await;
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_mute_exists_already_and_changes_nothing() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    mute(&app, &users[0], &users[1]).await;
    let refused = refusal(call(&app, &users[0], users[1].id, Some((60, 0)), false).await);
    assert_eq!(refused.summary(), "AlreadyExists MUTE_EXISTS []");
    assert_eq!(refused.metadata["constraint"], "social_graph_mutes_pkey");
    assert_eq!(
        count(&app, "social_graph.mutes WHERE expires_at IS NULL").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_allow_existing_it_began_when_it_did_and_ends_as_is_asked_now() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let first = answer(call(&app, &users[0], users[1].id, Some((60, 0)), true).await);
    let second = answer(call(&app, &users[0], users[1].id, Some((3600, 0)), true).await);
    let third = answer(call(&app, &users[0], users[1].id, None, true).await);
    assert_eq!(
        [first.existing, second.existing, third.existing],
        [false, true, true]
    );
    let [first, second, third] = [first, second, third].map(|muted| muted.mute.expect("a mute"));
    assert_eq!(
        (second.create_time, third.create_time),
        (first.create_time, first.create_time)
    );
    assert!(lasts(&second) >= 3_600_000_000 && third.expire_time.is_none());
}

// Control: with the end told from `now()` alone, DURATION_INVALID.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_began_after_this_call_did_ends_after_it_began() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    mute(&app, &users[0], &users[1]).await;
    execute(
        &app,
        "UPDATE social_graph.mutes SET created_at = now() + interval '1h'",
    )
    .await;
    let muted = answer(call(&app, &users[0], users[1].id, Some((60, 0)), true).await);
    assert_eq!(
        (lasts(&muted.mute.expect("a mute")), muted.existing),
        (60_000_000, true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_that_has_expired_begins_anew() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    mute(&app, &users[0], &users[1]).await;
    let expire = "UPDATE social_graph.mutes SET created_at = now() - interval '2h', expires_at = now() - interval '1h'";
    for allow_existing in [false, true] {
        execute(&app, expire).await;
        let muted = answer(call(&app, &users[0], users[1].id, Some((60, 0)), allow_existing).await);
        assert_eq!(
            (lasts(&muted.mute.expect("a mute")), muted.existing),
            (60_000_000, false)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ttl_is_more_than_nothing_and_at_most_ten_years() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let longest = 3650 * 24 * 3600;
    for ttl in [(0, 0), (-1, 0), (0, 999), (longest, 1_000), (i64::MAX, i32::MAX)] {
        let refused = refusal(call(&app, &users[0], users[1].id, Some(ttl), false).await);
        assert_eq!(
            refused.summary(),
            "InvalidArgument DURATION_INVALID [ttl DURATION_INVALID]",
            "{ttl:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_user_can_be_muted_and_one_who_is_not_there_cannot() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    deactivate(&app, &users[1]).await;
    mute(&app, &users[0], &users[1]).await;
    let refused = refusal(call(&app, &users[0], 4711, None, true).await);
    assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
    assert_eq!(refused.metadata["constraint"], "social_graph_mutes_muted_id_fkey");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_is_told_at_once() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let refused = refusal(call(&app, &alice, alice.id, Some((0, 0)), false).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument SELF_MUTE [user_id SELF_MUTE, ttl DURATION_INVALID]"
    );
    let refused = refusal(call(&app, &alice, 0, None, false).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [user_id ID_INVALID]"
    );
    let refused = refusal(call(&app, &app.operator(&[]), 1, None, false).await);
    assert_eq!(refused.summary(), "PermissionDenied CALLER_NOT_ALLOWED []");
}
