//! The example of the client for Rust, against the services.

use kith_testkit::TestApp;

#[path = "../../../shared/client/examples/tour.rs"]
#[allow(dead_code, reason = "its `main` is for who starts it by hand")]
mod example;

// Controls: a request without `request_id`, "it was written twice"; `max_attempts(1)`, the read that the server died of failed.
#[tokio::test(flavor = "multi_thread")]
async fn the_tour_goes_through() {
    let app = TestApp::start().await;
    let urls = example::Urls {
        identity: app.url("kith.identity.v1"),
        social_graph: app.url("kith.social_graph.v1"),
        posts: app.url("kith.posts.v1"),
    };
    example::tour(&urls).await.expect("the whole tour");
}
