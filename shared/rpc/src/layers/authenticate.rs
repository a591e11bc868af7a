use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderMap;
use kith_primitives::{Caller, Context, Failure, Invalid, Reason, Violations};
use kith_tokens::{Subject, TokenError};

use super::{Inner, KnownCaller, Layers, Shared, is_of_kith, refuse};

/// Metadata key of a service's own token when it passes on a user's call.
const SERVICE_AUTHORIZATION: &str = "x-kith-service-authorization";
/// Metadata key of the network address that such a call came to the service from.
const CLIENT_ADDRESS: &str = "x-kith-client-address";

/// Proves who calls. A call without token goes on without caller; one with a bad token ends here.
///
/// RPCs that are open to all ignore `authorization`, so that a caller with an expired token can sign in again. A service
/// that passes such a call on proves itself all the same: it has limits of its own.
pub(super) async fn authenticate(State(shared): Layers, mut request: Request, inner: Inner) -> Response {
    let method = shared.methods.find(request.uri().path());
    let open = method.is_none_or(|method| method.audience == crate::methods::Audience::Open);
    let caller = match open {
        true if is_of_kith(&request) => passing_on(&shared, request.headers()),
        true => Ok(None),
        false => caller(&shared, request.headers()),
    };
    let caller = match caller {
        Ok(Some(caller)) => caller,
        Ok(None) => return inner.run(request).await,
        Err(failure) => return refuse(failure),
    };
    if let Some(known) = request.extensions().get::<KnownCaller>() {
        // Nobody else fills it.
        let _ = known.0.set(caller.clone());
    }
    let client = match open || matches!(caller, Caller::ServiceForUser { .. }) {
        true => client_address(request.headers()),
        false => Ok(None),
    };
    request.extensions_mut().insert(caller);
    match (client, Context::current()) {
        (Err(failure), _) => refuse(failure),
        (Ok(Some(client)), Some(context)) => {
            let peer = Some(client);
            Context { peer, ..context }.scope(inner.run(request)).await
        }
        _ => inner.run(request).await,
    }
}

/// Where the service that passes a call on has it from. From others it would prove nothing, and nobody asks.
fn client_address(headers: &HeaderMap) -> Result<Option<IpAddr>, Failure> {
    let mut values = headers.get_all(CLIENT_ADDRESS).iter();
    let address = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().ok().and_then(|text| text.parse().ok()),
        (Some(_), Some(_)) => None,
    };
    let malformed = || Invalid::new(Reason::FieldMalformed, "must be one IPv4 or IPv6 address");
    Violations::only(CLIENT_ADDRESS, address.ok_or_else(malformed)).map(Some)
}

/// The service that passes on the call of somebody who is not signed in.
fn passing_on(shared: &Shared, headers: &HeaderMap) -> Result<Option<Caller>, Failure> {
    match subject(shared, headers, SERVICE_AUTHORIZATION)? {
        None => Ok(None),
        Some(Subject::Service(service)) => Ok(Some(Caller::Service(service))),
        Some(Subject::User(_)) => Err(invalid("x-kith-service-authorization must be a service's token")),
    }
}

fn caller(shared: &Shared, headers: &HeaderMap) -> Result<Option<Caller>, Failure> {
    let first = subject(shared, headers, "authorization")?;
    let second = subject(shared, headers, SERVICE_AUTHORIZATION)?;
    match (first, second) {
        (None, None) => Ok(None),
        (Some(Subject::User(user)), None) => Ok(Some(Caller::User(user))),
        (Some(Subject::Service(service)), None) => Ok(Some(Caller::Service(service))),
        (Some(Subject::User(user)), Some(Subject::Service(service))) => {
            Ok(Some(Caller::ServiceForUser { user, service }))
        }
        _ => Err(invalid(
            "with x-kith-service-authorization of a service, authorization must be a user's token",
        )),
    }
}

fn subject(shared: &Shared, headers: &HeaderMap, key: &str) -> Result<Option<Subject>, Failure> {
    let mut values = headers.get_all(key).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(invalid("there is more than one token"));
    }
    let text = value
        .to_str()
        .map_err(|_| invalid("the token is not ASCII text"))?;
    let (scheme, token) = text
        .split_once(' ')
        .ok_or_else(|| invalid("must be: Bearer <access token>"))?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(invalid("must be: Bearer <access token>"));
    }
    let keys = shared.keys.current().ok_or_else(no_keys)?;
    let verified = shared.verifier.verify(&keys, token.trim());
    if verified == Err(TokenError::KeyUnknown) {
        shared.keys.want_news();
    }
    Ok(Some(verified?.subject))
}

fn invalid(text: &str) -> Failure {
    Failure::new(Reason::TokenInvalid, text)
}

fn no_keys() -> Failure {
    Failure::new(
        Reason::ServiceNotReady,
        "the keys that verify tokens are not known here at the moment",
    )
    .with_retry_after(Duration::from_secs(1))
}
