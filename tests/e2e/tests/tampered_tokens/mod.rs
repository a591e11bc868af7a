//! Tens of thousands of tampered tokens, none of which may pass: by the verifier itself, and through a running server.
//!
//! A good token has exactly one text. The last character of a signature has spare bits that a lenient decoder ignores, so
//! that sixteen texts would stand for the same bytes; the verifier is strict about them, and so they count as tampering.

mod forge;
mod kinds;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use kith_contracts::identity::v1::authenticate_request::Identifier;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::identity::v1::{AuthenticateRequest, WhoAmIRequest};
use kith_testkit::{Caller, Refusal, TestApp};
use kith_tokens::{SigningKey, TokenError, Verifier, VerifyingKeys};
use secrecy::ExposeSecret;
use serde_json::Value;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Request, Status};

use self::forge::Scene;
use self::kinds::KINDS;
use crate::size;

const SEED: u64 = 0x6b69_7468;
const ISSUER: &str = "https://kith.test";
const AUDIENCE: &str = "kith";
const NOW: u64 = 1_800_000_000;
const PASSWORD: &str = "correct horse";
const REFUSED: &str = "Unauthenticated TOKEN_INVALID []";

/// A tampered token of the kind whose turn it is: the kind, the token, and the good ones that it came from.
fn tampered(scene: &mut Scene, number: usize) -> (&'static str, String, Vec<String>) {
    let (kind, tamper) = KINDS[number % KINDS.len()];
    let token = tamper(scene);
    (kind, token, std::mem::take(&mut scene.made))
}

/// As above, a token that there was not before: one that is cut off after a few characters is like many others.
fn another(
    scene: &mut Scene,
    number: usize,
    before: &BTreeSet<String>,
) -> (&'static str, String, Vec<String>) {
    loop {
        let (kind, token, made) = tampered(scene, number);
        if !before.contains(&token) {
            return (kind, token, made);
        }
    }
}

