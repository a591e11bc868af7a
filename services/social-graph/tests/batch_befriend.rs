use kith_contracts::social_graph::v1::batch_befriend_result::Outcome;
use kith_contracts::social_graph::v1::{BatchBefriendRequest, BatchBefriendResponse, FriendPair, Friendship};
use kith_testkit::{Caller, Refusal, TestApp, count};
use tonic::{Response, Status};

use crate::support::{
    IMPORT, IMPORT_FRIENDS, Uncommitted, answer, befriend_all, crowd, deactivate, execute, friend_pair,
    refusal,
};

type Called = Result<Response<BatchBefriendResponse>, Status>;

async fn call(app: &TestApp, caller: &impl Caller, pairs: Vec<FriendPair>, allow_existing: bool) -> Called {
    let request = BatchBefriendRequest {
        pairs,
        allow_existing,
    };
    app.social_graph(caller).batch_befriend(request).await
}

/// The friendship of an item and whether it was there before, or its refusal.
type Made = Result<(Friendship, bool), Refusal>;

async fn make(app: &TestApp, pairs: Vec<FriendPair>, allow_existing: bool) -> Vec<Made> {
    let importer = app.operator(&[IMPORT_FRIENDS]);
    let results = answer(call(app, &importer, pairs, allow_existing).await).results;
    results
        .into_iter()
        .map(|result| match result.outcome {
            Some(Outcome::Friendship(friendship)) => Ok((friendship, result.existing)),
            Some(Outcome::Error(error)) => Err(Refusal::of_item(&error)),
            None => panic!("an item without outcome"),
        })
        .collect()
}

/// Each item in a word or two.
fn sketch(made: &[Made]) -> Vec<String> {
    let word = |item: &Made| match item {
        Ok((_, false)) => "made".to_owned(),
        Ok((_, true)) => "existing".to_owned(),
        Err(refused) => refused.summary(),
    };
    made.iter().map(word).collect()
}

const EXISTS: &str = "AlreadyExists FRIENDSHIP_EXISTS []";
const MISSING: &str = "NotFound USER_NOT_FOUND []";
const NOT_ALLOWED: &str = "PermissionDenied INTERACTION_NOT_ALLOWED []";

/// The ids of as many users as asked for.
async fn ids(app: &TestApp, size: usize) -> Vec<i64> {
    crowd(app, "u", size).await.iter().map(|user| user.id).collect()
}

/// Every pair of `ids`, the lower one first.
fn all_pairs(ids: &[i64]) -> Vec<FriendPair> {
    let pairs_of = |(place, one): (usize, &i64)| {
        let one = *one;
        ids[place + 1..].iter().map(move |other| friend_pair(one, *other))
    };
    ids.iter().enumerate().flat_map(pairs_of).collect()
}

async fn rows(app: &TestApp, table: &str) -> i64 {
    count(app, &format!("social_graph.{table}")).await
}

fn request(from: i64, to: i64) -> String {
    format!("INSERT INTO social_graph.friend_requests (from_user_id, to_user_id) VALUES ({from}, {to});")
}

