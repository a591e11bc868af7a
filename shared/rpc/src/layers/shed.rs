use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http_body_util::BodyExt;

use super::{Inner, Layers, is_of_kith, refuse};

/// Refuses at once what is more than the server takes, before anything is done for it.
///
/// Health and reflection are never refused: an overloaded server that looks dead would be restarted.
pub(super) async fn shed(State(shared): Layers, mut request: Request, inner: Inner) -> Response {
    if !is_of_kith(&request) {
        return inner.run(request).await;
    }
    let place = match shared.limits.admit() {
        Ok(place) => place,
        Err(failure) => return refuse(failure),
    };
    let method = shared.methods.find(request.uri().path());
    request.extensions_mut().insert(place.clone());
    let response = inner.run(request).await;
    if !method.is_some_and(|method| method.streams()) {
        return response;
    }
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            // A stream takes its place until its body is gone.
            let _place = &place;
            frame
        }))
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use axum::Router;
    use axum::routing::any;
    use futures::stream;
    use hyper::body::Bytes;
    use kith_telemetry::{CallType, Metrics};
    use kith_tokens::{SharedKeys, Verifier};
    use tower::ServiceExt;

    use super::*;
    use crate::counted::Counted;
    use crate::health::Readiness;
    use crate::layers::{Shared, wrap};
    use crate::limits::Limits;
    use crate::methods::{Audience, Method, Methods};
    use crate::settings::ServerSettings;

    const PATH: &str = "/kith.test.v1.TestService/Watch";

    /// A server with one RPC, whose answers never end.
    fn watch(settings: &ServerSettings) -> Router {
        let methods = Methods::from_descriptors(&[]).expect("nothing").with(Method {
            name: PATH.trim_start_matches('/').to_owned(),
            service: "kith.test.v1.TestService".to_owned(),
            audience: Audience::Open,
            scope: String::new(),
            read_only: true,
            call_type: CallType::ServerStream,
        });
        let metrics = Metrics::new("test");
        let readiness = Readiness::new();
        readiness.latch("test").set(true);
        let shared = Shared {
            counted: Counted::new(&methods, &metrics),
            methods,
            verifier: Verifier::new("iss", "aud").expect("our provider"),
            keys: SharedKeys::new(),
            readiness,
            limits: Limits::new(settings, metrics),
            drain: Default::default(),
            mutations: Default::default(),
            default_deadline: settings.default_deadline,
            max_deadline: settings.max_deadline,
        };
        let answers = || async { Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()) };
        wrap(Router::new().route(PATH, any(answers)), &Arc::new(shared))
    }

    async fn call(router: &Router) -> Response {
        let request = Request::post(PATH).body(Body::empty()).expect("a request");
        router.clone().oneshot(request).await.expect("infallible")
    }

    fn is_refused(response: &Response) -> bool {
        response.headers().contains_key("grpc-status")
    }

    // Control: `shed` that is done with a stream when its answer begins; the second call was taken.
    #[tokio::test]
    async fn a_stream_takes_its_place_until_it_ends() {
        let settings = ServerSettings {
            max_concurrent_calls: 1,
            ..ServerSettings::default()
        };
        let router = watch(&settings);
        let first = call(&router).await;
        assert!(!is_refused(&first), "{first:?}");
        assert!(is_refused(&call(&router).await));
        drop(first);
        let next = call(&router).await;
        assert!(!is_refused(&next), "{next:?}");
    }
}
