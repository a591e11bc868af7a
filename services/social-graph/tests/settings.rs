use kith_postgres::PoolSettings;
use kith_rpc::ServerSettings;
use kith_settings::{Environment, Program, SettingsError, load};
use kith_social_graph::{FriendSettings, SocialGraphSettings};

fn read(environment: &Environment) -> Result<SocialGraphSettings, SettingsError> {
    let program = Program {
        name: "kith-social-graph",
        version: "0",
        about: "a test",
    };
    load(&program, ["kith-social-graph".into()], environment)
}

#[test]
fn a_database_is_all_that_must_be_given() {
    let url = "postgres://kith_social_graph@localhost/kith";
    let environment = Environment::from([("KITH_SOCIAL_GRAPH_DATABASE_URL", url)]);
    let SocialGraphSettings {
        service: settings,
        friends,
    } = read(&environment).expect("good settings");
    assert_eq!(settings.listen_address.to_string(), "127.0.0.1:50052");
    let admin = settings.admin_listen_address.map(|address| address.to_string());
    assert_eq!(admin.as_deref(), Some("127.0.0.1:50062"));
    assert_eq!(settings.identity_url, "http://127.0.0.1:50051");
    assert_eq!(settings.pool, PoolSettings::default());
    assert_eq!(friends, FriendSettings::default());
    assert_eq!(
        (settings.tokens.issuer.as_str(), settings.tokens.audience.as_str()),
        ("kith", "kith")
    );
    let server = settings.server;
    assert_eq!(format!("{server:?}"), format!("{:?}", ServerSettings::default()));
}

#[test]
fn all_mistakes_are_told_at_once_and_no_secret_with_them() {
    let environment = Environment::from([
        ("KITH_SOCIAL_GRAPH_LISTEN_ADDRESS", "50052"),
        ("KITH_SOCIAL_GRAPH_DATABASE_URL", "mysql://root:hunter2@db/kith"),
        ("KITH_IDENTITY_URL", "identity:50051"),
        ("KITH_POOL_SIZE", "0"),
        ("KITH_FRIEND_REQUEST_COOLDOWN", "401d"),
        ("KITH_FRIEND_REQUESTS_AT_ONCE", "0"),
    ]);
    let mistakes = read(&environment).expect_err("mistakes").to_string();
    assert!(!mistakes.contains("hunter2"), "{mistakes}");
    for part in [
        "KITH_SOCIAL_GRAPH_LISTEN_ADDRESS: must be an address and port",
        "KITH_SOCIAL_GRAPH_DATABASE_URL_FILE: must be a postgres:// URL",
        "KITH_IDENTITY_URL: must be a URL",
        "KITH_POOL_SIZE: must be a whole number from 1 to 1000",
        "KITH_FRIEND_REQUEST_COOLDOWN: must be a duration",
        "KITH_FRIEND_REQUESTS_AT_ONCE: must be a whole number from 1 to 100000",
    ] {
        assert!(mistakes.contains(part), "{part}\n{mistakes}");
    }
}
