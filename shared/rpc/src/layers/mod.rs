//! What every call passes, outermost first.
//!
//! Each layer is one function with a file of its own, and [`ORDER`] lists them. The order matters: what is further out
//! sees, and mends, the answers of all that is further in.

mod authenticate;
mod authorise;
mod catch_panics;
mod deadline;
mod detach;
mod end_streams;
mod explain;
mod observe;
mod readiness;
mod receive;
mod share;
mod shed;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use kith_primitives::{Caller, Failure, RequestId};
use kith_tokens::{SharedKeys, Verifier};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::observe::{REQUEST_ID, id_for};
use crate::counted::Counted;
use crate::health::Readiness;
use crate::limits::Limits;
use crate::methods::Methods;
use crate::status::carry;

/// What the layers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) methods: Methods,
    pub(crate) counted: Counted,
    pub(crate) verifier: Verifier,
    pub(crate) keys: SharedKeys,
    pub(crate) readiness: Readiness,
    pub(crate) limits: Limits,
    /// Cancelled when streams must end.
    pub(crate) drain: CancellationToken,
    pub(crate) mutations: TaskTracker,
    pub(crate) default_deadline: Duration,
    pub(crate) max_deadline: Duration,
}

/// Names the layers once, outermost first, for the list and for the wrapping.
macro_rules! layers {
    ($($name:ident)*) => {
        /// The layers, outermost first.
        pub const ORDER: &[&str] = &[$(stringify!($name)),*];

        /// Puts all layers around `routes`.
        pub(crate) fn wrap(routes: Router, shared: &Arc<Shared>) -> Router {
            let layers: [fn(Router, &Arc<Shared>) -> Router; ORDER.len()] =
                [$(|inner, shared| inner.layer(from_fn_with_state(Arc::clone(shared), $name::$name))),*];
            // The one that is added last is the outermost.
            layers.iter().rev().fold(routes, |inner, layer| layer(inner, shared))
        }
    };
}

layers!(observe explain shed end_streams catch_panics deadline readiness authenticate share authorise receive detach);

/// Who calls, for the access log: `observe` makes it and `authenticate` fills it, so that it is known however the call
/// ends.
#[derive(Clone, Debug, Default)]
struct KnownCaller(Arc<OnceLock<Caller>>);

/// Answers a call that a layer refuses.
fn refuse(failure: Failure) -> Response {
    carry(failure).into_http()
}

/// The id that `observe` gave the call.
fn request_id(request: &Request) -> RequestId {
    request
        .extensions()
        .get::<RequestId>()
        .cloned()
        .unwrap_or_else(RequestId::random)
}

/// Whether a contract of Kith has the call, and not one of gRPC: health and reflection.
fn is_of_kith(request: &Request) -> bool {
    request.uri().path().starts_with("/kith.")
}

type Layers = State<Arc<Shared>>;
use Next as Inner;
