//! The span of a call, with all its attempts.

use std::net::SocketAddr;

use http::Response;
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Span;

use crate::address::Target;

/// What is learned of a call for its span, which ends with this: as CANCELLED, if nobody waits for the call any more.
#[derive(Debug)]
pub(crate) struct Traced {
    span: Span,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// Where the last attempt went to.
    pub(crate) server: Option<SocketAddr>,
    /// The status of the answer, where that is not OK.
    pub(crate) refused: Option<Code>,
    ended: Option<Code>,
}

impl Traced {
    /// The call of a `path`, such as `/package.Service/Method`.
    pub(crate) fn begin(path: &str, target: &Target) -> Self {
        let method = path.trim_start_matches('/');
        Self::of(kith_telemetry::client_span(method, &target.host, target.port))
    }

    /// A call whose trace the caller tells the server by itself.
    pub(crate) fn nothing() -> Self {
        Self::of(Span::none())
    }

    fn of(span: Span) -> Self {
        Self {
            span,
            attempts: 0,
            server: None,
            refused: None,
            ended: None,
        }
    }

    /// The span that the call is made in.
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// The span whose trace the server is told.
    pub(crate) fn told(&self) -> Span {
        // Where nobody wants it, the trace of the caller goes on as it came.
        if self.span.is_disabled() {
            Span::current()
        } else {
            self.span.clone()
        }
    }

    /// A stream ends for its span when its answer begins.
    pub(crate) fn end(&mut self, answer: &Result<Response<Body>, Status>) {
        let code = match answer {
            Ok(_) => self.refused.unwrap_or(Code::Ok),
            Err(status) => status.code(),
        };
        self.ended = Some(code);
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        let code = self.ended.unwrap_or(Code::Cancelled);
        kith_telemetry::client_finished(&self.span, code as i32, self.attempts, self.server);
    }
}
