//! One call, in as many attempts as it may have.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::Status;
use tonic::body::Body;

use crate::channel::Shared;
use crate::deadline::Deadline;
use crate::methods::{self, Unary};
use crate::outcome::{Outcome, whole};
use crate::retry::{self, Next};
use crate::servers::jittered;
use crate::tokens::Tokens;
use crate::traced::Traced;

/// A call that goes on.
pub(crate) struct Call<'a> {
    shared: &'a Shared,
    tokens: &'a Tokens,
    /// `None` for streams, and for methods that no contract of Kith has.
    method: Option<Unary>,
    head: Parts,
    payload: Payload,
    deadline: Deadline,
    attempts: u32,
    /// A token was refused and replaced.
    has_renewed: bool,
    tried: Vec<SocketAddr>,
}

/// What the caller sends.
enum Payload {
    /// The whole request, to be sent as often as needed.
    Whole(Bytes),
    /// A stream, until a server has taken it.
    Stream(Option<Body>),
}

impl<'a> Call<'a> {
    pub(crate) async fn new(
        shared: &'a Shared,
        tokens: &'a Tokens,
        head: Parts,
        body: Body,
    ) -> Result<Self, Status> {
        let method = methods::find(head.uri.path());
        let deadline = Deadline::of(&head.headers, shared.timeout);
        let payload = match method {
            Some(_) => Payload::Whole(whole(body).await?),
            None => Payload::Stream(Some(body)),
        };
        Ok(Self {
            shared,
            tokens,
            method,
            head,
            payload,
            deadline,
            attempts: 0,
            has_renewed: false,
            tried: Vec::new(),
        })
    }

    /// Makes attempts until one of them stands.
    pub(crate) async fn run(mut self, traced: &mut Traced) -> Result<Response<Body>, Status> {
        self.shared.budget.earn();
        loop {
            self.attempts += 1;
            traced.attempts = self.attempts;
            let outcome = self.attempt(traced).await?;
            traced.refused = outcome.code();
            if let Some(status) = outcome.refusal().cloned()
                && self.renews_token(&status).await
            {
                continue;
            }
            match self.pause_after(&outcome) {
                Some(pause) => sleep(pause).await,
                None => return outcome.into_result(),
            }
        }
    }

    /// Whether the same call is to be made with another token: nothing was done with the one that was refused.
    async fn renews_token(&mut self, status: &Status) -> bool {
        if self.has_renewed {
            return false;
        }
        let replaced = self.tokens.replaced(&self.head.headers, status);
        // Where that takes too long, the refusal stands.
        self.has_renewed = timeout_at(self.deadline.at, replaced).await.unwrap_or(false);
        self.has_renewed
    }

    /// How long to wait before another attempt; `None` when there is to be none.
    fn pause_after(&self, outcome: &Outcome) -> Option<Duration> {
        let next = retry::next(self.method, outcome);
        if self.attempts >= self.shared.max_attempts {
            return None;
        }
        let back_off = jittered(retry::back_off(self.attempts));
        let pause = match next {
            Next::End => return None,
            Next::AtOnce => Duration::ZERO,
            Next::Free => back_off,
            // On top of what the server asks for, so that those whom it sent away do not all come back at once.
            Next::Paid { not_before } => not_before + back_off,
        };
        // What would come too late is not paid for.
        let is_in_time = pause < self.deadline.at.saturating_duration_since(Instant::now());
        let is_granted = is_in_time && (!matches!(next, Next::Paid { .. }) || self.shared.budget.spend());
        is_granted.then_some(pause)
    }

    /// One attempt.
    ///
    /// # Errors
    /// When the deadline has passed, or there is no token.
    async fn attempt(&mut self, traced: &mut Traced) -> Result<Outcome, Status> {
        let authorised = self.tokens.put_into(&mut self.head.headers);
        match timeout_at(self.deadline.at, authorised).await {
            Ok(authorised) => authorised?,
            Err(_) => {
                return Err(Status::unavailable(
                    "there was no token before the deadline passed",
                ));
            }
        }
        let lease = match timeout_at(self.deadline.at, self.shared.servers.lease(&self.tried)).await {
            Ok(Ok(lease)) => lease,
            Ok(Err(reason)) => return Ok(Outcome::Unreachable(Status::unavailable(reason))),
            Err(_) => {
                let late = "there was no connection before the deadline passed";
                return Ok(Outcome::Unreachable(Status::unavailable(late)));
            }
        };
        self.tried.push(lease.address);
        traced.server = Some(lease.address);
        let mut calls = lease.calls.clone();
        let sent = calls.try_send_request(self.request());
        let at = self.deadline.at;
        let answered = async {
            match sent.await {
                Ok(response) => {
                    lease.answered();
                    match self.method {
                        Some(_) => {
                            let outcome = Outcome::of_answer(response).await;
                            lease.rests_for(outcome.refusal().and_then(retry::rest));
                            outcome
                        }
                        None => {
                            // Too late for this call, but not for the next.
                            if let Some(refusal) = Status::from_header_map(response.headers()) {
                                self.tokens.refused(&self.head.headers, &refusal);
                            }
                            Outcome::Answered(response.map(Body::new), None)
                        }
                    }
                }
                Err(mut error) => {
                    let kept = error.take_message();
                    let outcome = Outcome::of_error(error.error(), kept.is_some());
                    self.put_back(kept, outcome)
                }
            }
        };
        let late = || Status::deadline_exceeded("the deadline passed before the call was done");
        timeout_at(at, answered).await.map_err(|_| late())
    }

    fn request(&mut self) -> Request<Body> {
        let mut head = self.head.clone();
        self.deadline.tell(&mut head.headers);
        let body = match &mut self.payload {
            Payload::Whole(bytes) => Body::new(Full::new(bytes.clone())),
            Payload::Stream(body) => body.take().unwrap_or_default(),
        };
        Request::from_parts(head, body)
    }

    /// A stream that a server has taken cannot be sent again.
    fn put_back(&mut self, kept: Option<Request<Body>>, outcome: Outcome) -> Outcome {
        match (&mut self.payload, kept, outcome) {
            (Payload::Stream(body), Some(request), outcome) => {
                *body = Some(request.into_body());
                outcome
            }
            (Payload::Stream(_), None, Outcome::NotTaken(status)) => Outcome::Broken(status),
            (_, _, outcome) => outcome,
        }
    }
}
