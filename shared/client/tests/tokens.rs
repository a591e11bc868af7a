//! Tokens that are fetched, renewed, refused and passed on.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use futures::future::join_all;
use kith_client::{BearerToken, ServiceTokens, UserSession};
use kith_contracts::identity::v1::{
    AuthenticateResponse, IssueServiceTokenRequest, IssueServiceTokenResponse, RefreshTokenRequest,
    RefreshTokenResponse,
};
use prost::Message;
use secrecy::{ExposeSecret, SecretString};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::{Call, FakeServer, Reply, read, refusal, write};

const NAME: &str = "feed";
const SECRET: &str = "kiths_hunter2";

fn hour() -> Option<prost_types::Timestamp> {
    Some((SystemTime::now() + Duration::from_secs(3600)).into())
}

/// An identity that gives service tokens `service-1`, `service-2` and so on.
async fn issuing() -> FakeServer {
    let given = Mutex::new(0);
    FakeServer::reading(move |call| {
        assert_eq!(call.path, "/kith.identity.v1.IdentityService/IssueServiceToken");
        let asked = IssueServiceTokenRequest::decode(call.message.clone()).expect("a request");
        if (asked.name.as_str(), asked.secret.as_str()) != (NAME, SECRET) {
            return Reply::Refuse(refusal(Code::Unauthenticated, "CREDENTIALS_INVALID", None));
        }
        let mut given = given.lock().expect("no panic");
        *given += 1;
        let answer = IssueServiceTokenResponse {
            access_token: format!("service-{given}"),
            expire_time: hour(),
            ..Default::default()
        };
        Reply::Message(answer.encode_to_vec())
    })
    .await
}

fn service_tokens(identity: &FakeServer) -> ServiceTokens {
    ServiceTokens::new(&identity.channel(), NAME, SECRET.into())
}

