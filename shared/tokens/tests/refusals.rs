//! Tokens that must not pass, each made by hand and refused for its own reason, beside good ones that do.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kith_primitives::{Failure, Reason, ServiceCaller, ServiceId, UserCaller, UserId};
use kith_tokens::{Issuer, SigningKey, Subject, TokenError, Verified, Verifier, VerifyingKeys};
use ring::signature::Ed25519KeyPair;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

const ISSUER: &str = "https://kith.test";
const AUDIENCE: &str = "kith";
const NOW: u64 = 1_800_000_000;

/// Signs what it is told to, with ring alone, so that nothing of the crate under test is trusted.
struct Forger {
    key: SigningKey,
}

impl Forger {
    fn new() -> Self {
        Self {
            key: SigningKey::generate().expect("random"),
        }
    }

    fn header(&self) -> Value {
        json!({"typ": "at+jwt", "alg": "EdDSA", "kid": self.key.key_id()})
    }

    fn sign(&self, header: &str, claims: &str) -> String {
        let pem = self.key.to_pem();
        let der = pem
            .expose_secret()
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect::<String>();
        let der = STANDARD.decode(der).expect("its own PEM");
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).expect("its own key");
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        format!(
            "{message}.{}",
            URL_SAFE_NO_PAD.encode(pair.sign(message.as_bytes()))
        )
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        self.sign(&header.to_string(), &claims.to_string())
    }

    fn verify(&self, token: &str) -> Result<Verified, TokenError> {
        let keys = VerifyingKeys::new([self.key.public_key()]);
        let verifier = Verifier::new(ISSUER, AUDIENCE).expect("our provider");
        verifier.verify_at(&keys, token, at(NOW))
    }

    fn verify_with_header(&self, change: &Value) -> Result<Verified, TokenError> {
        self.verify(&self.token(&changed(self.header(), change), &user_claims()))
    }

    fn verify_with_claims(&self, claims: Value, change: &Value) -> Result<Verified, TokenError> {
        self.verify(&self.token(&self.header(), &changed(claims, change)))
    }
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn user_claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "user:7", "sid": "s1", "jti": "j1", "iat": NOW, "exp": NOW + 300})
}

fn service_claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "service:3", "scope": "a.read b.write", "jti": "j1", "iat": NOW, "exp": NOW + 3600})
}

/// `value` with the members of `change`; null removes one.
fn changed(mut value: Value, change: &Value) -> Value {
    let members = value.as_object_mut().expect("an object");
    for (name, new) in change.as_object().expect("an object") {
        members.insert(name.clone(), new.clone());
        if new.is_null() {
            members.remove(name);
        }
    }
    value
}

fn user_7() -> Subject {
    Subject::User(UserCaller {
        user_id: UserId::from_database(7),
        session_id: "s1".to_owned(),
    })
}

#[test]
fn a_users_token_proves_the_user_and_the_session() {
    let verified = Forger::new().verify_with_claims(user_claims(), &json!({}));
    assert_eq!(
        verified,
        Ok(Verified {
            subject: user_7(),
            expires_at: at(NOW + 300)
        })
    );
}

#[test]
fn a_services_token_proves_the_service_and_its_scopes() {
    let scopes = ["a.read", "b.write"].map(str::to_owned).into();
    let service = ServiceCaller {
        service_id: ServiceId::from_database(3),
        scopes,
    };
    let verified = Forger::new().verify_with_claims(service_claims(), &json!({}));
    assert_eq!(
        verified,
        Ok(Verified {
            subject: Subject::Service(service),
            expires_at: at(NOW + 3600)
        })
    );
}

#[test]
fn what_the_issuer_signs_the_verifier_accepts() {
    let forger = Forger::new();
    let issuer = Issuer::new(forger.key.clone(), ISSUER, AUDIENCE).expect("our provider");
    let issued = issuer.issue(&user_7(), at(NOW)).expect("a token");
    let verified = forger.verify(issued.token.expose_secret());
    assert_eq!(
        verified,
        Ok(Verified {
            subject: user_7(),
            expires_at: issued.expires_at
        })
    );
}

