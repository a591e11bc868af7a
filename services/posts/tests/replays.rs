//! A create that is sent again, to two servers that share nothing but the database.

use std::collections::{BTreeMap, BTreeSet};

use kith_client::Channel;
use kith_contracts::posts::v1::posts_service_client::PostsServiceClient;
use kith_contracts::posts::v1::{
    CreatePostRequest, CreatePostResponse, DeletePostRequest, Post, UpdatePostRequest,
};
use kith_contracts::social_graph::v1::{BlockUserRequest, UnblockUserRequest};
use kith_testkit::{Credentials, Refusal, TestApp, TestUser};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tonic::service::interceptor::InterceptedService;

use crate::support::{Uncommitted, answer, block, count, execute, post, reply_to, seen, with_content};

const TIMES: usize = 64;
/// All connections of the two servers' pools.
const SESSIONS: i64 = 16;

type Answer = Result<CreatePostResponse, Refusal>;

/// Two servers, and two users.
struct World {
    app: TestApp,
    servers: [Channel; 2],
    alice: TestUser,
    bob: TestUser,
}

impl World {
    async fn start() -> Self {
        let mut app = TestApp::start().await;
        let servers = [app.channel("kith.posts.v1"), app.posts_replica().await];
        let mut users = app.users(&["alice", "bob"]).await.into_iter();
        let (alice, bob) = users.next().zip(users.next()).expect("two users");
        Self {
            app,
            servers,
            alice,
            bob,
        }
    }

    /// Sends a request of alice's to both servers, 32 times each, all together: whoever has a connection waits for the
    /// post that is replied to, until all connections do.
    async fn send_together(&self, parent: &Post, request: &CreatePostRequest) -> Vec<Answer> {
        let lock = format!("SELECT posts.post_lock({})", parent.id);
        let mut lock = Uncommitted::begin(&self.app, &lock).await;
        let mut calls = JoinSet::new();
        for server in self.servers.iter().cycle().take(TIMES) {
            calls.spawn(send(TestApp::posts_at(server, &self.alice), request.clone()));
        }
        lock.until_so_many_wait(SESSIONS).await;
        lock.commit().await;
        calls.join_all().await
    }

    /// Sends a request of alice's to each server.
    async fn send_to_each(&self, request: &CreatePostRequest) -> [Answer; 2] {
        let [one, other] = self
            .servers
            .each_ref()
            .map(|server| send(TestApp::posts_at(server, &self.alice), request.clone()));
        [one.await, other.await]
    }
}

async fn send(
    mut client: PostsServiceClient<InterceptedService<Channel, Credentials>>,
    request: CreatePostRequest,
) -> Answer {
    let called = client.create_post(request).await;
    called
        .map(tonic::Response::into_inner)
        .map_err(|status| Refusal::of(&status))
}

fn request_id(number: u32) -> String {
    format!("8c1f7f0e-6b0e-4bb6-9b5e-{number:012x}")
}

fn keyed(request: CreatePostRequest) -> CreatePostRequest {
    CreatePostRequest {
        request_id: request_id(1),
        ..request
    }
}

