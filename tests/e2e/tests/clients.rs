//! Tokens that renew themselves, against the services that give and verify them.

use kith_client::{ServiceTokens, UserSession};
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::identity::v1::{
    AuthenticateRequest, CreateServiceAccountRequest, ListSessionsRequest, WhoAmIRequest,
    authenticate_request,
};
use kith_testkit::{TestApp, answer};
use secrecy::ExposeSecret;
use tokio::task::JoinSet;

const IDENTITY: &str = "kith.identity.v1.IdentityService";

async fn account(app: &TestApp) -> (i64, String, String) {
    let request = CreateServiceAccountRequest {
        name: "feed".to_owned(),
        scopes: vec!["identity.accounts.read".to_owned()],
    };
    let mut identity = app.identity(&app.operator(&["identity.services.manage"]));
    let made = answer(identity.create_service_account(request).await);
    let account = made.service_account.expect("an account");
    (account.id, account.name, made.secret)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_is_all_that_a_service_needs_to_call() {
    let app = TestApp::start().await;
    let channel = app.channel(IDENTITY);
    let (id, name, secret) = account(&app).await;
    let tokens = ServiceTokens::new(&channel, name, secret.into());
    let mut as_itself = IdentityServiceClient::new(channel.with_token(tokens.clone()));
    let who = answer(as_itself.who_am_i(WhoAmIRequest {}).await);
    assert_eq!((who.service_id, who.user), (id, None));
    assert_eq!(who.scopes, ["identity.accounts.read"]);

    let signed_in = app.registered("alice", "correct horse").await;
    let alice = kith_client::BearerToken::new(kith_testkit::Caller::token(&signed_in).expect("a token"));
    let passing_on = channel.with_token(alice.expect("ASCII")).passed_on_by(tokens);
    let who = answer(
        IdentityServiceClient::new(passing_on)
            .who_am_i(WhoAmIRequest {})
            .await,
    );
    assert_eq!(
        (who.service_id, who.user.map(|user| user.id)),
        (id, Some(signed_in.id))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_once_keep_one_session_alive() {
    let app = TestApp::start().await;
    app.registered("alice", "correct horse").await;
    let channel = app.channel(IDENTITY);
    let request = AuthenticateRequest {
        identifier: Some(authenticate_request::Identifier::Username("alice".to_owned())),
        password: "correct horse".to_owned(),
        device_label: "resumed".to_owned(),
    };
    let signed_in = answer(
        IdentityServiceClient::new(channel.clone())
            .authenticate(request)
            .await,
    );
    let session = UserSession::resumed(&channel, signed_in.refresh_token.clone().into());
    let as_alice = channel.with_token(session.clone());
    let mut calls = JoinSet::new();
    for _ in 0..64 {
        let mut identity = IdentityServiceClient::new(as_alice.clone());
        calls.spawn(async move { answer(identity.who_am_i(WhoAmIRequest {}).await).session_id });
    }
    let sessions = calls.join_all().await;
    assert!(
        sessions.iter().all(|id| !id.is_empty() && *id == sessions[0]),
        "{sessions:?}"
    );
    assert_ne!(session.refresh_token().expose_secret(), &signed_in.refresh_token);
    // A refresh token that had been sent twice would have ended it, or cost a call.
    let mut identity = IdentityServiceClient::new(as_alice);
    let kept = answer(identity.list_sessions(ListSessionsRequest::default()).await).sessions;
    assert!(kept.iter().any(|session| session.id.to_string() == sessions[0]));
}
