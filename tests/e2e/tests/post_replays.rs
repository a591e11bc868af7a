//! Creates of posts that are sent again, to two processes.

use std::sync::Arc;

use kith_client::Channel;
use kith_contracts::posts::v1::{
    CreatePostRequest, CreatePostResponse, DeletePostRequest, UpdatePostRequest,
};
use kith_contracts::social_graph::v1::BlockUserRequest;
use kith_schema::Role;
use kith_testkit::{Refusal, TestApp, TestUser, answer, count, ready};
use tokio::sync::{Barrier, Notify};
use tokio::task::JoinSet;
use tonic::Status;
use uuid::Uuid;

use crate::processes::{Process, channel};
use crate::rows::unique;

const TIMES: usize = 64;

/// A posts process on the database of an app, whose users it knows.
struct Posts {
    process: Process,
    channel: Channel,
}

impl Posts {
    /// Returns once it is ready.
    async fn start(app: &TestApp) -> Self {
        let url = app.database.url(Role::Posts).expose();
        let identity_url = app.identity_url();
        let environment = [
            ("KITH_POSTS_DATABASE_URL", url.as_str()),
            ("KITH_POSTS_LISTEN_ADDRESS", "127.0.0.1:0"),
            ("KITH_IDENTITY_URL", &identity_url),
            ("KITH_TOKEN_ISSUER", "kith-test"),
            ("KITH_TOKEN_AUDIENCE", "kith-test"),
            // Enough for a busy machine.
            ("KITH_POOL_SIZE", "32"),
            ("KITH_POOL_CHECKOUT_TIMEOUT", "60s"),
            ("KITH_DEFAULT_DEADLINE", "60s"),
            // Where it listens, and nothing of each call.
            ("KITH_LOG_FILTER", "warn,kith_rpc::process=info"),
        ];
        let process = Process::start(env!("CARGO_BIN_EXE_e2e-posts"), &environment);
        let channel = channel(&process.address().await);
        ready(channel.clone()).await;
        Self { process, channel }
    }
}

async fn create(
    server: &Channel,
    author: &TestUser,
    request: CreatePostRequest,
) -> Result<CreatePostResponse, Status> {
    let mut posts = TestApp::posts_at(server, author);
    posts.create_post(request).await.map(tonic::Response::into_inner)
}

/// A request under the id that `number` stands for.
fn request(number: u128, content: &str) -> CreatePostRequest {
    CreatePostRequest {
        content: content.to_owned(),
        request_id: Uuid::from_u128(number).to_string(),
        ..Default::default()
    }
}

/// Sends one request to all servers in turn, all together.
async fn together(
    servers: &[Posts],
    author: &TestUser,
    request: &CreatePostRequest,
) -> Vec<CreatePostResponse> {
    let (mut calls, barrier) = (JoinSet::new(), Arc::new(Barrier::new(TIMES)));
    for server in servers.iter().cycle().take(TIMES) {
        let (server, author, request) = (server.channel.clone(), author.clone(), request.clone());
        let barrier = Arc::clone(&barrier);
        calls.spawn(async move {
            barrier.wait().await;
            create(&server, &author, request).await.expect("a post")
        });
    }
    calls.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_that_is_sent_64_times_together_to_two_processes_makes_one_post() {
    let app = TestApp::start().await;
    let servers = [Posts::start(&app).await, Posts::start(&app).await];
    let (alice, bob) = (app.user(&unique("a")).await, app.user(&unique("b")).await);
    let request = request(1, &format!("hi @{} #tag", bob.username));

    let answers = together(&servers, &alice, &request).await;
    assert_eq!(answers.iter().filter(|answer| answer.replayed).count(), TIMES - 1);
    assert!(answers.iter().all(|answer| answer.post == answers[0].post));
    assert_eq!(count(&app, "posts.posts").await, 1);

    let made = answers[0].post.clone().expect("a post");
    let update = UpdatePostRequest {
        post_id: made.id,
        content: Some("after".to_owned()),
        ..Default::default()
    };
    let updated = answer(app.posts(&alice).update_post(update).await).post;
    let block = BlockUserRequest {
        user_id: alice.id,
        allow_existing: false,
    };
    answer(app.social_graph(&bob).block_user(block).await);
    for again in together(&servers, &alice, &request).await {
        assert!(again.replayed);
        assert_eq!(again.post, updated);
    }

    let delete = DeletePostRequest {
        post_id: made.id,
        allow_missing: false,
    };
    answer(app.posts(&alice).delete_post(delete).await);
    let other = CreatePostRequest {
        content: "other".to_owned(),
        ..request.clone()
    };
    for server in &servers {
        for (request, expected) in [
            (&request, "NotFound RESOURCE_DELETED []"),
            (&other, "FailedPrecondition REQUEST_ID_REUSED []"),
        ] {
            let refused = create(&server.channel, &alice, request.clone()).await;
            assert_eq!(Refusal::of(&refused.expect_err("a refusal")).summary(), expected);
        }
    }
    assert_eq!(count(&app, "posts.posts").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_was_asked_that_died_can_be_asked_of_another() {
    let app = TestApp::start().await;
    let (mut first, second) = (Posts::start(&app).await, Posts::start(&app).await);
    let alice = app.user(&unique("a")).await;
    let answered = Arc::new(Notify::new());
    let mut calls = JoinSet::new();
    for number in 1..=TIMES {
        let (server, alice, answered) = (first.channel.clone(), alice.clone(), Arc::clone(&answered));
        let request = request(u128::try_from(number).expect("small"), &format!("post {number}"));
        calls.spawn(async move {
            let answer = create(&server, &alice, request.clone()).await.ok();
            answered.notify_one();
            (request, answer)
        });
    }
    answered.notified().await;
    first.process.kill();
    for (request, answer) in calls.join_all().await {
        let again = create(&second.channel, &alice, request).await.expect("a post");
        if let Some(acknowledged) = answer {
            assert!(again.replayed);
            assert_eq!(again.post, acknowledged.post);
        }
    }
    let posts = count(&app, "posts.posts").await;
    assert_eq!(usize::try_from(posts), Ok(TIMES));
    app.database.assert_invariants().await;
}
