use axum::extract::{Request, State};
use axum::response::Response;
use kith_primitives::{Caller, Failure, Reason};

use super::{Inner, Layers, refuse};
use crate::methods::{Audience, Method};
use crate::status::method_unknown;

/// Holds every call to the access rule of its contract. What has no rule is denied.
pub(super) async fn authorise(State(shared): Layers, request: Request, inner: Inner) -> Response {
    let Some(method) = shared.methods.find(request.uri().path()) else {
        return refuse(method_unknown(request.uri().path()));
    };
    match check(&method, request.extensions().get::<Caller>()) {
        Ok(()) => inner.run(request).await,
        Err(failure) => refuse(failure),
    }
}

fn check(method: &Method, caller: Option<&Caller>) -> Result<(), Failure> {
    if method.audience == Audience::Open {
        return Ok(());
    }
    if method.audience == Audience::Unspecified {
        return Err(Failure::new(
            Reason::AccessRuleMissing,
            "this method declares no access rule",
        ));
    }
    let caller = caller.ok_or_else(|| {
        Failure::new(
            Reason::TokenMissing,
            "this method needs an access token: authorization: Bearer <token>",
        )
    })?;
    match method.audience {
        Audience::Unspecified | Audience::Open | Audience::Caller => Ok(()),
        Audience::User => caller
            .user()
            .map(|_| ())
            .ok_or_else(|| not_allowed(method, "users")),
        Audience::Operator => operator(method, caller),
        Audience::UserOrOperator if caller.user().is_some() => Ok(()),
        Audience::UserOrOperator => operator(method, caller),
    }
}

fn operator(method: &Method, caller: &Caller) -> Result<(), Failure> {
    if caller.user().is_some() {
        return Err(not_allowed(method, "services that call as themselves"));
    }
    if caller.operates_with(&method.scope) {
        return Ok(());
    }
    let text = format!("the service's token lacks the scope {}", method.scope);
    Err(Failure::new(Reason::ScopeMissing, text).with_metadata("scope", method.scope.as_str()))
}

fn not_allowed(method: &Method, whom: &str) -> Failure {
    Failure::new(Reason::CallerNotAllowed, format!("this method is for {whom}"))
        .with_metadata("audience", method.audience.as_str_name())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kith_primitives::{ServiceCaller, ServiceId, UserCaller, UserId};

    use super::*;

    fn user() -> UserCaller {
        UserCaller {
            user_id: UserId::from_database(1),
            session_id: "s".to_owned(),
        }
    }

    fn service(scopes: &[&str]) -> ServiceCaller {
        let scopes: BTreeSet<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        ServiceCaller {
            service_id: ServiceId::from_database(1),
            scopes,
        }
    }

    fn decide(audience: Audience, caller: Option<&Caller>) -> Result<(), Reason> {
        let method = Method {
            name: "a.B/C".to_owned(),
            service: "a.B".to_owned(),
            audience,
            scope: "a.b".to_owned(),
            read_only: true,
            call_type: kith_telemetry::CallType::Unary,
        };
        check(&method, caller).map_err(|failure| failure.reason())
    }

    #[test]
    fn a_method_without_rule_is_for_nobody() {
        for caller in [
            None,
            Some(Caller::User(user())),
            Some(Caller::Service(service(&["a.b"]))),
        ] {
            assert_eq!(
                decide(Audience::Unspecified, caller.as_ref()),
                Err(Reason::AccessRuleMissing)
            );
        }
    }

    #[test]
    fn an_operator_is_a_service_by_itself_with_the_scope() {
        let decide = |caller| decide(Audience::Operator, Some(&caller));
        assert_eq!(decide(Caller::Service(service(&["a.b"]))), Ok(()));
        assert_eq!(
            decide(Caller::Service(service(&["a.bc"]))),
            Err(Reason::ScopeMissing)
        );
        assert_eq!(decide(Caller::User(user())), Err(Reason::CallerNotAllowed));
        let passed_on = Caller::ServiceForUser {
            user: user(),
            service: service(&["a.b"]),
        };
        assert_eq!(decide(passed_on), Err(Reason::CallerNotAllowed));
    }

    #[test]
    fn a_users_method_takes_users_also_through_a_service() {
        let passed_on = Caller::ServiceForUser {
            user: user(),
            service: service(&[]),
        };
        assert_eq!(decide(Audience::User, Some(&passed_on)), Ok(()));
        assert_eq!(decide(Audience::User, Some(&Caller::User(user()))), Ok(()));
        assert_eq!(
            decide(Audience::User, Some(&Caller::Service(service(&["a.b"])))),
            Err(Reason::CallerNotAllowed)
        );
        assert_eq!(decide(Audience::User, None), Err(Reason::TokenMissing));
    }
}
