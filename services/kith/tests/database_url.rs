//! `kith up` on somebody else's PostgreSQL, which asks for passwords.

use std::process::Command;

use diesel_async::SimpleAsyncConnection;
use kith_postgres::DatabaseUrl;
use kith_postgres::private::PrivateCluster;

use super::support::{Scratch, Up, kith, path, query, run_command};

/// A server where everybody but the superuser needs a password.
pub(crate) struct Server(PrivateCluster);

impl Server {
    pub(crate) async fn start() -> Self {
        let server = Self(PrivateCluster::start_ephemeral().expect("a PostgreSQL"));
        let rules = server.0.directory().join("data/pg_hba.conf");
        std::fs::write(rules, "local all postgres trust\nlocal all all scram-sha-256\n")
            .expect("to write the rules");
        server.administer("SELECT pg_reload_conf()").await;
        server
            .administer("CREATE ROLE kith_owner LOGIN CREATEROLE PASSWORD 'pa:ss/wörd'")
            .await;
        server.administer("CREATE DATABASE kith OWNER kith_owner").await;
        server
    }

    pub(crate) async fn administer(&self, sql: &str) {
        let url = DatabaseUrl::parse(&self.0.superuser_url("postgres")).expect("a URL");
        url.connect()
            .await
            .expect("a connection")
            .batch_execute(sql)
            .await
            .expect(sql);
    }

    pub(crate) fn url(&self, role: &str, password: &str) -> String {
        let url = DatabaseUrl::parse(&self.0.url(role, "kith")).expect("a URL");
        url.with_role(role, Some(password.to_owned().into())).expose()
    }

    fn up(&self, scratch: &Scratch) -> Command {
        let mut command = Up::command(&["--data-directory", path(&scratch.join("data"))]);
        command.env("DATABASE_URL", self.url("kith_owner", "pa:ss/wörd"));
        command
    }
}

#[tokio::test]
async fn the_services_log_in_with_passwords_that_follow_from_the_owners() {
    let (server, scratch) = (Server::start().await, Scratch::new("url"));
    for _ in ["new roles", "existing roles"] {
        let up = Up::spawn(&mut server.up(&scratch)).expect("up");
        assert!(
            up.announcement.contains("/kith\n") && !up.announcement.contains("rd@"),
            "{}",
            up.announcement
        );
        up.token(&["--scope", "a.b"]);
        up.stop();
    }
}

#[tokio::test]
async fn a_role_with_another_password_is_told_with_the_remedy() {
    let (server, scratch) = (Server::start().await, Scratch::new("url-other"));
    server
        .administer("CREATE ROLE kith_identity LOGIN PASSWORD 'other'")
        .await;
    let said = run_command(&mut server.up(&scratch));
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr.contains("role kith_identity cannot log in"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains("KITH_IDENTITY_DATABASE_URL"),
        "{}",
        said.stderr
    );

    let mut with_url = server.up(&scratch);
    with_url.env("KITH_IDENTITY_DATABASE_URL", server.url("kith_identity", "other"));
    Up::spawn(&mut with_url).expect("up").stop();

    let remedy = said
        .stderr
        .lines()
        .find(|line| line.contains("ALTER ROLE kith_identity"))
        .expect("a remedy");
    server.administer(remedy).await;
    Up::spawn(&mut server.up(&scratch)).expect("up").stop();
}

#[test]
fn what_is_not_private_is_not_forgotten() {
    let said = run_command(Up::command(&["--ephemeral"]).env("DATABASE_URL", "postgres://owner@db/kith"));
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("--ephemeral"), "{}", said.stderr);
}

#[tokio::test]
async fn a_migration_creates_the_roles_with_the_passwords_of_the_services_urls() {
    let server = Server::start().await;
    let urls = ["IDENTITY", "SOCIAL_GRAPH", "POSTS", "MESSAGING"].map(|service| {
        let role = format!("kith_{}", service.to_lowercase());
        (
            format!("KITH_{service}_DATABASE_URL"),
            server.url(&role, "s3rvice's"),
        )
    });
    let said = run_command(
        kith(&["migrate", "--bootstrap"])
            .env("KITH_DATABASE_URL", server.url("kith_owner", "pa:ss/wörd"))
            .envs(urls.clone())
            // One environment for all programs.
            .env("KITH_SIGNING_KEY_FILE", "/run/secrets/signing-key"),
    );
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    for (_, url) in urls {
        assert_eq!(
            query(&DatabaseUrl::parse(&url).expect("a URL"), "SELECT 'in' AS it").await,
            ["in"]
        );
    }
}
