use std::time::Duration;

use kith_identity::{IdentitySettings, Limit};
use kith_postgres::PoolSettings;
use kith_rpc::ServerSettings;
use kith_settings::{Environment, Program, SettingsError, load};
use kith_tokens::SigningKey;
use secrecy::ExposeSecret;

const DATABASE_URL: (&str, &str) = (
    "KITH_IDENTITY_DATABASE_URL",
    "postgres://kith_identity@localhost/kith",
);

fn read(environment: &Environment) -> Result<IdentitySettings, SettingsError> {
    let program = Program {
        name: "kith-identity",
        version: "0",
        about: "a test",
    };
    load(&program, ["kith-identity".into()], environment)
}

#[test]
fn a_database_and_a_key_are_all_that_must_be_given() {
    let key = SigningKey::generate().expect("a key");
    let pem = key.to_pem();
    let environment = Environment::from([DATABASE_URL, ("KITH_SIGNING_KEY", pem.expose_secret())]);
    let settings = read(&environment).expect("good settings");
    assert_eq!(settings.listen_address.to_string(), "127.0.0.1:50051");
    let admin = settings.admin_listen_address.map(|address| address.to_string());
    assert_eq!(admin.as_deref(), Some("127.0.0.1:50061"));
    assert_eq!(settings.signing_keys.first().key_id(), key.key_id());
    assert_eq!(settings.pool, PoolSettings::default());
    assert_eq!(
        (settings.tokens.issuer.as_str(), settings.tokens.audience.as_str()),
        ("kith", "kith")
    );
    assert_eq!(settings.password_hashes_at_once, 2);
}

#[test]
fn what_is_not_said_of_serving_is_the_servers_default() {
    let key = SigningKey::generate().expect("a key").to_pem();
    let environment = Environment::from([DATABASE_URL, ("KITH_SIGNING_KEY", key.expose_secret())]);
    let server = read(&environment).expect("good settings").server;
    assert_eq!(format!("{server:?}"), format!("{:?}", ServerSettings::default()));
    assert_eq!(
        (server.default_deadline, server.max_deadline),
        (Duration::from_secs(10), Duration::from_secs(60))
    );
}

#[test]
fn all_mistakes_are_told_at_once_and_no_secret_with_them() {
    let environment = Environment::from([
        ("KITH_IDENTITY_LISTEN_ADDRESS", "0.0.0.0:50051"),
        ("KITH_SIGNING_KEY", "hunter2"),
        ("KITH_PASSWORD_HASHES_AT_ONCE", "65"),
    ]);
    let mistakes = read(&environment).expect_err("mistakes").to_string();
    assert!(!mistakes.contains("hunter2"), "{mistakes}");
    for part in [
        "--identity-listen-address, KITH_IDENTITY_LISTEN_ADDRESS: is not loopback",
        "KITH_IDENTITY_DATABASE_URL_FILE: is required: a postgres:// URL",
        "KITH_SIGNING_KEY_FILE: must be",
        "KITH_PASSWORD_HASHES_AT_ONCE: must be a whole number from 1 to 64; KITH_PASSWORD_HASHES_AT_ONCE says \"65\"",
    ] {
        assert!(mistakes.contains(part), "{part}\n{mistakes}");
    }
}

// Control: a Debug of the database URL that exposes the password.
#[test]
fn what_debug_shows_of_them_holds_no_secret() {
    let key = SigningKey::generate().expect("a key");
    let pem = key.to_pem();
    let environment = Environment::from([
        (
            "KITH_IDENTITY_DATABASE_URL",
            "postgres://kith_identity:hunter2@localhost/kith",
        ),
        ("KITH_SIGNING_KEY", pem.expose_secret()),
    ]);
    let shown = format!(
        "{environment:?} {:#?}",
        read(&environment).expect("good settings")
    );
    let secret = pem.expose_secret().lines().nth(1).expect("the key itself");
    assert!(shown.contains(key.key_id()), "{shown}");
    assert!(!shown.contains("hunter2") && !shown.contains(secret), "{shown}");
}

/// Empty is not given.
fn throttled(one_caller: &str, all_callers: &str, register: &str) -> Result<IdentitySettings, SettingsError> {
    let key = SigningKey::generate().expect("a key").to_pem();
    read(&Environment::from([
        DATABASE_URL,
        ("KITH_SIGNING_KEY", key.expose_secret()),
        ("KITH_THROTTLE_SIGN_IN", one_caller),
        ("KITH_THROTTLE_SIGN_IN_BY_ACCOUNT", all_callers),
        ("KITH_THROTTLE_REGISTER_BY_CALLER", register),
    ]))
}

#[test]
fn limits_are_on_unless_they_are_put_off() {
    let throttles = throttled("", "", "").expect("good settings").throttles;
    assert_eq!(throttles.sign_in, Limit::parse("10/5m").expect("a limit"));
    assert_eq!(
        throttles.register_by_caller,
        Limit::parse("60/1h").expect("a limit")
    );
    let off = throttled("", "", "off").expect("good settings").throttles;
    assert_eq!(off.register_by_caller, None);
}

// Control: a limit by account that is compared with nothing.
#[test]
fn one_caller_must_not_be_able_to_use_up_the_attempts_of_all() {
    for (one, all) in [("10/5m", "20/10m"), ("100/1h", "100/10m"), ("off", "")] {
        let mistakes = throttled(one, all, "").expect_err("a mistake").to_string();
        assert!(mistakes.contains("must allow more"), "{mistakes}");
    }
    throttled("off", "off", "").expect("good settings");
}