#[derive(Default)]
struct Tally {
    /// By kind, how many there were and what the verifier said.
    kinds: BTreeMap<&'static str, BTreeMap<String, usize>>,
    accepted: Vec<(&'static str, String)>,
    good: usize,
    good_refused: Vec<String>,
    texts: BTreeSet<String>,
    /// Those that a verifier would take that looks at the claims alone.
    plausible: BTreeSet<&'static str>,
}

// Control: a verifier that does not ask for the type; it accepted the tokens of a wrong typ, and no others.
#[test]
fn no_tampered_token_verifies() {
    let tokens = size::of(3_500, 100_000);
    let key = SigningKey::generate().expect("random");
    let mut scene = Scene::new(SEED, &key, ISSUER, AUDIENCE, NOW);
    let keys = VerifyingKeys::new([scene.ours.public, scene.other.public]);
    let verifier = Verifier::new(ISSUER, AUDIENCE).expect("our provider");
    let verify =
        |token: &str| verifier.verify_at(&keys, token, SystemTime::UNIX_EPOCH + Duration::from_secs(NOW));
    let (mut tally, began) = (Tally::default(), Instant::now());
    for number in 0..tokens {
        let (kind, token, made) = another(&mut scene, number, &tally.texts);
        assert!(!made.contains(&token), "{kind}: {token} is as it was");
        tally.good += made.len();
        tally
            .good_refused
            .extend(made.into_iter().filter(|good| verify(good).is_err()));
        let answer = match verify(&token) {
            Err(TokenError::Expired) | Ok(_) => {
                tally.accepted.push((kind, token));
                continue;
            }
            Err(error) => format!("{error:?}"),
        };
        *tally.kinds.entry(kind).or_default().entry(answer).or_default() += 1;
        if is_plausible(&token) {
            tally.plausible.insert(kind);
        }
        tally.texts.insert(token);
    }
    for (kind, answers) in &tally.kinds {
        println!("{:6} {kind}: {answers:?}", answers.values().sum::<usize>());
    }
    println!(
        "{} tampered tokens of {} kinds, {} accepted; {} good ones, {} refused; in {:?}",
        tally.texts.len(),
        KINDS.len(),
        tally.accepted.len(),
        tally.good,
        tally.good_refused.len(),
        began.elapsed()
    );
    assert_eq!(tally.accepted, []);
    assert_eq!(tally.good_refused, [""; 0]);
    assert!(tally.good > tokens * 9 / 10, "{}", tally.good);
    assert_eq!(tally.texts.len(), tokens);
    // The test can fail: most kinds would fool a verifier that does not look at the signature and the header.
    assert!(tally.plausible.len() > KINDS.len() / 2, "{:?}", tally.plausible);
}

/// Whether the claims, read as leniently as can be, are those of a caller.
fn is_plausible(token: &str) -> bool {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let payload = token.split('.').nth(1).unwrap_or_default();
    let bytes = GeneralPurpose::new(&URL_SAFE, lenient).decode(payload);
    let claims: Option<Value> = bytes.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    claims.is_some_and(|claims| {
        claims["iss"] == ISSUER
            && claims["aud"] == AUDIENCE
            && claims["sub"].is_string()
            && claims["exp"].as_u64().is_some_and(|end| end > NOW)
    })
}

/// The spare bits are what a lenient decoder forgives: the same bytes, under another text.
#[test]
fn the_same_signature_spelt_in_another_way_is_refused() {
    let key = SigningKey::generate().expect("random");
    let mut scene = Scene::new(SEED, &key, ISSUER, AUDIENCE, NOW);
    let verifier = Verifier::new(ISSUER, AUDIENCE).expect("our provider");
    let keys = VerifyingKeys::new([scene.ours.public]);
    let (_, spare_bits) = KINDS
        .iter()
        .find(|(name, _)| *name == "spare bits of the last character")
        .expect("a kind");
    let lenient = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    let lenient = GeneralPurpose::new(
        &URL_SAFE,
        lenient.with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    for _ in 0..100 {
        let token = spare_bits(&mut scene);
        let good = scene.made.remove(0);
        let signature = |token: &str| {
            lenient
                .decode(token.rsplit('.').next().expect("a part"))
                .expect("base64url")
        };
        assert_eq!(signature(&token), signature(&good));
        let refused = verifier.verify_at(&keys, &token, SystemTime::UNIX_EPOCH + Duration::from_secs(NOW));
        assert_eq!(refused, Err(TokenError::Malformed), "{token}");
    }
}

/// What a server says to a token by itself, or to one that a service passes on beside its own.
async fn ask(app: &TestApp, token: &str, service: Option<&str>) -> Result<(), Status> {
    let mut request = Request::new(WhoAmIRequest {});
    let places = [
        ("authorization", Some(token)),
        ("x-kith-service-authorization", service),
    ];
    for (key, token) in places {
        if let Some(token) = token {
            let value: MetadataValue<Ascii> = format!("Bearer {token}").parse().expect("checked before");
            request.metadata_mut().insert(key, value);
        }
    }
    let mut client = IdentityServiceClient::new(app.channel("kith.identity.v1.IdentityService"));
    client.who_am_i(request).await.map(|_| ())
}

/// Whether a token can be a header's value at all; white space around it is not part of the value.
fn can_be_sent(token: &str) -> bool {
    token.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && token.trim() == token
}

fn seconds_now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("after 1970").as_secs()
}

fn said(outcome: Result<(), Status>) -> String {
    outcome.map_or_else(|status| Refusal::of(&status).summary(), |()| "OK".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_refuses_every_tampered_token_in_either_place() {
    let (tokens, began) = (size::of(350, 10_500), Instant::now());
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let user = alice.token().expect("a token").expose_secret();
    let mut scene = Scene::new(SEED, app.signing_key(), "kith-test", "kith-test", seconds_now());
    let (mut unfit, mut passed) = (0, 0);
    let mut wrong = Vec::new();
    for number in 0..tokens {
        scene.now = seconds_now();
        let (kind, token, made) = tampered(&mut scene, number);
        passed += usize::from(let_in(&app, made.first()).await);
        if !can_be_sent(&token) {
            unfit += 1;
            continue;
        }
        let outcome = match number / KINDS.len() % 2 {
            0 => ask(&app, &token, None).await,
            _ => ask(&app, user, Some(&token)).await,
        };
        let said = said(outcome);
        if said != REFUSED {
            wrong.push(format!("{kind}: {said}: {token}"));
        }
    }
    println!(
        "{} tampered tokens sent, {unfit} are no header's value, {passed} good ones passed; in {:?}",
        tokens - unfit,
        began.elapsed()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(passed > tokens * 9 / 10, "{passed}");
    assert!(unfit < tokens / 10, "{unfit}");
}

/// Whether the server takes a good token. Its user is nobody, or its service has no user; who calls is known all the same.
async fn let_in(app: &TestApp, good: Option<&String>) -> bool {
    let Some(good) = good else { return false };
    let said = said(ask(app, good, None).await);
    assert!(
        ["OK", "NotFound USER_NOT_FOUND []"].contains(&said.as_str()),
        "{said}: {good}"
    );
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_and_a_password_are_no_access_tokens() {
    let app = TestApp::start().await;
    let alice = app.registered("alice", PASSWORD).await;
    let request = AuthenticateRequest {
        identifier: Some(Identifier::Username("alice".to_owned())),
        password: PASSWORD.to_owned(),
        ..Default::default()
    };
    let answer = app.identity(&app.nobody()).authenticate(request).await;
    let answer = answer.expect("a session").into_inner();
    let user = alice.token().expect("a token").expose_secret();
    for other in [answer.refresh_token.as_str(), PASSWORD] {
        assert_eq!(said(ask(&app, other, None).await), REFUSED, "{other}");
        assert_eq!(said(ask(&app, user, Some(other)).await), REFUSED, "{other}");
    }
    assert_eq!(said(ask(&app, &answer.access_token, None).await), "OK");
}