#[test]
fn claims_that_nobody_knows_are_ignored() {
    assert!(
        Forger::new()
            .verify_with_claims(user_claims(), &json!({"amr": ["pwd"], "nbf": NOW}))
            .is_ok()
    );
}

#[test]
fn the_type_is_compared_as_a_media_type() {
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        assert!(
            Forger::new().verify_with_header(&json!({"typ": typ})).is_ok(),
            "{typ}"
        );
    }
}

#[test]
fn a_wrong_header_is_refused() {
    use TokenError::*;
    for (change, error) in [
        (json!({"alg": "none"}), Malformed),
        (json!({"alg": null}), Malformed),
        (json!({"alg": "eddsa"}), Malformed),
        (json!({"alg": "HS256"}), AlgorithmRefused),
        (json!({"alg": "RS256"}), AlgorithmRefused),
        (json!({"alg": "ES256"}), AlgorithmRefused),
        (json!({"typ": null}), TypeRefused),
        (json!({"typ": "JWT"}), TypeRefused),
        (json!({"typ": "at+jwt2"}), TypeRefused),
        (json!({"typ": "text/at+jwt"}), TypeRefused),
        (json!({"crit": ["exp"]}), ExtensionRefused),
        (json!({"crit": ["b64"], "b64": false}), ExtensionRefused),
        (json!({"crit": []}), ExtensionRefused),
        (json!({"kid": null}), KeyUnknown),
        (json!({"kid": ""}), KeyUnknown),
        (json!({"kid": "another"}), KeyUnknown),
        (json!({"kid": 1}), Malformed),
    ] {
        assert_eq!(Forger::new().verify_with_header(&change), Err(error), "{change}");
    }
}

#[test]
fn wrong_claims_are_refused() {
    use TokenError::*;
    for (change, error) in [
        (json!({"iss": null}), ClaimsMalformed),
        (json!({"aud": null}), ClaimsMalformed),
        (json!({"sub": null}), ClaimsMalformed),
        (json!({"jti": null}), ClaimsMalformed),
        (json!({"iat": null}), ClaimsMalformed),
        (json!({"exp": null}), ClaimsMalformed),
        (json!({"jti": ""}), ClaimsMalformed),
        (json!({"aud": [AUDIENCE]}), ClaimsMalformed),
        (json!({"aud": [AUDIENCE, "other"]}), ClaimsMalformed),
        (json!({"iss": [ISSUER]}), ClaimsMalformed),
        (json!({"exp": (NOW + 300).to_string()}), ClaimsMalformed),
        (json!({"exp": NOW as f64 + 299.5}), ClaimsMalformed),
        (json!({"iat": -1}), ClaimsMalformed),
        (json!({"nbf": "soon"}), ClaimsMalformed),
        (json!({"sid": 1}), ClaimsMalformed),
        (json!({"iss": "https://kith.test/"}), IssuerWrong),
        (json!({"aud": "Kith"}), AudienceWrong),
        (json!({"aud": ""}), AudienceWrong),
        (json!({"sub": "7"}), SubjectMalformed),
        (json!({"sub": "user:"}), SubjectMalformed),
        (json!({"sub": "user:0"}), SubjectMalformed),
        (json!({"sub": "user:-7"}), SubjectMalformed),
        (json!({"sub": "user:+7"}), SubjectMalformed),
        (json!({"sub": "user:07"}), SubjectMalformed),
        (json!({"sub": "user:7 "}), SubjectMalformed),
        (json!({"sub": "user:9223372036854775808"}), SubjectMalformed),
        (json!({"sub": "User:7"}), SubjectMalformed),
        (json!({"sub": "admin:7"}), SubjectMalformed),
        (json!({"sub": "service:7"}), SubjectMalformed),
        (json!({"sid": null}), SubjectMalformed),
        (json!({"sid": ""}), SubjectMalformed),
        (json!({"exp": NOW + 301}), LifetimeWrong),
        (json!({"exp": NOW}), LifetimeWrong),
        (json!({"exp": u64::MAX}), LifetimeWrong),
        (json!({"iat": 0, "exp": u64::MAX}), LifetimeWrong),
        (json!({"iat": NOW + 6}), NotYetValid),
        (json!({"nbf": NOW + 6}), NotYetValid),
        (json!({"iat": u64::MAX - 1, "exp": u64::MAX}), NotYetValid),
    ] {
        assert_eq!(
            Forger::new().verify_with_claims(user_claims(), &change),
            Err(error),
            "{change}"
        );
    }
}

