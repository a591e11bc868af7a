use kith_contracts::identity::v1::authenticate_request::Identifier;
use kith_contracts::identity::v1::{AuthenticateRequest, AuthenticateResponse};
use kith_primitives::{Failure, Invalid, Reason, ServiceCaller, UserId, Violations, refuse_nul};
use kith_rpc::timestamp;
use kith_tokens::Issuer;
use secrecy::{ExposeSecret, SecretString};

use super::convert;
use crate::App;
use crate::domain::{
    Actor, AuditEvent, AuditEventType, AuditSubject, DeviceLabel, Email, NameKey, Origin, RefreshSecret,
    Username,
};
use crate::store::{
    Candidate, Credential, NewSession, SessionRow, SignInName, UserRow, audit_event_count, credential_find,
    session_create, throttles_fill, throttles_take,
};

/// What somebody tries.
struct Attempt {
    name: SignInName,
    name_key: NameKey,
    password: SecretString,
    device_label: DeviceLabel,
}

/// INVALID_ARGUMENT; UNAUTHENTICATED (CREDENTIALS_INVALID), the same for every cause; RESOURCE_EXHAUSTED (THROTTLED).
pub(super) async fn call(
    app: &App,
    service: Option<ServiceCaller>,
    request: AuthenticateRequest,
) -> Result<AuthenticateResponse, Failure> {
    let attempt = parse(request)?;
    let origin = Origin::of(service.as_ref());
    let account = credential_find(&app.database, &attempt.name, origin.addresses().as_deref()).await?;
    let familiar = account.as_ref().is_some_and(|account| account.is_familiar);
    let buckets = app.throttles.sign_in(origin, &attempt.name_key, familiar);
    throttles_take(&app.database, &buckets).await?;
    let subject = account.as_ref().map_or(AuditSubject::Nobody, |account| {
        AuditSubject::User(account.user_id)
    });
    let Some(credential) = prove(app, account, attempt.password).await? else {
        return Err(refuse(app, Actor::nobody(service.as_ref()), &subject).await);
    };
    let failures = app.throttles.sign_in_pair(origin, &attempt.name_key);
    throttles_fill(&app.database, failures.as_slice()).await?;
    let issuer = app.keys.issuer()?;
    let refresh = RefreshSecret::random()?;
    let new = NewSession {
        device_label: &attempt.device_label,
        token_hash: &refresh.hash(),
        lifetime: app.session_lifetime,
    };
    // Verifying takes its time, and the account may have gone, or got another password, meanwhile.
    match session_create(&app.database, service.as_ref(), &credential, &new).await? {
        Some((session, user)) => answer(&issuer, &session, user, &refresh),
        None => Err(refuse(app, Actor::nobody(service.as_ref()), &subject).await),
    }
}

/// What was proved; `None` for a wrong password, and at the same cost where there is nothing to prove.
async fn prove(
    app: &App,
    account: Option<Candidate>,
    password: SecretString,
) -> Result<Option<Credential>, Failure> {
    let credential = account.and_then(|account| account.credential);
    let hash = credential.as_ref().map(|found| found.password_hash.clone());
    let verified = app.passwords.verify(hash, password).await?;
    Ok(credential.filter(|_| verified))
}

fn answer(
    issuer: &Issuer,
    session: &SessionRow,
    user: UserRow,
    refresh: &RefreshSecret,
) -> Result<AuthenticateResponse, Failure> {
    let user_id = UserId::from_database(user.id);
    let issued = issuer
        .user(user_id, &session.id.to_string())
        .map_err(Failure::internal)?;
    Ok(AuthenticateResponse {
        access_token: issued.token.expose_secret().to_owned(),
        expire_time: Some(timestamp(issued.expires_at.into())),
        user: Some(convert::user(user)),
        refresh_token: refresh.reveal(),
        refresh_expire_time: Some(timestamp(session.expires_at)),
    })
}

