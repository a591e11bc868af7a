//! The services that are seeded, called as any of their users.

use std::fmt;
use std::sync::Arc;

use kith_client::{BearerToken, Channel};
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::messaging::v1::messaging_service_client::MessagingServiceClient;
use kith_contracts::posts::v1::posts_service_client::PostsServiceClient;
use kith_contracts::social_graph::v1::social_graph_service_client::SocialGraphServiceClient;
use kith_rpc::process::AnyError;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::{Code, Request, Response, Status};

use crate::data_directory::DataDirectory;
use crate::local::Local;
use crate::operator::{CALL_WITHIN, Operator, OperatorSettings};
use crate::retry::with_retries;

/// How many calls of users are on their way at the same time.
pub(super) const IN_FLIGHT: usize = 32;
/// What the operator's token is good for.
const SCOPES: &[&str] = &[
    "identity.users.import",
    "identity.users.delete",
    "social_graph.follows.import",
    "social_graph.friendships.import",
];

/// A Kith that runs here.
#[derive(Clone, Debug)]
pub(super) struct Kith {
    pub(super) local: Arc<Local>,
    pub(super) operator: Operator,
    identity: Channel,
    social_graph: Channel,
    posts: Channel,
    messaging: Channel,
}

pub(super) type OfUser = InterceptedService<Channel, AsUser>;

impl Kith {
    /// The one that is up on `directory`.
    pub(super) async fn find(directory: &DataDirectory) -> Result<Self, AnyError> {
        let local = Local::find(directory).await?;
        let facts = local.facts().clone();
        Ok(Self {
            local: Arc::new(local),
            operator: Operator::of(OperatorSettings::Local(directory.clone()), SCOPES).await?,
            identity: kith_client::channel(&facts.identity)?,
            social_graph: kith_client::channel(&facts.social_graph)?,
            posts: kith_client::channel(&facts.posts)?,
            messaging: kith_client::channel(&facts.messaging)?,
        })
    }

    /// For calls without a user's token.
    pub(super) fn open_identity(&self) -> IdentityServiceClient<Channel> {
        IdentityServiceClient::new(self.identity.clone())
    }

    pub(super) fn identity(&self, user_id: i64) -> IdentityServiceClient<OfUser> {
        IdentityServiceClient::with_interceptor(self.identity.clone(), self.as_user(user_id))
    }

    pub(super) fn social_graph(&self, user_id: i64) -> SocialGraphServiceClient<OfUser> {
        SocialGraphServiceClient::with_interceptor(self.social_graph.clone(), self.as_user(user_id))
    }

    pub(super) fn posts(&self, user_id: i64) -> PostsServiceClient<OfUser> {
        PostsServiceClient::with_interceptor(self.posts.clone(), self.as_user(user_id))
    }

    pub(super) fn messaging(&self, user_id: i64) -> MessagingServiceClient<OfUser> {
        MessagingServiceClient::with_interceptor(self.messaging.clone(), self.as_user(user_id))
    }

    fn as_user(&self, user_id: i64) -> AsUser {
        AsUser {
            local: Arc::clone(&self.local),
            user_id,
        }
    }
}

/// Proves a user, with a new token for each call: the work may take longer than a token lives.
#[derive(Clone, Debug)]
pub(super) struct AsUser {
    local: Arc<Local>,
    user_id: i64,
}

impl Interceptor for AsUser {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        let internal = |error: &dyn fmt::Display| Status::internal(error.to_string());
        let token = self
            .local
            .user_token(self.user_id)
            .map_err(|error| internal(&error))?;
        BearerToken::new(&token)
            .map_err(|error| internal(&error))?
            .call(request)
    }
}

/// What became of something that was to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Made {
    New,
    Existing,
    /// Somebody keeps it from being: a block, for example, that was set since.
    Refused(String),
}

impl Made {
    pub(super) fn new_unless(existing: bool) -> Self {
        if existing { Made::Existing } else { Made::New }
    }

    /// What it means that `service` answered `status`. What somebody has deleted since counts as existing: it was made.
    pub(super) fn of_failure(service: &str, status: &Status) -> Result<Self, AnyError> {
        if is(status, "RESOURCE_DELETED") {
            return Ok(Made::Existing);
        }
        match status.code() {
            Code::PermissionDenied | Code::NotFound | Code::FailedPrecondition => {
                Ok(Made::Refused(status.message().to_owned()))
            }
            _ => Err(failed(service, status)),
        }
    }
}

/// Whether `reason` is why a call failed.
pub(super) fn is(status: &Status, reason: &str) -> bool {
    let rest = status.message().strip_prefix(reason);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

pub(super) fn failed(service: &str, status: &Status) -> AnyError {
    let (code, message) = (status.code(), status.message());
    match code {
        Code::Unavailable | Code::DeadlineExceeded => format!("{service} does not answer: {message}").into(),
        _ => format!("{service} refused: {message}").into(),
    }
}

/// A call that is safe to repeat, with a deadline.
pub(super) async fn ask<M, A, F>(message: M, mut call: impl FnMut(Request<M>) -> F) -> Result<A, Status>
where
    M: Clone,
    F: Future<Output = Result<Response<A>, Status>>,
{
    let answer = with_retries(|| {
        let mut request = Request::new(message.clone());
        request.set_timeout(CALL_WITHIN);
        call(request)
    });
    Ok(answer.await?.into_inner())
}