#[test]
fn wrong_claims_of_a_service_are_refused() {
    for (change, error) in [
        (json!({"scope": null}), TokenError::SubjectMalformed),
        (json!({"scope": ["a.read"]}), TokenError::ClaimsMalformed),
        (json!({"exp": NOW + 3601}), TokenError::LifetimeWrong),
    ] {
        assert_eq!(
            Forger::new().verify_with_claims(service_claims(), &change),
            Err(error),
            "{change}"
        );
    }
}

#[test]
fn a_token_of_no_scopes_is_a_service_that_may_do_nothing() {
    let verified = Forger::new().verify_with_claims(service_claims(), &json!({"scope": ""}));
    let Ok(Verified {
        subject: Subject::Service(service),
        ..
    }) = verified
    else {
        panic!("{verified:?}")
    };
    assert!(service.scopes.is_empty());
}

#[test]
fn a_token_ends_with_the_second_that_it_names() {
    let ending_at =
        |exp| Forger::new().verify_with_claims(user_claims(), &json!({"iat": NOW - 299, "exp": exp}));
    assert!(ending_at(NOW + 1).is_ok());
    assert_eq!(ending_at(NOW), Err(TokenError::Expired));
}

#[test]
fn a_clock_five_seconds_ahead_is_forgiven() {
    let change = json!({"iat": NOW + 5, "nbf": NOW + 5, "exp": NOW + 305});
    assert!(Forger::new().verify_with_claims(user_claims(), &change).is_ok());
}

#[test]
fn expired_is_said_only_when_nothing_else_is_wrong() {
    let old = json!({"iat": NOW - 400, "exp": NOW - 100});
    for (change, error) in [
        (json!({}), TokenError::Expired),
        (json!({"aud": "other"}), TokenError::AudienceWrong),
        (json!({"iss": "other"}), TokenError::IssuerWrong),
        (json!({"sid": null}), TokenError::SubjectMalformed),
        (json!({"iat": NOW - 401}), TokenError::LifetimeWrong),
    ] {
        let claims = changed(user_claims(), &old);
        assert_eq!(
            Forger::new().verify_with_claims(claims, &change),
            Err(error),
            "{change}"
        );
    }
    let (forger, other) = (Forger::new(), Forger::new());
    let forged = other.token(&forger.header(), &changed(user_claims(), &old));
    assert_eq!(forger.verify(&forged), Err(TokenError::SignatureWrong));
}

#[test]
fn the_signature_of_another_key_is_refused() {
    let (forger, other) = (Forger::new(), Forger::new());
    assert_eq!(
        forger.verify(&other.token(&forger.header(), &user_claims())),
        Err(TokenError::SignatureWrong)
    );
    assert_eq!(
        forger.verify(&other.token(&other.header(), &user_claims())),
        Err(TokenError::KeyUnknown)
    );
}

#[test]
fn the_public_key_as_an_hmac_secret_is_refused() {
    let forger = Forger::new();
    let header = changed(forger.header(), &json!({"alg": "HS256"})).to_string();
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(user_claims().to_string())
    );
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &forger.key.public_key());
    let signature = ring::hmac::sign(&secret, message.as_bytes());
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    assert_eq!(forger.verify(&token), Err(TokenError::AlgorithmRefused));
}

