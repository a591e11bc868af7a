use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use kith_contracts::identity::v1::{DeleteUserRequest, DeleteUserResponse, RegisterRequest, WhoAmIRequest};
use kith_contracts::social_graph::v1::{FollowRequest, GetCountsRequest};
use kith_testkit::{Caller, TestApp, TestUser, Uncommitted, execute};
use tokio::task::JoinSet;
use tonic::{Code, Request, Response, Status};

use crate::support::{answer, count, refusal, through};

type Called = Result<Response<DeleteUserResponse>, Status>;

fn request(user_id: i64, allow_missing: bool) -> DeleteUserRequest {
    DeleteUserRequest {
        user_id,
        allow_missing,
    }
}

async fn delete(app: &TestApp, caller: &impl Caller, user_id: i64) -> Called {
    app.identity(caller).delete_user(request(user_id, false)).await
}

async fn follow(app: &TestApp, follower: &TestUser, followed: &TestUser) {
    let request = FollowRequest {
        user_id: followed.id,
        allow_existing: false,
    };
    answer(app.social_graph(follower).follow(request).await);
}

/// Followers and following.
async fn counts(app: &TestApp, user: &TestUser) -> (i64, i64) {
    let request = GetCountsRequest { user_id: user.id };
    let answer = answer(app.social_graph(user).get_counts(request).await);
    let counts = answer.counts.expect("counts");
    (counts.followers_count, counts.following_count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_deletes_itself_and_everything_that_hangs_on_it() {
    let app = TestApp::start().await;
    let alice = app.registered("alice", "correct horse").await;
    let others = app.users(&["bob", "carol"]).await;
    follow(&app, &alice, &others[0]).await;
    follow(&app, &others[1], &alice).await;
    follow(&app, &others[1], &others[0]).await;
    let user = answer(delete(&app, &alice, alice.id).await).user.expect("a user");
    assert_eq!((user.id, user.username.as_str()), (alice.id, "alice"));
    for (table, rows) in [
        ("identity.users", 2),
        ("identity.profiles", 2),
        ("identity.credentials", 0),
        ("social_graph.follows", 1),
        ("social_graph.follow_counts", 2),
    ] {
        assert_eq!(count(&app, table).await, rows, "{table}");
    }
    assert_eq!(counts(&app, &others[0]).await, (1, 0));
    assert_eq!(counts(&app, &others[1]).await, (0, 1));
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_the_deleted_is_good_and_its_user_gone() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    answer(delete(&app, &alice, alice.id).await);
    let who = refusal(app.identity(&alice).who_am_i(WhoAmIRequest {}).await);
    let again = refusal(delete(&app, &alice, alice.id).await);
    assert_eq!(who.summary(), "NotFound USER_NOT_FOUND []");
    assert_eq!(again, who);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_is_not_the_callers_to_delete_even_through_an_operator() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let refused = refusal(delete(&app, &users[1], users[0].id).await);
    assert_eq!(refused.summary(), "PermissionDenied NOT_OWNER []");
    let operator = app.operator(&["identity.users.delete"]);
    let passed_on = through(&operator, request(users[0].id, true));
    let again = refusal(app.identity(&users[1]).delete_user(passed_on).await);
    assert_eq!(again, refused);
    assert_eq!(count(&app, "identity.users").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_deletes_anybody_and_needs_the_scope() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let importer = app.operator(&["identity.users.import"]);
    let refused = refusal(delete(&app, &importer, alice.id).await);
    assert_eq!(refused.summary(), "PermissionDenied SCOPE_MISSING []");
    assert_eq!(refused.metadata["scope"], "identity.users.delete");
    let operator = app.operator(&["identity.users.delete"]);
    let user = answer(delete(&app, &operator, alice.id).await).user;
    assert_eq!(user.map(|user| user.id), Some(alice.id));
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_is_not_found_for_users_and_operators_alike() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let operator = app.operator(&["identity.users.delete"]);
    let refused = refusal(delete(&app, &operator, 4711).await);
    assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
    let resource = ("kith.identity.v1.User".to_owned(), "users/4711".to_owned());
    assert_eq!(refused.resource, Some(resource));
    assert_eq!(refusal(delete(&app, &alice, 4711).await), refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_allow_missing_it_is_a_success_for_users_and_operators_alike() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let operator = app.operator(&["identity.users.delete"]);
    let by_operator = answer(app.identity(&operator).delete_user(request(4711, true)).await);
    let by_user = answer(app.identity(&alice).delete_user(request(4711, true)).await);
    assert_eq!((by_operator.user, by_user.user), (None, None));
    let mut client = app.identity(&alice);
    let first = answer(client.delete_user(request(alice.id, true)).await);
    let second = answer(client.delete_user(request(alice.id, true)).await);
    assert_eq!(
        (first.user.map(|user| user.id), second.user),
        (Some(alice.id), None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_name_is_free_and_the_id_is_never_used_again() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    answer(delete(&app, &alice, alice.id).await);
    let request = RegisterRequest {
        username: "ALICE".to_owned(),
        password: "correct horse".to_owned(),
        ..Default::default()
    };
    let account = answer(app.identity(&app.nobody()).register(request).await).account;
    let id = account.and_then(|account| account.user).map(|user| user.id);
    assert!(id > Some(alice.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_greater_than_zero_whatever_is_allowed() {
    let app = TestApp::start().await;
    let operator = app.operator(&["identity.users.delete"]);
    for (id, allow_missing) in [(0, false), (-1, true)] {
        let refused = refusal(
            app.identity(&operator)
                .delete_user(request(id, allow_missing))
                .await,
        );
        assert_eq!(
            refused.summary(),
            "InvalidArgument ID_INVALID [user_id ID_INVALID]"
        );
    }
}

/// A deletion takes time, and others wait for it. Whoever waits must hold no connection, and who may not delete at all
/// must not wait.
#[tokio::test(flavor = "multi_thread")]
async fn deletions_that_wait_keep_nobody_else_from_the_database() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let names: Vec<String> = (0..20).map(|number| format!("u{number}")).collect();
    let users = app
        .users(&names.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    let mut deletion = app.database.owner().await;
    let lock = "BEGIN; SELECT pg_advisory_xact_lock(7739845424638328833)";
    deletion.batch_execute(lock).await.expect("the lock of deletions");
    let mut calls = JoinSet::new();
    for user in users {
        let mut client = app.identity(&user);
        calls.spawn(async move { client.delete_user(request(user.id, false)).await.is_ok() });
    }
    let refused = refusal(delete(&app, &alice, i64::MAX).await);
    assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
    for _ in 0..20 {
        answer(app.identity(&alice).who_am_i(WhoAmIRequest {}).await);
    }
    deletion.batch_execute("COMMIT").await.expect("the end");
    assert_eq!(calls.join_all().await, [true; 20]);
}

/// Keeps how long each statement may take that deletes users.
const LIMITS: &str = "
    CREATE TABLE identity.limits (statement_timeout interval);
    CREATE FUNCTION identity.keep_limit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN INSERT INTO identity.limits VALUES (current_setting('statement_timeout')::interval); RETURN NULL; END $$;
    CREATE TRIGGER keep_limit AFTER DELETE ON identity.users FOR EACH ROW EXECUTE FUNCTION identity.keep_limit()";

/// Accounts with millions of messages could not be deleted by callers with the usual patience, or at all within the role's limit.
/// Broken off at its caller's deadline, the repetition would find the user and answer it.
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_goes_on_without_its_caller_and_whoever_asks_again_learns_of_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    execute(&app, LIMITS).await;
    let hold = format!(
        "SELECT FROM identity.profiles WHERE user_id = {} FOR UPDATE",
        alice.id
    );
    let mut held = Uncommitted::begin(&app, &hold).await;
    let mut hurried = Request::new(request(alice.id, false));
    hurried.set_timeout(Duration::from_secs(2));
    let mut client = app.identity(&alice);
    let (late, ()) = tokio::join!(client.delete_user(hurried), held.until_somebody_waits());
    assert_eq!(
        late.expect_err("no answer in time").code(),
        Code::DeadlineExceeded
    );
    held.commit().await;
    let again = refusal(delete(&app, &alice, alice.id).await);
    assert_eq!(again.summary(), "NotFound USER_NOT_FOUND []");
    let long = "identity.limits WHERE statement_timeout BETWEEN '9 minutes' AND '10 minutes'";
    assert_eq!(count(&app, long).await, 1);
    app.database.assert_invariants().await;
}
