//! What generated clients call.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Once};
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::USER_AGENT;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use kith_primitives::Context as OuterCall;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tower::Service;
use tracing::Instrument;

use crate::address::Target;
use crate::budget::Budget;
use crate::call::Call;
use crate::servers::Servers;
use crate::tokens::{TokenSource, Tokens};
use crate::traced::Traced;

const TRACEPARENT: &str = "traceparent";
const REQUEST_ID: &str = "x-request-id";
const PROGRAM: &str = concat!("kith-client/", env!("CARGO_PKG_VERSION"));

/// A connection to each server of a service, for the generated client of any service. Cheap to clone: the clones
/// share connections.
#[derive(Clone)]
pub struct Channel {
    shared: Arc<Shared>,
    tokens: Tokens,
}

/// What the clones of a channel share.
pub(crate) struct Shared {
    pub(crate) target: Target,
    pub(crate) servers: Arc<Servers>,
    pub(crate) timeout: Duration,
    pub(crate) max_attempts: u32,
    pub(crate) budget: Budget,
    pub(crate) started: Once,
    /// Cancelled with the last clone.
    pub(crate) ended: CancellationToken,
}

impl Shared {
    /// Connects, the first time.
    fn start(&self) {
        self.started.call_once(|| {
            tokio::spawn(Arc::clone(&self.servers).keep(self.ended.clone()));
        });
    }

    /// The address of a call, of which generated clients give the path alone.
    fn uri(&self, uri: &Uri) -> Result<Uri, http::Error> {
        let path = uri.path_and_query().cloned();
        Uri::builder()
            .scheme(self.target.scheme.clone())
            .authority(self.target.authority.clone())
            .path_and_query(path.unwrap_or(PathAndQuery::from_static("/")))
            .build()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

impl Channel {
    pub(crate) fn new(shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
            tokens: Tokens::default(),
        }
    }

    /// The same connections, for calls by the bearer of a token: a [`BearerToken`](crate::BearerToken),
    /// [`ServiceTokens`](crate::ServiceTokens) or a [`UserSession`](crate::UserSession).
    #[must_use]
    pub fn with_token(&self, source: impl Into<TokenSource>) -> Self {
        let mut channel = self.clone();
        channel.tokens.own = Some(source.into());
        channel
    }

    /// The same connections, for calls that a service passes on for somebody else: for the user whose token
    /// [`Channel::with_token`] adds, or, at RPCs that are open to all, for somebody without.
    #[must_use]
    pub fn passed_on_by(&self, service: impl Into<TokenSource>) -> Self {
        let mut channel = self.clone();
        channel.tokens.service = Some(service.into());
        channel
    }

    /// The same connections, for calls without token.
    #[must_use]
    pub fn without_tokens(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            tokens: Tokens::default(),
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Target {
            scheme, authority, ..
        } = &self.shared.target;
        f.debug_tuple("Channel")
            .field(&format_args!("{scheme}://{authority}"))
            .finish()
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.shared.start();
        let (shared, tokens) = (Arc::clone(&self.shared), self.tokens.clone());
        let (mut head, body) = request.into_parts();
        // Here, where the caller is: the future may be polled elsewhere.
        let mut traced = match head.headers.contains_key(TRACEPARENT) {
            true => Traced::nothing(),
            false => Traced::begin(head.uri.path(), &shared.target),
        };
        pass_on(&mut head.headers, &traced);
        let span = traced.span();
        let call = async move {
            let made = async {
                let uri = shared.uri(&head.uri);
                head.uri = uri.map_err(|error| Status::internal(format!("no URI: {error}")))?;
                Call::new(&shared, &tokens, head, body)
                    .await?
                    .run(&mut traced)
                    .await
            };
            let answer = made.await;
            traced.end(&answer);
            answer
        };
        Box::pin(call.instrument(span))
    }
}

/// Puts into `headers` what the server should know of whom it works for: the trace, and the request id of the call that
/// this one is made for. What the caller has set stays.
fn pass_on(headers: &mut HeaderMap, traced: &Traced) {
    if !headers.contains_key(TRACEPARENT) {
        kith_telemetry::inject(&traced.told(), headers);
    }
    if !headers.contains_key(REQUEST_ID)
        && let Some(outer) = OuterCall::current()
        && let Ok(id) = HeaderValue::try_from(outer.request_id.as_str())
    {
        headers.insert(REQUEST_ID, id);
    }
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(PROGRAM));
}
