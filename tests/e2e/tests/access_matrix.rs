//! Every RPC, called by every kind of caller.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kith_primitives::{UserCaller, UserId};
use kith_testkit::{Bearer, Caller, TestApp};
use kith_tokens::{Issuer, Subject};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

use crate::raw::{call, method, methods, name};
use crate::rows::{self, ROWS, Row, SCOPES, World};

#[test]
fn every_rpc_has_one_row() {
    let rpcs: BTreeSet<String> = methods().iter().map(name).collect();
    let with_row: BTreeSet<String> = ROWS.iter().map(|row| row.method.to_owned()).collect();
    assert_eq!(rpcs, with_row);
    assert_eq!(with_row.len(), ROWS.len(), "an RPC has two rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_caller_gets_what_the_contract_says() {
    let app = TestApp::start().await;
    let mut wrong = Vec::new();
    for row in ROWS {
        let world = World::new(&app).await;
        for (kind, caller, expected) in callers(&app, &world, row) {
            let got = outcome(&app, row, &world, &caller).await;
            if got != expected {
                wrong.push(format!(
                    "{} as {kind}: expected {expected}, got {got}",
                    row.method
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn outcome(app: &TestApp, row: &Row, world: &World, caller: &Bearer) -> String {
    match call(app, &method(row.method), caller, (row.request)(world)).await {
        Ok(_) => "OK".to_owned(),
        Err(refusal) => format!("{:?} {}", refusal.code, refusal.reason),
    }
}

/// Each kind of caller with what it gets; those that are refused come first, so that nothing has changed for them.
fn callers(app: &TestApp, world: &World, row: &Row) -> Vec<(&'static str, Bearer, &'static str)> {
    const MISSING: &str = "Unauthenticated TOKEN_MISSING";
    const INVALID: &str = "Unauthenticated TOKEN_INVALID";
    const EXPIRED: &str = "Unauthenticated TOKEN_EXPIRED";
    let refused = |expected| if row.open { row.owner } else { expected };
    let bearer = |token: SecretString| Bearer(Some(token));
    vec![
        ("no token", Bearer(None), refused(MISSING)),
        ("malformed token", bearer("not.a.token".into()), refused(INVALID)),
        ("expired token", bearer(expired(app, world)), refused(EXPIRED)),
        (
            "wrong audience",
            bearer(wrong_audience(app, world)),
            refused(INVALID),
        ),
        (
            "wrong algorithm",
            bearer(wrong_algorithm(app, world)),
            refused(INVALID),
        ),
        ("other user", Bearer(world.other.token().cloned()), row.other),
        ("owner", Bearer(world.owner.token().cloned()), row.owner),
        ("operator", app.operator(SCOPES), row.operator),
    ]
}

#[test]
fn the_operator_has_every_scope_of_the_contracts() {
    let methods =
        kith_rpc::Methods::from_descriptors(kith_contracts::FILE_DESCRIPTOR_SET).expect("descriptors");
    let named: BTreeSet<String> = methods
        .all()
        .iter()
        .map(|method| method.scope.clone())
        .filter(|scope| !scope.is_empty())
        .collect();
    assert_eq!(named, SCOPES.iter().map(|scope| (*scope).to_owned()).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_without_the_scope_is_refused() {
    let app = TestApp::start().await;
    let methods =
        kith_rpc::Methods::from_descriptors(kith_contracts::FILE_DESCRIPTOR_SET).expect("descriptors");
    for rpc in methods.all().iter().filter(|rpc| !rpc.scope.is_empty()) {
        let world = World::new(&app).await;
        let others: Vec<&str> = SCOPES
            .iter()
            .copied()
            .filter(|scope| *scope != rpc.scope)
            .collect();
        let got = outcome(&app, rows::of(&rpc.name), &world, &app.operator(&others)).await;
        assert_eq!(got, "PermissionDenied SCOPE_MISSING", "{}", rpc.name);
    }
}

fn owner(world: &World) -> Subject {
    Subject::User(UserCaller {
        user_id: UserId::from_database(world.owner.id),
        session_id: "s".to_owned(),
    })
}

fn expired(app: &TestApp, world: &World) -> SecretString {
    let long_ago = SystemTime::now() - Duration::from_secs(3600);
    app.issuer()
        .issue(&owner(world), long_ago)
        .expect("a token")
        .token
}

fn wrong_audience(app: &TestApp, world: &World) -> SecretString {
    let issuer = Issuer::new(app.issuer().key().clone(), "kith-test", "another").expect("an issuer");
    issuer
        .issue(&owner(world), SystemTime::now())
        .expect("a token")
        .token
}

/// The oldest attack on JWTs: HS256 with the public key, which everybody knows, as the secret.
fn wrong_algorithm(app: &TestApp, world: &World) -> SecretString {
    let key = app.issuer().key();
    let good = world.owner.token().expect("a token").expose_secret().to_owned();
    let claims = good.split('.').nth(1).expect("claims");
    let header = format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{}"}}"#, key.key_id());
    let signed = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header));
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, &key.public_key()),
        signed.as_bytes(),
    );
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)).into()
}
