use std::convert::identity;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kith_contracts::social_graph::v1::social_graph_service_server::{
    SocialGraphService, SocialGraphServiceServer,
};
use kith_contracts::social_graph::v1::*;
use kith_primitives::{Caller, Context, Failure, ServiceCaller, UserCaller};
use kith_rpc::{MAX_MESSAGE_BYTES, unary};
use tokio::sync::{Semaphore, watch};
use tonic::service::Routes;
use tonic::{Request, Response, Status, async_trait};

/// What every handler does before it answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plan {
    /// Nothing.
    Answer,
    /// Waits until it is released.
    Hang,
    /// Waits until it is released, then panics.
    HangAndPanic(&'static str),
    Panic(&'static str),
    Fail(fn() -> Failure),
}

/// How many calls got how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) started: usize,
    pub(crate) finished: usize,
    /// Their futures were dropped before they had finished.
    pub(crate) abandoned: usize,
}

/// What a handler was told of its call.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) request_id: String,
    pub(crate) time_left: Duration,
    /// Where it came from.
    pub(crate) peer_address: String,
    pub(crate) caller: Caller,
}

/// A social graph without a database. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Graph(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    plan: Mutex<Plan>,
    calls: watch::Sender<Calls>,
    released: Semaphore,
    seen: Mutex<Vec<Seen>>,
}

impl Graph {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            plan: Mutex::new(Plan::Answer),
            calls: watch::Sender::new(Calls::default()),
            released: Semaphore::new(0),
            seen: Mutex::new(Vec::new()),
        }))
    }

    pub(crate) fn routes(&self) -> Routes {
        let service = SocialGraphServiceServer::new(self.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        Routes::new(service)
    }

    /// Decides what the calls from now on do.
    pub(crate) fn plan(&self, plan: Plan) {
        *self.0.plan.lock().expect("no panic") = plan;
    }

    /// Lets so many calls that hang go on.
    pub(crate) fn release(&self, calls: usize) {
        self.0.released.add_permits(calls);
    }

    pub(crate) fn calls(&self) -> Calls {
        *self.0.calls.borrow()
    }

    /// Returns once the calls are as `wanted`.
    pub(crate) async fn reach(&self, wanted: impl FnMut(&Calls) -> bool) {
        let mut changes = self.0.calls.subscribe();
        super::soon(changes.wait_for(wanted))
            .await
            .expect("the sender is here");
    }

    /// What the last call was told.
    pub(crate) fn last_seen(&self) -> Seen {
        let seen = self.0.seen.lock().expect("no panic");
        seen.last().cloned().expect("a call")
    }

    async fn work(&self, caller: Caller) -> Result<(), Failure> {
        self.see(caller);
        let progress = Progress::start(&self.0.calls);
        let plan = *self.0.plan.lock().expect("no panic");
        if let Plan::Hang | Plan::HangAndPanic(_) = plan {
            self.0.released.acquire().await.expect("never closed").forget();
        }
        if let Plan::Panic(text) | Plan::HangAndPanic(text) = plan {
            panic!("{text}");
        }
        progress.finish();
        if let Plan::Fail(failure) = plan {
            return Err(failure());
        }
        Ok(())
    }

    fn see(&self, caller: Caller) {
        let context = Context::current().expect("a call has a context");
        self.0.seen.lock().expect("no panic").push(Seen {
            request_id: context.request_id.to_string(),
            time_left: Context::time_left().expect("a call has a deadline"),
            peer_address: Context::client_address(),
            caller,
        });
    }
}

/// Counts a call as abandoned unless it finishes.
struct Progress<'a> {
    calls: &'a watch::Sender<Calls>,
    finished: bool,
}

impl<'a> Progress<'a> {
    fn start(calls: &'a watch::Sender<Calls>) -> Self {
        calls.send_modify(|calls| calls.started += 1);
        Self {
            calls,
            finished: false,
        }
    }

    fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.calls.send_modify(|calls| match self.finished {
            true => calls.finished += 1,
            false => calls.abandoned += 1,
        });
    }
}

type Answer<T> = Result<Response<T>, Status>;

/// The service with these methods, and with others that answer nothing but that they were called.
macro_rules! graph {
    (
        { $($method:tt)* }
        $($name:ident($request:ident) -> $response:ident by $caller:ident as $kind:path;)*
    ) => {
        #[async_trait]
        impl SocialGraphService for Graph {
            $($method)*

            $(async fn $name(&self, request: Request<$request>) -> Answer<$response> {
                unary(request, async |caller: $caller, _| {
                    self.work($kind(caller)).await?;
                    Ok($response::default())
                })
                .await
            })*
        }
    };
}

