//! Callers that call again and again, reads and writes, and keep what came of it.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kith_client::{BearerToken, Channel};
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::identity::v1::{GetProfileRequest, GetUserRequest, Profile, UpdateProfileRequest};
use kith_contracts::messaging::v1::messaging_service_client::MessagingServiceClient;
use kith_contracts::messaging::v1::{GetMessageRequest, GetUnreadCountRequest, SendMessageRequest};
use kith_contracts::posts::v1::posts_service_client::PostsServiceClient;
use kith_contracts::posts::v1::{
    CreatePostRequest, LikePostRequest, ListPostsByAuthorRequest, UnlikePostRequest,
};
use kith_contracts::social_graph::v1::social_graph_service_client::SocialGraphServiceClient;
use kith_contracts::social_graph::v1::{FollowRequest, GetCountsRequest, GetFollowRequest, UnfollowRequest};
use kith_primitives::UserId;
use kith_schema::Role;
use kith_tokens::Issuer;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tonic::{Response, Status};
use uuid::Uuid;

use crate::processes::eventually;

/// The pause between two calls of one caller.
const PACE: Duration = Duration::from_millis(5);

/// Which writes are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes {
    /// Also such as must not be made twice: each of those that are is an error, or is found at the end.
    Once,
    /// Such as may be repeated whatever became of the first.
    Repeatable,
}

/// A call that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) role: Role,
    pub(crate) method: &'static str,
    pub(crate) after: Duration,
    pub(crate) status: Status,
}

/// What came of all calls.
#[derive(Debug, Default)]
pub(crate) struct Results {
    answered: AtomicUsize,
    failed: Mutex<Vec<Failed>>,
    /// Posts and messages that were acknowledged.
    made: Mutex<BTreeMap<Role, Vec<i64>>>,
}

impl Results {
    pub(crate) fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    pub(crate) fn failed(&self) -> Vec<Failed> {
        self.failed.lock().expect("no panic").clone()
    }

    /// The ids of what a service was told to make, and acknowledged.
    pub(crate) fn made(&self, role: Role) -> Vec<i64> {
        let made = self.made.lock().expect("no panic");
        made.get(&role).cloned().unwrap_or_default()
    }

    fn add(&self, role: Role, id: i64) {
        self.made
            .lock()
            .expect("no panic")
            .entry(role)
            .or_default()
            .push(id);
    }
}

/// Callers of one service or several. They end with this.
pub(crate) struct Load {
    results: Arc<Results>,
    is_over: Arc<AtomicBool>,
    issuer: Arc<Issuer>,
    writes: Writes,
    callers: JoinSet<()>,
}

impl Load {
    pub(crate) fn new(issuer: &Arc<Issuer>, writes: Writes) -> Self {
        Self {
            results: Arc::default(),
            is_over: Arc::default(),
            issuer: Arc::clone(issuer),
            writes,
            callers: JoinSet::new(),
        }
    }

    fn caller(&self, role: Role, channel: &Channel, users: &[i64]) -> Caller {
        Caller {
            role,
            channel: channel.clone(),
            issuer: Arc::clone(&self.issuer),
            own: users[0],
            other: users[1],
            writes: self.writes,
            results: Arc::clone(&self.results),
        }
    }

    /// Makes each call once, and answers what came of it.
    pub(crate) async fn once(issuer: &Arc<Issuer>, role: Role, channel: &Channel, users: &[i64]) -> Results {
        let load = Self::new(issuer, Writes::Repeatable);
        load.caller(role, channel, users).round(0).await;
        Arc::into_inner(load.results).expect("nobody else calls")
    }

    /// Adds callers of a service, one for every two users.
    pub(crate) fn call(&mut self, role: Role, channel: &Channel, users: &[i64]) {
        for pair in users.chunks_exact(2) {
            let caller = self.caller(role, channel, pair);
            let is_over = Arc::clone(&self.is_over);
            self.callers.spawn(async move {
                for round in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    caller.round(round).await;
                }
            });
        }
    }

    pub(crate) fn results(&self) -> &Results {
        &self.results
    }

    /// Returns once `count` more calls were answered.
    pub(crate) async fn goes_on(&self, count: usize) {
        let enough = self.results.answered() + count;
        eventually("more answers", async || {
            (self.results.answered() >= enough).then_some(())
        })
        .await;
    }

    /// Ends it, once every call has had its answer.
    pub(crate) async fn end(self) -> Arc<Results> {
        self.is_over.store(true, Ordering::Relaxed);
        self.callers.join_all().await;
        self.results
    }
}

/// Somebody with a token, for whom nobody else writes.
struct Caller {
    role: Role,
    channel: Channel,
    issuer: Arc<Issuer>,
    own: i64,
    other: i64,
    writes: Writes,
    results: Arc<Results>,
}

impl Caller {
    async fn round(&self, number: usize) {
        match self.role {
            Role::Identity => self.identity(number).await,
            Role::SocialGraph => self.social_graph().await,
            Role::Posts => self.posts(number).await,
            Role::Messaging => self.messaging(number).await,
        }
    }

