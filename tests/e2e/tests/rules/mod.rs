//! Every rule that a request can break, broken through its RPC and past it.

mod identity;
mod messaging;
mod posts;
mod social_graph;

use std::collections::BTreeSet;

use diesel::sql_query;
use diesel_async::RunQueryDsl;
use kith_contracts::identity::v1::*;
use kith_primitives::Failure;
use kith_rpc::status::to_rpc_status;
use kith_rules::{Breaks, Rule};
use kith_testkit::{Refusal, TestApp};
use prost::Message;

use crate::raw::{call, method};
use crate::rows::{SCOPES, World};

/// What is made for the users of a world.
type Made<T> = Box<dyn Fn(&World) -> T + Send + Sync>;

/// How to break a rule from either side.
struct Break {
    constraint: &'static str,
    method: &'static str,
    /// The statement that makes what must be there before.
    before: Made<String>,
    /// The request that breaks it; the caller is the owner, or an operator for what only operators may do.
    request: Made<Vec<u8>>,
    /// The statement that breaks it.
    sql: Made<String>,
}

const IDENTITY: &str = "kith.identity.v1.IdentityService";
const GRAPH: &str = "kith.social_graph.v1.SocialGraphService";
const MESSAGING: &str = "kith.messaging.v1.MessagingService";
const POSTS: &str = "kith.posts.v1.PostsService";

/// An id that no user has.
const NOBODY: i64 = i64::MAX;

/// For a rule that is broken in an empty world.
fn nothing() -> Made<String> {
    Box::new(|_| "SELECT".to_owned())
}

/// A rule of what one user does to another, broken by the other being who it is.
fn deed<R: Message + 'static>(
    constraint: &'static str,
    method: &'static str,
    before: Made<String>,
    request: impl Fn(&World) -> R + Send + Sync + 'static,
    sql: impl Fn(&World) -> String + Send + Sync + 'static,
) -> Break {
    Break {
        constraint,
        method,
        before,
        request: Box::new(move |world| request(world).encode_to_vec()),
        sql: Box::new(sql),
    }
}

/// The rules that only a caller breaks whose account has gone.
const OF_THE_CALLER: [&str; 8] = [
    "posts_posts_author_id_fkey",
    "posts_requests_user_id_fkey",
    "posts_likes_user_id_fkey",
    "posts_shares_user_id_fkey",
    "social_graph_blocks_blocker_id_fkey",
    "social_graph_mutes_muter_id_fkey",
    "social_graph_friend_requests_from_user_id_fkey",
    "messaging_settings_user_id_fkey",
];

fn long(length: usize) -> String {
    "😀".repeat(length)
}

fn long_url(length: usize) -> String {
    format!("https://{}", "a".repeat(length - 8))
}

/// The names that [`taken`] takes.
const TAKEN: (&str, &str) = ("taken", "taken@example.org");

fn breaks() -> Vec<Break> {
    [
        identity::breaks(),
        social_graph::breaks(),
        posts::breaks(),
        messaging::breaks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn every_rule_that_a_request_can_break_has_its_row() {
    let breakable = kith_rules::all().filter(|rule| !matches!(rule.breaks, Breaks::Never { .. }));
    let breakable: BTreeSet<&str> = breakable.map(|rule| rule.constraint).collect();
    assert_eq!(breakable, breaks().iter().map(|row| row.constraint).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_rule_gives_the_same_error_from_either_side() {
    let app = TestApp::start().await;
    taken(&app).await;
    for row in &breaks() {
        let world = World::new(&app).await;
        sql(&app, &(row.before)(&world)).await.expect(row.constraint);
        let declared = sql(&app, &(row.sql)(&world))
            .await
            .expect_err("the database refuses");
        let declared = Refusal::of_item(&to_rpc_status(&declared));
        let parsed = through_rpc(&app, &world, row).await;
        let rule = kith_rules::find(row.constraint).expect("a rule");
        let named = declared.metadata.get("constraint").map(String::as_str);
        assert_eq!(named, is_named(rule).then_some(row.constraint));
        assert_eq!(parsed, declared, "{}", row.constraint);
    }
}

/// A block is never told.
fn is_named(rule: &Rule) -> bool {
    !matches!(rule.breaks, Breaks::NotAllowed)
}

async fn through_rpc(app: &TestApp, world: &World, row: &Break) -> Refusal {
    let service = match row.method {
        "Register" | "UpdateProfile" | "Authenticate" | "CreateServiceAccount" => IDENTITY,
        "CreatePost" | "LikePost" | "SharePost" => POSTS,
        "SendMessage" | "MuteConversation" | "UpdateMessagingSettings" => MESSAGING,
        _ => GRAPH,
    };
    let rpc = method(&format!("{service}/{}", row.method));
    let request = (row.request)(world);
    let answer = if row.method.starts_with("Batch") || row.method == "CreateServiceAccount" {
        call(app, &rpc, &app.operator(SCOPES), request).await
    } else if OF_THE_CALLER.contains(&row.constraint) {
        call(app, &rpc, &app.signed_in(NOBODY, "gone"), request).await
    } else {
        call(app, &rpc, &world.owner, request).await
    };
    without_place(answer.expect_err("the RPC refuses"))
}

/// The refusal of a batch's first item, as if it were the whole request.
fn without_place(refusal: Refusal) -> Refusal {
    let without = |text: &str| text.replace("pairs[0].", "");
    Refusal {
        message: without(&refusal.message),
        fields: refusal
            .fields
            .iter()
            .map(|(field, reason)| (without(field), reason.clone()))
            .collect(),
        ..refusal
    }
}

/// Takes a username, an email address and the name of a service account.
async fn taken(app: &TestApp) {
    let request = RegisterRequest {
        username: TAKEN.0.to_owned(),
        email: TAKEN.1.to_owned(),
        password: "correct horse".to_owned(),
        ..Default::default()
    };
    app.identity(&app.nobody())
        .register(request)
        .await
        .expect("a registration");
    let request = CreateServiceAccountRequest {
        name: TAKEN.0.to_owned(),
        scopes: Vec::new(),
    };
    app.identity(&app.operator(SCOPES))
        .create_service_account(request)
        .await
        .expect("a service account");
}

/// Runs a statement as the owner of the database, and maps its error as the stores' errors are.
async fn sql(app: &TestApp, statement: &str) -> Result<usize, Failure> {
    let mut conn = app.database.owner().await;
    Ok(kith_postgres::run("direct", sql_query(statement).execute(&mut conn)).await?)
}
