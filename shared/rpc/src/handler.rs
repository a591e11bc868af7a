//! From a decoded request to a handler and back.

use std::future::Future;

use kith_primitives::{Caller, Failure, Reason, ServiceCaller, UserCaller};
use prost::Message;
use tonic::{Request, Response, Status};

use crate::MAX_MESSAGE_BYTES;
use crate::status::carry;

/// A kind of caller that a handler asks for by its type, so that it cannot be called without one.
///
/// The access layer has checked the contract's rule before; this fails closed should the two disagree.
pub trait FromCaller: Sized {
    /// Takes this kind of caller out of whoever calls.
    ///
    /// # Errors
    /// UNAUTHENTICATED when nobody is known to call, PERMISSION_DENIED when it is another kind of caller.
    fn from_caller(caller: Option<Caller>) -> Result<Self, Failure>;
}

/// For RPCs that are open to all.
impl FromCaller for () {
    fn from_caller(_: Option<Caller>) -> Result<Self, Failure> {
        Ok(())
    }
}

impl FromCaller for Caller {
    fn from_caller(caller: Option<Caller>) -> Result<Self, Failure> {
        caller.ok_or_else(|| Failure::new(Reason::TokenMissing, "this method needs an access token"))
    }
}

impl FromCaller for UserCaller {
    fn from_caller(caller: Option<Caller>) -> Result<Self, Failure> {
        match Caller::from_caller(caller)? {
            Caller::User(user) | Caller::ServiceForUser { user, .. } => Ok(user),
            Caller::Service(_) => Err(Failure::new(Reason::CallerNotAllowed, "this method is for users")),
        }
    }
}

impl FromCaller for ServiceCaller {
    fn from_caller(caller: Option<Caller>) -> Result<Self, Failure> {
        match Caller::from_caller(caller)? {
            Caller::Service(service) => Ok(service),
            Caller::User(_) | Caller::ServiceForUser { .. } => Err(Failure::new(
                Reason::CallerNotAllowed,
                "this method is for services that call as themselves",
            )),
        }
    }
}

/// For RPCs that are open to all: the service that passes the call on, if one proved itself.
impl FromCaller for Option<ServiceCaller> {
    fn from_caller(caller: Option<Caller>) -> Result<Self, Failure> {
        Ok(caller.as_ref().and_then(Caller::service).cloned())
    }
}

/// Two views of one caller.
impl<A: FromCaller, B: FromCaller> FromCaller for (A, B) {
    fn from_caller(caller: Option<Caller>) -> Result<Self, Failure> {
        Ok((A::from_caller(caller.clone())?, B::from_caller(caller)?))
    }
}

/// Runs a unary handler with its caller and its message.
///
/// # Errors
/// The handler's failure, or MESSAGE_TOO_LARGE when its answer is, carried in a status that the outer layers explain.
pub async fn unary<C, Q, A, H, F>(request: Request<Q>, handler: H) -> Result<Response<A>, Status>
where
    C: FromCaller,
    H: FnOnce(C, Q) -> F,
    F: Future<Output = Result<A, Failure>>,
    A: Message,
{
    let (_, mut extensions, message) = request.into_parts();
    let caller = C::from_caller(extensions.remove::<Caller>()).map_err(carry)?;
    let answer = handler(caller, message).await.map_err(carry)?;
    sendable(answer).map(Response::new).map_err(carry)
}

/// tonic would notice too, but only after the answer has begun, where it cannot be explained any more.
fn sendable<A: Message>(answer: A) -> Result<A, Failure> {
    let size = answer.encoded_len();
    if size > MAX_MESSAGE_BYTES {
        return Err(Failure::new(
            Reason::MessageTooLarge,
            format!("the answer has {size} bytes, more than {MAX_MESSAGE_BYTES}; ask for less at a time"),
        ));
    }
    Ok(answer)
}