/// A name that breaks a rule is nobody's, and so no violation: it must look like every other unknown name.
fn parse(request: AuthenticateRequest) -> Result<Attempt, Failure> {
    let mut violations = Violations::new();
    let name = match &request.identifier {
        None => Err(Invalid::new(
            Reason::FieldRequired,
            "must be a username or an email address",
        )),
        Some(Identifier::Username(text)) => {
            refuse_nul(text).map(|()| Username::parse(text).map_or(SignInName::Nobody, SignInName::Username))
        }
        Some(Identifier::Email(text)) => {
            refuse_nul(text).map(|()| Email::parse(text).map_or(SignInName::Nobody, SignInName::Email))
        }
    };
    let (field, text) = match &request.identifier {
        None => ("identifier", ""),
        Some(Identifier::Username(text)) => ("username", text.as_str()),
        Some(Identifier::Email(text)) => ("email", text.as_str()),
    };
    let name = violations.check(field, name);
    let password = violations.check("password", refuse_nul(&request.password));
    let device_label = violations.check("device_label", DeviceLabel::parse(&request.device_label));
    match (name, password, device_label) {
        (Some(name), Some(()), Some(device_label)) => Ok(Attempt {
            name,
            name_key: NameKey::of(field, text),
            password: request.password.into(),
            device_label,
        }),
        _ => Err(violations.into_failure()),
    }
}

/// Counts a failed attempt, and then refuses it.
pub(super) async fn refuse(app: &App, actor: impl Into<Actor>, subject: &AuditSubject) -> Failure {
    let event = AuditEvent::new(AuditEventType::SignInFailed, actor, subject);
    match audit_event_count(&app.database, &event).await {
        Ok(()) => refused(),
        Err(failure) => failure,
    }
}

pub(super) fn refused() -> Failure {
    Failure::new(
        Reason::CredentialsInvalid,
        "name and password do not belong together",
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use diesel_async::SimpleAsyncConnection;
    use kith_postgres::{Database, PoolSettings};
    use kith_rpc::{Readiness, TokenSettings};
    use kith_schema::Role;
    use kith_testkit::TestDatabase;
    use kith_tokens::SigningKey;

    use super::*;
    use crate::domain::Password;
    use crate::keys::Keys;
    use crate::passwords::Passwords;
    use crate::throttles::ThrottleSettings;
    use crate::turns::Turns;

    const PASSWORD: &str = "correct horse";

    async fn app(database: &TestDatabase) -> App {
        let tokens = TokenSettings {
            issuer: "iss".to_owned(),
            audience: "aud".to_owned(),
        };
        let latch = Readiness::new().latch("signing key");
        let key = SigningKey::generate().expect("a key");
        let passwords = Passwords::new(1).expect("a hasher");
        let hash = passwords
            .hash(Password::parse(PASSWORD).expect("a password"))
            .await
            .expect("a hash");
        let make = format!(
            "INSERT INTO identity.users (username, is_active) VALUES ('alice', true), ('idle', false), ('none', true);
            INSERT INTO identity.credentials (user_id, password_hash)
            SELECT id, '{}' FROM identity.users WHERE username <> 'none'",
            hash.0.expose_secret()
        );
        let mut owner = database.owner().await;
        owner.batch_execute(&make).await.expect("accounts");
        App {
            database: Database::new(&database.url(Role::Identity), &PoolSettings::default()),
            passwords,
            deletions: Turns::new(1, 1),
            keys: Keys::new(key.into(), tokens, latch).expect("a provider"),
            scopes: Arc::new(BTreeSet::new()),
            session_lifetime: chrono::TimeDelta::hours(1),
            throttles: ThrottleSettings::default(),
        }
    }

    // Controls: `verify` that answers no at once where there is no hash, or the candidate is too long; 0 for four and for
    // one of them.
    #[tokio::test]
    async fn whatever_is_wrong_one_password_is_verified() {
        let database = TestDatabase::create().await;
        let app = app(&database).await;
        let over_long = "a".repeat(Password::MAX + 1);
        let mut costs = Vec::new();
        for (name, password) in [
            ("alice", "wrong horse"),
            ("nobody", PASSWORD),
            ("not a name", PASSWORD),
            ("idle", PASSWORD),
            ("none", PASSWORD),
            ("none", ""),
            ("alice", ""),
            ("alice", &over_long),
            ("nobody", &over_long),
        ] {
            let request = AuthenticateRequest {
                identifier: Some(Identifier::Username(name.to_owned())),
                password: password.to_owned(),
                device_label: String::new(),
            };
            let before = app.passwords.work.load(Ordering::Relaxed);
            let refused = call(&app, None, request).await.expect_err("wrong");
            assert_eq!(refused.reason(), Reason::CredentialsInvalid, "{name} {password}");
            costs.push(app.passwords.work.load(Ordering::Relaxed) - before);
        }
        assert_eq!(costs, [1; 9]);
    }
}