fn made(answers: &[Answer]) -> Vec<&CreatePostResponse> {
    answers
        .iter()
        .map(|answer| answer.as_ref().expect("a post"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_that_is_sent_64_times_together_to_two_servers_makes_one_post() {
    let world = World::start().await;
    let (app, alice, bob) = (&world.app, &world.alice, &world.bob);
    let top = post(app, bob, "top").await;
    let request = keyed(reply_to(&top, "hi @bob #tag"));

    let answers = world.send_together(&top, &request).await;
    let answers = made(&answers);
    let replayed = answers.iter().filter(|answer| answer.replayed).count();
    assert_eq!((answers.len(), replayed), (64, 63));
    assert!(answers.iter().all(|answer| answer.post == answers[0].post));
    assert_eq!(count(app, "posts.posts").await, 2);
    assert_eq!(seen(app, bob, &top).await.comment_count, 1);
    let first = answers[0].post.clone().expect("a post");

    for other in world.send_to_each(&keyed(reply_to(&top, "other"))).await {
        let refused = other.expect_err("a refusal");
        assert_eq!(refused.summary(), "FailedPrecondition REQUEST_ID_REUSED []");
    }

    let update = UpdatePostRequest {
        post_id: first.id,
        content: Some("after".to_owned()),
        ..Default::default()
    };
    let updated = answer(app.posts(alice).update_post(update).await).post;
    block(app, bob, alice).await;
    for again in world.send_to_each(&request).await {
        let again = again.expect("a replay");
        assert!(again.replayed);
        assert_eq!(again.post, updated);
    }

    let delete = DeletePostRequest {
        post_id: first.id,
        allow_missing: false,
    };
    answer(app.posts(alice).delete_post(delete).await);
    for gone in world.send_to_each(&request).await {
        let refused = gone.expect_err("a refusal");
        assert_eq!(refused.summary(), "NotFound RESOURCE_DELETED []");
    }
    assert_eq!(count(app, "posts.posts").await, 1);
    app.database.assert_invariants().await;
}

// What the test above would see if nothing kept a second claim of a request out.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_claim_each_call_makes_a_post() {
    let world = World::start().await;
    let forget = "CREATE FUNCTION public.forget() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN NEW.request_id := gen_random_uuid(); RETURN NEW; END $$;
        CREATE TRIGGER forget BEFORE INSERT ON posts.requests FOR EACH ROW EXECUTE FUNCTION public.forget()";
    execute(&world.app, forget).await;
    let top = post(&world.app, &world.bob, "top").await;
    let answers = world.send_together(&top, &keyed(reply_to(&top, "x"))).await;
    assert!(made(&answers).iter().all(|answer| !answer.replayed));
    assert_eq!(seen(&world.app, &world.bob, &top).await.comment_count, 64);
}

/// One call of many, and what came of it.
#[derive(Debug)]
struct Sent {
    id: u32,
    content: &'static str,
    answer: Answer,
}

const CONTENTS: [&str; 2] = ["one @bob", "other"];

/// Sends requests under few ids, and deletes and changes what they make, and blocks and unblocks, in an order of chance.
async fn meddle(world: &World, seed: u64) -> Vec<Sent> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut sent = Vec::new();
    let mut last = 0;
    for _ in 0..40 {
        let server = &world.servers[random.random_range(0..2)];
        let mut posts = TestApp::posts_at(server, &world.alice);
        let mut graph = world.app.social_graph(&world.bob);
        let user_id = world.alice.id;
        match random.random_range(0..10) {
            0 => {
                let request = DeletePostRequest {
                    post_id: last,
                    allow_missing: true,
                };
                drop(posts.delete_post(request).await);
            }
            1 => {
                let request = UpdatePostRequest {
                    post_id: last,
                    content: Some(format!("update {}", random.random::<u32>())),
                    ..Default::default()
                };
                drop(posts.update_post(request).await);
            }
            2 => {
                let request = BlockUserRequest {
                    user_id,
                    allow_existing: true,
                };
                answer(graph.block_user(request).await);
            }
            3 => {
                let request = UnblockUserRequest {
                    user_id,
                    allow_missing: true,
                };
                answer(graph.unblock_user(request).await);
            }
            _ => {
                let id = random.random_range(0..6);
                let content = CONTENTS[random.random_range(0..2)];
                let request = CreatePostRequest {
                    request_id: request_id(id),
                    ..with_content(content)
                };
                let answer = send(posts, request).await;
                if let Ok(made) = &answer {
                    last = made.post.as_ref().map_or(0, |post| post.id);
                }
                sent.push(Sent { id, content, answer });
            }
        }
    }
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_meanwhile_an_id_stands_for_one_post_and_one_content() {
    let world = World::start().await;
    let calls = meddle_together(&world).await;
    let mut by_id: BTreeMap<u32, Vec<&Sent>> = BTreeMap::new();
    for call in &calls {
        by_id.entry(call.id).or_default().push(call);
    }
    for (id, calls) in by_id {
        let posts = calls
            .iter()
            .filter_map(|call| Some((call, call.answer.as_ref().ok()?)));
        let answered: BTreeSet<(i64, &str)> = posts
            .clone()
            .filter_map(|(call, made)| Some((made.post.as_ref()?.id, call.content)))
            .collect();
        let first = posts.filter(|(_, made)| !made.replayed).count();
        assert!(first <= 1 && answered.len() == first, "{id}: {calls:#?}");
        let content = answered.first().map(|(_, content)| *content);
        for call in &calls {
            let Err(refused) = &call.answer else { continue };
            let is_right = match refused.reason.as_str() {
                "REQUEST_ID_REUSED" => Some(call.content) != content,
                "RESOURCE_DELETED" => Some(call.content) == content,
                "INTERACTION_NOT_ALLOWED" => call.content == CONTENTS[0],
                _ => false,
            };
            assert!(is_right, "{id}: {content:?} {call:?}");
        }
    }
    let requests = count(&world.app, "posts.requests").await;
    assert!(count(&world.app, "posts.posts").await <= requests && requests > 0);
    world.app.database.assert_invariants().await;
}

async fn meddle_together(world: &World) -> Vec<Sent> {
    let meddlers = (0..16).map(|seed| meddle(world, seed));
    futures::future::join_all(meddlers)
        .await
        .into_iter()
        .flatten()
        .collect()
}