graph! {
    {
        async fn follow(&self, request: Request<FollowRequest>) -> Answer<FollowResponse> {
            unary(request, async |caller: UserCaller, message: FollowRequest| {
                let follower_id = caller.user_id.get();
                self.work(Caller::User(caller)).await?;
                let follow = Follow {
                    follower_id,
                    followed_id: message.user_id,
                    create_time: None,
                };
                Ok(FollowResponse {
                    follow: Some(follow),
                    existing: false,
                })
            })
            .await
        }

        async fn get_follow(&self, request: Request<GetFollowRequest>) -> Answer<GetFollowResponse> {
            unary(request, async |caller: Caller, message: GetFollowRequest| {
                self.work(caller).await?;
                let follow = Follow {
                    follower_id: message.follower_id,
                    followed_id: message.followed_id,
                    create_time: None,
                };
                Ok(GetFollowResponse { follow: Some(follow) })
            })
            .await
        }

        /// The page token of the answer has `user_id` bytes, so that answers of any size can be had.
        async fn list_followers(&self, request: Request<ListFollowersRequest>) -> Answer<ListFollowersResponse> {
            unary(request, async |caller: Caller, message: ListFollowersRequest| {
                self.work(caller).await?;
                let size = usize::try_from(message.user_id).expect("a size");
                Ok(ListFollowersResponse {
                    follows: Vec::new(),
                    next_page_token: "x".repeat(size),
                })
            })
            .await
        }
    }
    unfollow(UnfollowRequest) -> UnfollowResponse by UserCaller as Caller::User;
    remove_follower(RemoveFollowerRequest) -> RemoveFollowerResponse by UserCaller as Caller::User;
    send_friend_request(SendFriendRequestRequest) -> SendFriendRequestResponse by UserCaller as Caller::User;
    cancel_friend_request(CancelFriendRequestRequest) -> CancelFriendRequestResponse by UserCaller as Caller::User;
    accept_friend_request(AcceptFriendRequestRequest) -> AcceptFriendRequestResponse by UserCaller as Caller::User;
    decline_friend_request(DeclineFriendRequestRequest) -> DeclineFriendRequestResponse by UserCaller as Caller::User;
    get_friend_request(GetFriendRequestRequest) -> GetFriendRequestResponse by UserCaller as Caller::User;
    list_sent_requests(ListSentRequestsRequest) -> ListSentRequestsResponse by UserCaller as Caller::User;
    list_received_requests(ListReceivedRequestsRequest) -> ListReceivedRequestsResponse by UserCaller as Caller::User;
    unfriend(UnfriendRequest) -> UnfriendResponse by UserCaller as Caller::User;
    suggest_friends(SuggestFriendsRequest) -> SuggestFriendsResponse by UserCaller as Caller::User;
    block_user(BlockUserRequest) -> BlockUserResponse by UserCaller as Caller::User;
    unblock_user(UnblockUserRequest) -> UnblockUserResponse by UserCaller as Caller::User;
    list_blocks(ListBlocksRequest) -> ListBlocksResponse by UserCaller as Caller::User;
    mute_user(MuteUserRequest) -> MuteUserResponse by UserCaller as Caller::User;
    unmute_user(UnmuteUserRequest) -> UnmuteUserResponse by UserCaller as Caller::User;
    list_mutes(ListMutesRequest) -> ListMutesResponse by UserCaller as Caller::User;
    batch_follow(BatchFollowRequest) -> BatchFollowResponse by ServiceCaller as Caller::Service;
    batch_befriend(BatchBefriendRequest) -> BatchBefriendResponse by ServiceCaller as Caller::Service;
    verify_counters(VerifyCountersRequest) -> VerifyCountersResponse by ServiceCaller as Caller::Service;
    repair_counters(RepairCountersRequest) -> RepairCountersResponse by ServiceCaller as Caller::Service;
    batch_check_follows(BatchCheckFollowsRequest) -> BatchCheckFollowsResponse by Caller as identity;
    list_following(ListFollowingRequest) -> ListFollowingResponse by Caller as identity;
    get_counts(GetCountsRequest) -> GetCountsResponse by Caller as identity;
    list_friends(ListFriendsRequest) -> ListFriendsResponse by Caller as identity;
    list_mutual_friends(ListMutualFriendsRequest) -> ListMutualFriendsResponse by Caller as identity;
    get_relationship(GetRelationshipRequest) -> GetRelationshipResponse by Caller as identity;
    batch_get_relationships(BatchGetRelationshipsRequest) -> BatchGetRelationshipsResponse by Caller as identity;
    check_interaction(CheckInteractionRequest) -> CheckInteractionResponse by Caller as identity;
    batch_check_interactions(BatchCheckInteractionsRequest) -> BatchCheckInteractionsResponse by Caller as identity;
}
