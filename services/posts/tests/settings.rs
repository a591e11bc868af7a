use kith_postgres::PoolSettings;
use kith_posts::PostsSettings;
use kith_rpc::ServerSettings;
use kith_settings::{Environment, Program, SettingsError, load};

fn read(environment: &Environment) -> Result<PostsSettings, SettingsError> {
    let program = Program {
        name: "kith-posts",
        version: "0",
        about: "a test",
    };
    load(&program, ["kith-posts".into()], environment)
}

#[test]
fn a_database_is_all_that_must_be_given() {
    let url = "postgres://kith_posts@localhost/kith";
    let environment = Environment::from([("KITH_POSTS_DATABASE_URL", url)]);
    let PostsSettings { service } = read(&environment).expect("good settings");
    assert_eq!(service.listen_address.to_string(), "127.0.0.1:50053");
    let admin = service.admin_listen_address.map(|address| address.to_string());
    assert_eq!(admin.as_deref(), Some("127.0.0.1:50063"));
    assert_eq!(service.identity_url, "http://127.0.0.1:50051");
    assert_eq!(service.pool, PoolSettings::default());
    let server = service.server;
    assert_eq!(format!("{server:?}"), format!("{:?}", ServerSettings::default()));
}

#[test]
fn all_mistakes_are_told_at_once_and_no_secret_with_them() {
    let environment = Environment::from([
        ("KITH_POSTS_LISTEN_ADDRESS", "50053"),
        ("KITH_POSTS_DATABASE_URL", "mysql://root:hunter2@db/kith"),
        ("KITH_IDENTITY_URL", "identity:50051"),
    ]);
    let mistakes = read(&environment).expect_err("mistakes").to_string();
    assert!(!mistakes.contains("hunter2"), "{mistakes}");
    for part in [
        "KITH_POSTS_LISTEN_ADDRESS: must be an address and port",
        "KITH_POSTS_DATABASE_URL_FILE: must be a postgres:// URL",
        "KITH_IDENTITY_URL: must be a URL",
    ] {
        assert!(mistakes.contains(part), "{part}\n{mistakes}");
    }
}