/// A server that takes no call with `refused` in `header`.
async fn refusing(header: &'static str, refused: &'static [&'static str]) -> FakeServer {
    FakeServer::reading(move |call| {
        let token = text(call, header).expect("a token");
        if refused.contains(&token.as_str()) {
            Reply::Refuse(refusal(Code::Unauthenticated, "TOKEN_EXPIRED", None))
        } else {
            Reply::Answer
        }
    })
    .await
}

fn text(call: &Call, header: &str) -> Option<String> {
    let value = call.headers.get(header)?;
    Some(value.to_str().expect("ASCII").to_owned())
}

fn reason(status: &Status) -> Option<String> {
    status.get_details_error_info().map(|info| info.reason)
}

fn alice() -> BearerToken {
    BearerToken::new(&SecretString::from("alice")).expect("ASCII")
}

#[tokio::test]
async fn a_service_calls_as_itself_with_one_token_for_all_calls() {
    let (identity, server) = (issuing().await, FakeServer::answering().await);
    let channel = server.channel().with_token(service_tokens(&identity));
    for call in join_all((0..64).map(|_| write(&channel))).await {
        call.expect("an answer");
    }
    let calls = server.calls();
    assert!(
        calls
            .iter()
            .all(|call| text(call, "authorization").as_deref() == Some("Bearer service-1"))
    );
    assert_eq!((calls.len(), identity.count()), (64, 1));
}

#[tokio::test]
async fn a_service_passes_on_the_call_of_a_user_with_both_tokens() {
    let (identity, server) = (issuing().await, FakeServer::answering().await);
    let passing_on = server.channel().passed_on_by(service_tokens(&identity));
    read(&passing_on.with_token(alice())).await.expect("an answer");
    read(&passing_on).await.expect("an answer");
    read(&passing_on.without_tokens()).await.expect("an answer");
    let both: Vec<_> = server
        .calls()
        .iter()
        .map(|call| ["authorization", "x-kith-service-authorization"].map(|header| text(call, header)))
        .collect();
    let service = || Some("Bearer service-1".to_owned());
    assert_eq!(
        both,
        [
            [Some("Bearer alice".to_owned()), service()],
            [None, service()],
            [None, None]
        ]
    );
}

// Control: `renews_token` that is always false; the first answer stood.
#[tokio::test]
async fn a_service_token_that_is_refused_is_renewed_once() {
    for header in ["authorization", "x-kith-service-authorization"] {
        let identity = issuing().await;
        let server = refusing(header, &["Bearer service-1"]).await;
        let channel = server.channel();
        let tokens = service_tokens(&identity);
        let channel = match header {
            "authorization" => channel.with_token(tokens),
            _ => channel.with_token(alice()).passed_on_by(tokens),
        };
        write(&channel).await.expect("the second token");
        assert_eq!((server.count(), identity.count()), (2, 2));
    }

    let identity = issuing().await;
    let server = refusing("authorization", &["Bearer service-1", "Bearer service-2"]).await;
    let channel = server.channel().with_token(service_tokens(&identity));
    for calls in [2, 3] {
        let status = write(&channel).await.expect_err("refused");
        assert_eq!(reason(&status).as_deref(), Some("TOKEN_EXPIRED"));
        assert_eq!((server.count(), identity.count()), (calls, 2));
    }
}

#[tokio::test]
async fn a_token_that_was_given_is_not_renewed() {
    let server = refusing("authorization", &["Bearer alice"]).await;
    write(&server.channel().with_token(alice()))
        .await
        .expect_err("refused");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn without_a_token_no_call_is_made() {
    let (identity, server) = (issuing().await, FakeServer::answering().await);
    let tokens = ServiceTokens::new(&identity.channel(), NAME, "wrong".into());
    let status = write(&server.channel().with_token(tokens))
        .await
        .expect_err("no token");
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(reason(&status).as_deref(), Some("CREDENTIALS_INVALID"));
    assert_eq!(server.count(), 0);
}

/// An identity that exchanges the refresh tokens `refresh-1`, `refresh-2` and so on, each once, up to `last`.
async fn exchanging(last: u32) -> FakeServer {
    let used = Mutex::new(0);
    FakeServer::reading(move |call| {
        let asked = RefreshTokenRequest::decode(call.message.clone()).expect("a request");
        let mut used = used.lock().expect("no panic");
        if asked.refresh_token != format!("refresh-{}", *used + 1) || *used == last {
            return Reply::Refuse(refusal(Code::Unauthenticated, "REFRESH_TOKEN_REUSED", None));
        }
        *used += 1;
        let answer = RefreshTokenResponse {
            access_token: format!("user-{used}"),
            expire_time: hour(),
            refresh_token: format!("refresh-{}", *used + 1),
            refresh_expire_time: hour(),
        };
        Reply::Message(answer.encode_to_vec())
    })
    .await
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_once_for_all_calls() {
    let (identity, server) = (exchanging(9).await, FakeServer::answering().await);
    let session = UserSession::resumed(&identity.channel(), "refresh-1".into());
    let channel = server.channel().with_token(session.clone());
    for call in join_all((0..64).map(|_| write(&channel))).await {
        call.expect("an answer");
    }
    assert_eq!(identity.count(), 1);
    assert_eq!(session.refresh_token().expose_secret(), "refresh-2");
}

#[tokio::test]
async fn a_session_begins_with_the_token_of_the_sign_in() {
    let identity = exchanging(9).await;
    let server = refusing("authorization", &["Bearer user-0"]).await;
    let signed_in = AuthenticateResponse {
        access_token: "user-0".to_owned(),
        expire_time: hour(),
        refresh_token: "refresh-1".to_owned(),
        ..Default::default()
    };
    let session = UserSession::new(&identity.channel(), signed_in).expect("a session");
    write(&server.channel().with_token(session))
        .await
        .expect("the second token");
    let tokens: Vec<_> = server
        .calls()
        .iter()
        .map(|call| text(call, "authorization"))
        .collect();
    assert_eq!(
        tokens,
        ["Bearer user-0", "Bearer user-1"].map(|token| Some(token.to_owned()))
    );
}

#[tokio::test]
async fn a_session_that_is_over_says_so_and_makes_no_call() {
    let (identity, server) = (exchanging(0).await, FakeServer::answering().await);
    let session = UserSession::resumed(&identity.channel(), "refresh-1".into());
    let channel = server.channel().with_token(session);
    for _ in 0..3 {
        let status = write(&channel).await.expect_err("the session is over");
        assert_eq!(reason(&status).as_deref(), Some("REFRESH_TOKEN_REUSED"));
    }
    assert_eq!((identity.count(), server.count()), (1, 0));
}

#[tokio::test]
async fn no_secret_is_shown() {
    let identity = FakeServer::answering().await.channel();
    let tokens = ServiceTokens::new(&identity, NAME, SECRET.into());
    let session = UserSession::resumed(&identity, "kithr_hunter2".into());
    let channel = identity.with_token(alice()).passed_on_by(tokens.clone());
    let shown = format!("{tokens:?} {session:?} {channel:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("alice"), "{shown}");
}