    /// With a new token, so that none ends during a long storm.
    fn channel(&self) -> Channel {
        let token = self.issuer.user(UserId::from_database(self.own), "session");
        let token = BearerToken::new(&token.expect("a token").token).expect("ASCII");
        self.channel.with_token(token)
    }

    async fn call<T>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Option<T> {
        let began = Instant::now();
        let answer = call.await;
        let after = began.elapsed();
        sleep(PACE).await;
        match answer {
            Ok(answer) => {
                self.results.answered.fetch_add(1, Ordering::Relaxed);
                Some(answer.into_inner())
            }
            Err(status) => {
                let failed = Failed {
                    role: self.role,
                    method,
                    after,
                    status,
                };
                self.results.failed.lock().expect("no panic").push(failed);
                None
            }
        }
    }

    /// Whether a write may be one that is there already, or there no longer.
    fn may_repeat(&self) -> bool {
        self.writes == Writes::Repeatable
    }

    /// None for every other write, if writes need not be repeatable.
    fn request_id(&self, number: usize) -> String {
        match number.is_multiple_of(2) || self.may_repeat() {
            true => Uuid::new_v4().to_string(),
            false => String::new(),
        }
    }

    async fn identity(&self, number: usize) {
        let mut client = IdentityServiceClient::new(self.channel());
        let user_id = self.own;
        let bio = format!("round {number}");
        let profile = Profile {
            user_id,
            bio: Some(bio.clone()),
            ..Default::default()
        };
        let update = UpdateProfileRequest {
            profile: Some(profile),
            update_mask: None,
        };
        let updated = self.call("UpdateProfile", client.update_profile(update)).await;
        let get = client.get_profile(GetProfileRequest { user_id });
        let got = self.call("GetProfile", get).await;
        if let (Some(_), Some(got)) = (updated, got) {
            let read = got.profile.and_then(|profile| profile.bio);
            assert_eq!(read, Some(bio), "acknowledged, and not there");
        }
        let user_id = self.other;
        self.call("GetUser", client.get_user(GetUserRequest { user_id }))
            .await;
    }

    async fn social_graph(&self) {
        let mut client = SocialGraphServiceClient::new(self.channel());
        let user_id = self.other;
        let follow = FollowRequest {
            user_id,
            allow_existing: self.may_repeat(),
        };
        let followed = self.call("Follow", client.follow(follow)).await;
        if followed.is_some() {
            let pair = GetFollowRequest {
                follower_id: self.own,
                followed_id: self.other,
            };
            // One that is acknowledged is there, or this fails.
            self.call("GetFollow", client.get_follow(pair)).await;
        }
        let unfollow = UnfollowRequest {
            user_id,
            allow_missing: self.may_repeat(),
        };
        self.call("Unfollow", client.unfollow(unfollow)).await;
        self.call("GetCounts", client.get_counts(GetCountsRequest { user_id }))
            .await;
    }

    async fn posts(&self, number: usize) {
        let mut client = PostsServiceClient::new(self.channel());
        let create = CreatePostRequest {
            content: format!("post {number}"),
            request_id: self.request_id(number),
            ..Default::default()
        };
        let created = self.call("CreatePost", client.create_post(create)).await;
        let list = ListPostsByAuthorRequest {
            author_id: self.own,
            page_size: 1,
            ..Default::default()
        };
        let list = client.list_posts_by_author(list);
        let listed = self.call("ListPostsByAuthor", list).await;
        let Some(post) = created.and_then(|created| created.post) else {
            return;
        };
        self.results.add(self.role, post.id);
        let post_id = post.id;
        if let Some(listed) = listed {
            let newest = listed.posts.first().map(|post| post.id);
            assert_eq!(newest, Some(post_id), "acknowledged, and not there");
        }
        let like = LikePostRequest {
            post_id,
            allow_existing: self.may_repeat(),
        };
        if self.call("LikePost", client.like_post(like)).await.is_some() {
            let unlike = UnlikePostRequest {
                post_id,
                allow_missing: self.may_repeat(),
            };
            self.call("UnlikePost", client.unlike_post(unlike)).await;
        }
    }

    async fn messaging(&self, number: usize) {
        let mut client = MessagingServiceClient::new(self.channel());
        let send = SendMessageRequest {
            receiver_id: self.other,
            content: format!("message {number}"),
            request_id: self.request_id(number),
        };
        let sent = self.call("SendMessage", client.send_message(send)).await;
        if let Some(message) = sent.and_then(|sent| sent.message) {
            self.results.add(self.role, message.id);
            let message_id = message.id;
            let get = client.get_message(GetMessageRequest { message_id });
            self.call("GetMessage", get).await;
        }
        let count = client.get_unread_count(GetUnreadCountRequest::default());
        self.call("GetUnreadCount", count).await;
    }
}
