mod server;

use std::future::Future;
use std::time::Duration;

use kith_client::Channel;
use kith_contracts::social_graph::v1::social_graph_service_client::SocialGraphServiceClient;
use kith_contracts::social_graph::v1::{FollowRequest, GetFollowRequest};
use tokio::time::timeout;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

pub(crate) use server::{Call, FakeServer, Reply};

/// What a test waits for at most, far more than it takes.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), future).await.expect("soon")
}

/// A call of a method that the contract calls free of side effects.
pub(crate) async fn read(channel: &Channel) -> Result<(), Status> {
    let mut client = SocialGraphServiceClient::new(channel.clone());
    soon(client.get_follow(GetFollowRequest::default()))
        .await
        .map(drop)
}

/// A call of any other method.
pub(crate) async fn write(channel: &Channel) -> Result<(), Status> {
    let mut client = SocialGraphServiceClient::new(channel.clone());
    soon(client.follow(FollowRequest::default())).await.map(drop)
}

/// A refusal with a reason of the contract.
pub(crate) fn refusal(code: Code, reason: &str, retry_after: Option<Duration>) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, "kith", []);
    if retry_after.is_some() {
        details.set_retry_info(retry_after);
    }
    Status::with_error_details(code, "planned", details)
}
