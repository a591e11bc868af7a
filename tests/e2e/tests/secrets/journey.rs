//! Real secrets, which the server makes or takes in good calls.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kith_contracts::identity::v1::authenticate_request::Identifier;
use kith_contracts::identity::v1::*;
use kith_testkit::{Bearer, TestApp, answer, cluster};
use secrecy::ExposeSecret;
use tonic::Request;

use crate::{capture, database, forms, forms_of};

/// Everybody's secrets after a day with Kith, by name.
async fn secrets_of_a_day(app: &TestApp) -> Vec<(&'static str, String)> {
    let mut secrets = Vec::new();
    let mut keep = |name, secret: &str| secrets.push((name, secret.to_owned()));
    let (first, second) = ("zq8 first password", "zq8 second password");
    keep("first password", first);
    keep("second password", second);
    keep("wrong password", "zq8 wrong password");

    let mut nobody = app.identity(&app.nobody());
    let request = RegisterRequest {
        username: "alice".to_owned(),
        password: first.to_owned(),
        ..Default::default()
    };
    answer(nobody.register(request.clone()).await);
    nobody.register(request).await.expect_err("the name is taken");
    let sign_in = |password: &str| AuthenticateRequest {
        identifier: Some(Identifier::Username("alice".to_owned())),
        password: password.to_owned(),
        ..Default::default()
    };
    nobody
        .authenticate(sign_in("zq8 wrong password"))
        .await
        .expect_err("a wrong password");
    let signed_in = answer(nobody.authenticate(sign_in(first)).await);
    keep("access token", &signed_in.access_token);
    keep("refresh token", &signed_in.refresh_token);
    let refresh = RefreshTokenRequest {
        refresh_token: signed_in.refresh_token,
    };
    let refreshed = answer(nobody.refresh_token(refresh.clone()).await);
    keep("next access token", &refreshed.access_token);
    keep("next refresh token", &refreshed.refresh_token);
    nobody.refresh_token(refresh).await.expect_err("exchanged before");

    let alice = Bearer(Some(refreshed.access_token.into()));
    let change = ChangePasswordRequest {
        old_password: first.to_owned(),
        new_password: second.to_owned(),
    };
    answer(app.identity(&alice).change_password(change.clone()).await);
    app.identity(&alice)
        .change_password(change)
        .await
        .expect_err("the old password is another one");

    let operator = app.operator(&["identity.services.manage"]);
    keep(
        "operator's token",
        operator.0.as_ref().expect("a token").expose_secret(),
    );
    let mut operator = app.identity(&operator);
    let request = CreateServiceAccountRequest {
        name: "importer".to_owned(),
        scopes: vec!["identity.users.import".to_owned()],
    };
    let created = answer(operator.create_service_account(request).await);
    keep("service secret", &created.secret);
    let request = RotateServiceSecretRequest {
        service_account_id: created.service_account.expect("an account").id,
    };
    let rotated = answer(operator.rotate_service_secret(request).await);
    keep("next service secret", &rotated.secret);
    let prove = |secret: String| IssueServiceTokenRequest {
        name: "importer".to_owned(),
        secret,
    };
    nobody
        .issue_service_token(prove(created.secret))
        .await
        .expect_err("void");
    let issued = answer(nobody.issue_service_token(prove(rotated.secret)).await);
    keep("service token", &issued.access_token);

    let mut passed_on = Request::new(ListSessionsRequest::default());
    let value = format!("Bearer {}", issued.access_token).parse().expect("ASCII");
    passed_on
        .metadata_mut()
        .insert("x-kith-service-authorization", value);
    answer(app.identity(&alice).list_sessions(passed_on).await);

    let pem = app.signing_key().to_pem();
    let key: String = pem
        .expose_secret()
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    // In the 48 bytes, the secret is the last 32; what stands before it is the same in every key.
    let key = STANDARD.decode(key).expect("its own PEM");
    keep("signing key", &URL_SAFE_NO_PAD.encode(&key[16..]));
    secrets
}

/// The forms of a secret, of the bytes that it spells, and of an access token's signature by itself.
fn needles(secret: &str) -> Vec<String> {
    let last = secret.rsplit('.').next().unwrap_or_default();
    let spelt = URL_SAFE_NO_PAD.decode(last).unwrap_or_else(|_| last.into());
    [forms(secret), forms(last), forms_of(&spelt)].concat()
}

// Control: a line with the token at TRACE in the layer that verifies it, and a first name that is the password.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_good_calls_is_logged_or_stored_in_clear() {
    capture::start();
    let mut app = TestApp::start().await;
    let secrets = secrets_of_a_day(&app).await;
    app.shut_down().await;
    let server_log = std::fs::read_to_string(cluster().log()).expect("the server's log");
    assert_eq!(secrets.len(), 12);
    for (name, secret) in secrets {
        let needles = needles(&secret);
        assert_eq!(capture::lines_with(&needles), [""; 0], "{name}");
        assert_eq!(database::tables_with(&app, &needles).await, [], "{name}");
        assert!(
            !needles.iter().any(|needle| server_log.contains(needle.as_str())),
            "{name}"
        );
    }
}