#[tokio::test(flavor = "multi_thread")]
async fn friendships_are_made_and_answered_in_the_order_of_the_request_from_the_side_that_it_names() {
    let app = TestApp::start().await;
    let ids = ids(&app, 3).await;
    let pairs = vec![
        friend_pair(ids[2], ids[1]),
        friend_pair(ids[0], ids[1]),
        friend_pair(ids[2], ids[0]),
    ];
    let made = make(&app, pairs.clone(), false).await;
    assert_eq!(sketch(&made), ["made"; 3]);
    let answered: Vec<_> = made
        .into_iter()
        .flatten()
        .map(|(friendship, _)| friend_pair(friendship.user_id, friendship.friend_id))
        .collect();
    assert_eq!(answered, pairs);
    assert_eq!(rows(&app, "friendships").await, 6);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_equal_pairs_in_either_order_the_first_makes_the_friendship_and_the_others_find_it() {
    let app = TestApp::start().await;
    let ids = ids(&app, 2).await;
    let (there, back) = (friend_pair(ids[1], ids[0]), friend_pair(ids[0], ids[1]));
    let made = make(&app, vec![there, back, there], false).await;
    assert_eq!(sketch(&made), ["made", EXISTS, EXISTS]);
    let refused = made[1].as_ref().expect_err("an equal pair");
    assert_eq!(refused.metadata["constraint"], "social_graph_friendships_pkey");
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_safe_with_allow_existing_and_told_without() {
    let app = TestApp::start().await;
    let ids = ids(&app, 3).await;
    let first = befriend_all(&app, vec![friend_pair(ids[0], ids[1])]).await;
    let pairs = vec![
        friend_pair(ids[2], ids[1]),
        friend_pair(ids[0], ids[1]),
        friend_pair(ids[1], ids[2]),
    ];
    let made = make(&app, pairs.clone(), true).await;
    assert_eq!(sketch(&made), ["made", "existing", "existing"]);
    assert_eq!(made[1], Ok((first[0], true)));
    assert_eq!(sketch(&make(&app, pairs, false).await), [EXISTS; 3]);
    assert_eq!(rows(&app, "friendships").await, 4);
    app.database.assert_invariants().await;
}

// Control: REQUESTS_DELETE_BETWEEN left out; the guard refused, with INTERNAL.
#[tokio::test(flavor = "multi_thread")]
async fn open_requests_and_declines_between_the_two_go_away_and_no_others() {
    let app = TestApp::start().await;
    let ids = ids(&app, 4).await;
    let decline = |from: i64, to: i64| {
        format!(
            "INSERT INTO social_graph.friend_request_declines VALUES ({from}, {to}, now() + interval '1 hour');"
        )
    };
    let sql = [
        request(ids[0], ids[1]),
        request(ids[2], ids[1]),
        request(ids[3], ids[1]),
        decline(ids[1], ids[0]),
        decline(ids[1], ids[2]),
        decline(ids[3], ids[1]),
    ];
    execute(&app, &sql.concat()).await;
    let pairs = vec![friend_pair(ids[0], ids[1]), friend_pair(ids[1], ids[2])];
    assert_eq!(sketch(&make(&app, pairs, false).await), ["made", "made"]);
    let left = format!("from_user_id = {} AND to_user_id = {}", ids[3], ids[1]);
    for table in ["friend_requests", "friend_request_declines"] {
        assert_eq!(rows(&app, table).await, 1, "{table}");
        assert_eq!(rows(&app, &format!("{table} WHERE {left}")).await, 1, "{table}");
    }
    app.database.assert_invariants().await;
}

// Control: pairs_lock_in_txn left out; the batch waited for nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_meanwhile_goes_away_too() {
    let app = TestApp::start().await;
    let ids = ids(&app, 2).await;
    let other = Uncommitted::begin(&app, &request(ids[1], ids[0])).await;
    let call = make(&app, vec![friend_pair(ids[0], ids[1])], false);
    let (made, ()) = tokio::join!(call, other.commit_under_a_waiting_call());
    assert_eq!(sketch(&made), ["made"]);
    assert_eq!(rows(&app, "friend_requests").await, 0);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_block_stands_either_way_or_comes_meanwhile_the_item_alone_is_refused() {
    let app = TestApp::start().await;
    let ids = ids(&app, 4).await;
    let block = |one: usize, other: usize| {
        format!(
            "INSERT INTO social_graph.blocks VALUES ({}, {});",
            ids[one], ids[other]
        )
    };
    execute(&app, &[block(0, 1), block(2, 0)].concat()).await;
    let other = Uncommitted::begin(&app, &block(3, 1)).await;
    let pairs = [(0, 1), (0, 2), (0, 3), (1, 3)].map(|(one, other)| friend_pair(ids[one], ids[other]));
    let call = make(&app, pairs.to_vec(), true);
    let (made, ()) = tokio::join!(call, other.commit_under_a_waiting_call());
    assert_eq!(sketch(&made), [NOT_ALLOWED, NOT_ALLOWED, "made", NOT_ALLOWED]);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_fails_alone() {
    let app = TestApp::start().await;
    let ids = ids(&app, 2).await;
    let pairs = vec![
        friend_pair(ids[0], 4711),
        friend_pair(4711, ids[1]),
        friend_pair(4711, 4712),
        friend_pair(ids[0], ids[1]),
    ];
    let made = make(&app, pairs, true).await;
    assert_eq!(sketch(&made), [MISSING, MISSING, MISSING, "made"]);
    let refused = made[0].as_ref().expect_err("nobody");
    assert_eq!(
        refused.metadata["constraint"],
        "social_graph_friendships_user_id_fkey"
    );
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_goes_meanwhile_fails_alone_like_one_who_was_never_there() {
    let app = TestApp::start().await;
    let ids = ids(&app, 3).await;
    let delete = format!("DELETE FROM identity.users WHERE id = {}", ids[2]);
    let other = Uncommitted::begin(&app, &delete).await;
    let pairs = vec![friend_pair(ids[2], ids[1]), friend_pair(ids[1], ids[0])];
    let call = make(&app, pairs.clone(), false);
    let (made, ()) = tokio::join!(call, other.commit_under_a_waiting_call());
    assert_eq!(sketch(&made), [MISSING, "made"]);
    assert_eq!(made[0], make(&app, pairs, false).await[0]);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_pair_fails_alone_under_its_place() {
    let app = TestApp::start().await;
    let ids = ids(&app, 2).await;
    let pairs = vec![
        friend_pair(ids[0], ids[0]),
        friend_pair(0, -1),
        friend_pair(ids[0], ids[1]),
        friend_pair(0, 0),
    ];
    let made = make(&app, pairs, false).await;
    assert_eq!(
        sketch(&made),
        [
            "InvalidArgument SELF_BEFRIEND [pairs[0].friend_id SELF_BEFRIEND]",
            "InvalidArgument ID_INVALID [pairs[1].user_id ID_INVALID, pairs[1].friend_id ID_INVALID]",
            "made",
            "InvalidArgument ID_INVALID [pairs[3].user_id ID_INVALID, pairs[3].friend_id ID_INVALID]",
        ]
    );
    let refused = made[0].as_ref().expect_err("a friend of oneself");
    assert_eq!(
        refused.metadata["constraint"],
        "social_graph_friendships_no_self_friendship"
    );
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deactivated_users_are_taken() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    deactivate(&app, &users[1]).await;
    let pairs = vec![friend_pair(users[0].id, users[1].id)];
    assert_eq!(sketch(&make(&app, pairs, false).await), ["made"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_pairs_pass_and_one_more_does_not() {
    let app = TestApp::start().await;
    let mut pairs = all_pairs(&ids(&app, 33).await);
    pairs.truncate(501);
    let importer = app.operator(&[IMPORT_FRIENDS]);
    let refused = refusal(call(&app, &importer, pairs.clone(), false).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument BATCH_TOO_LARGE [pairs BATCH_TOO_LARGE]"
    );
    pairs.pop();
    assert_eq!(sketch(&make(&app, pairs, false).await), vec!["made"; 500]);
    assert_eq!(rows(&app, "friendships").await, 1000);
    app.database.assert_invariants().await;
}

// Control: PAIRS_LOCK in the opposite order; with the first pair taken, the batch had the locks of five others.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_takes_its_locks_in_the_order_of_the_pairs() {
    let app = TestApp::start().await;
    let ids = ids(&app, 4).await;
    let pairs: Vec<_> = all_pairs(&ids).into_iter().rev().collect();
    for (one, other, granted) in [(ids[0], ids[1], 0), (ids[2], ids[3], 5)] {
        let lock = format!("SELECT social_graph.pair_lock({one}, {other})");
        let mut taken = Uncommitted::begin(&app, &lock).await;
        let look = async {
            taken.until_somebody_waits().await;
            let held = count(&app, HELD).await;
            taken.commit().await;
            held
        };
        let (_, held) = tokio::join!(make(&app, pairs.clone(), true), look);
        assert_eq!(held, granted + 1, "with {one} and {other} taken");
    }
}

/// The locks of pairs that somebody has. Nothing else in these tests takes advisory locks.
const HELD: &str = "pg_locks WHERE granted AND locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

// Control: pairs_lock_in_txn left out; the database found deadlocks.
#[tokio::test(flavor = "multi_thread")]
async fn batches_of_the_same_pairs_in_opposite_order_make_each_once_without_a_deadlock() {
    let mut app = TestApp::start().await;
    let forth = all_pairs(&ids(&app, 32).await);
    let turned = forth.iter().map(|pair| friend_pair(pair.friend_id, pair.user_id));
    let back: Vec<_> = turned.rev().collect();
    let (one, other) = tokio::join!(make(&app, forth, true), make(&app, back, true));
    let answers = [one, other].concat();
    let made = answers.iter().flatten().filter(|(_, existing)| !existing).count();
    assert_eq!((answers.iter().flatten().count(), made), (992, 496));
    app.database.assert_invariants().await;
    app.shut_down().await;
    assert_eq!(app.database.deadlocks().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_pairs_give_no_answers() {
    let app = TestApp::start().await;
    assert_eq!(make(&app, Vec::new(), false).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_for_services_with_the_scope() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    let pairs = vec![friend_pair(users[0].id, users[1].id)];
    let refused = refusal(call(&app, &app.operator(&[IMPORT]), pairs.clone(), false).await);
    assert_eq!(refused.summary(), "PermissionDenied SCOPE_MISSING []");
    assert_eq!(refused.metadata["scope"], IMPORT_FRIENDS);
    let refused = refusal(call(&app, &users[0], pairs, false).await);
    assert_eq!(refused.summary(), "PermissionDenied CALLER_NOT_ALLOWED []");
    assert_eq!(rows(&app, "friendships").await, 0);
}