#[test]
fn a_key_that_comes_with_the_token_is_not_trusted() {
    let (forger, stranger) = (Forger::new(), Forger::new());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(stranger.key.public_key())});
    for change in [json!({"jwk": jwk}), json!({"jwk": jwk, "kid": null})] {
        let token = stranger.token(&changed(forger.header(), &change), &user_claims());
        assert!(forger.verify(&token).is_err(), "{change}");
    }
}

#[test]
fn members_given_twice_are_refused() {
    let forger = Forger::new();
    let (header, claims) = (forger.header().to_string(), user_claims().to_string());
    let twice = |json: &str, member: &str| format!("{}{}", json.trim_end_matches('}'), member);
    let token = forger.sign(&header, &twice(&claims, r#","sub":"user:8"}"#));
    assert_eq!(forger.verify(&token), Err(TokenError::ClaimsMalformed));
    let token = forger.sign(&twice(&header, r#","alg":"EdDSA"}"#), &claims);
    assert_eq!(forger.verify(&token), Err(TokenError::Malformed));
    assert!(forger.verify(&forger.sign(&header, &claims)).is_ok());
}

#[test]
fn what_has_not_the_shape_of_a_token_is_refused() {
    let forger = Forger::new();
    let good = forger.token(&forger.header(), &user_claims());
    let (message, signature) = good.rsplit_once('.').expect("three parts");
    for token in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        message.to_owned(),
        format!("{message}."),
        format!("{good}."),
        format!("{good}.{signature}"),
        format!(".{good}"),
        format!("{good}="),
        format!("{good} "),
        format!(" {good}"),
        format!("{good}\n"),
        format!("Bearer {good}"),
        good.replace('.', "\0"),
        good.replace('-', "+").replace('_', "/") + "+",
    ] {
        let error = forger.verify(&token).expect_err(&token);
        assert!(
            matches!(error, TokenError::Malformed | TokenError::SignatureWrong),
            "{token:?}: {error:?}"
        );
    }
    assert!(forger.verify(&good).is_ok());
}

#[test]
fn every_single_flipped_bit_is_noticed() {
    let forger = Forger::new();
    let good = forger.token(&forger.header(), &user_claims());
    for index in 0..good.len() * 8 {
        let mut bytes = good.clone().into_bytes();
        bytes[index / 8] ^= 1 << (index % 8);
        let Ok(token) = String::from_utf8(bytes) else {
            continue;
        };
        assert!(forger.verify(&token).is_err(), "bit {index}");
    }
    assert!(forger.verify(&good).is_ok());
}

#[test]
fn a_token_may_be_8_kib_and_no_larger() {
    let forger = Forger::new();
    let verify_with_padding = |padding: usize| {
        let token = forger.token(
            &forger.header(),
            &changed(user_claims(), &json!({"pad": "x".repeat(padding)})),
        );
        (token.len() <= Verifier::MAX_TOKEN_LEN, forger.verify(&token))
    };
    assert!(matches!(verify_with_padding(5_700), (true, Ok(_))));
    assert_eq!(verify_with_padding(6_000), (false, Err(TokenError::TooLarge)));
}

#[test]
fn callers_are_told_expired_or_invalid_and_the_log_why() {
    let failure = Failure::from(TokenError::Expired);
    assert_eq!(
        (failure.reason(), failure.message()),
        (Reason::TokenExpired, "the access token has expired")
    );
    let failure = Failure::from(TokenError::AudienceWrong);
    assert_eq!(
        (failure.reason(), failure.message()),
        (Reason::TokenInvalid, "the access token is not valid")
    );
    assert_eq!(
        failure.cause().map(ToString::to_string).as_deref(),
        Some("the token's audience is another one")
    );
}
