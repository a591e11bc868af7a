//! What the server or the database is: encoding, language, durability, room.

use diesel_async::SimpleAsyncConnection;
use kith_postgres::DatabaseUrl;
use kith_postgres::private::SUPERUSER;
use kith_testkit::{OWNER, TestDatabase, cluster};

use super::own_server::OwnServer;
use super::scene::{Said, doctor, paste, said_of};

fn url(role: &str, database: &str) -> DatabaseUrl {
    DatabaseUrl::parse(&cluster().url(role, database)).expect("a URL")
}

#[tokio::test]
async fn a_database_of_another_encoding_is_told_and_its_data_are_not_at_risk() {
    // So that the roles are there.
    let _other = TestDatabase::create().await;
    let name = "kith_doctor_ascii";
    let sql =
        format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C' OWNER {OWNER}");
    paste(&url(SUPERUSER, "postgres"), &sql).await;
    let ask = || Said::by(doctor().env("KITH_DATABASE_URL", url(OWNER, name).expose()));
    let said = ask();
    assert_eq!(
        said.seen("encoding", "problem"),
        format!("database {name} has SQL_ASCII and not UTF8")
    );
    // Nothing to be pasted: it would be an empty database in the place of a full one.
    let fix = said.fix("encoding", "advice");
    for step in [
        "stop all services",
        "pg_dump",
        "ENCODING 'UTF8'",
        "restore what was saved",
    ] {
        assert!(fix.contains(step), "{step}: {fix}");
    }
}

#[tokio::test]
async fn messages_in_another_language_are_told_with_the_statement() {
    let database = TestDatabase::create().await;
    let name = database.name();
    // No translation is installed where these tests run: in front of PostgreSQL's own operator stands one whose error is
    // in German wherever lc_messages is not C.
    let sql = format!(
        "CREATE SCHEMA german;
        CREATE FUNCTION german.divide(integer, integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN
            IF current_setting('lc_messages') = 'C' THEN RAISE division_by_zero USING MESSAGE = 'division by zero'; END IF;
            RAISE division_by_zero USING MESSAGE = 'Division durch Null';
        END $$;
        CREATE OPERATOR german./ (FUNCTION = german.divide, LEFTARG = integer, RIGHTARG = integer);
        ALTER ROLE {OWNER} IN DATABASE {name} SET search_path = german, pg_catalog"
    );
    database
        .owner()
        .await
        .batch_execute(&sql)
        .await
        .expect("a translation");
    paste(
        &url(SUPERUSER, name),
        &format!("ALTER DATABASE {name} SET lc_messages = 'C.UTF-8'; GRANT USAGE ON SCHEMA german TO public"),
    )
    .await;
    let said = said_of(&database);
    let check = "language of messages";
    assert_eq!(
        said.seen(check, "problem"),
        "not English (lc_messages is C.UTF-8)"
    );
    paste(&url(SUPERUSER, name), said.fix(check, "sql")).await;
    assert_eq!(said_of(&database).state(check), "ok");
}

#[tokio::test]
async fn a_server_that_forgets_is_told() {
    let database = TestDatabase::create().await;
    let name = database.name();
    let said = said_of(&database);
    assert_eq!(
        said.seen("durability", "problem"),
        "off is fsync, full_page_writes"
    );
    let sql = format!(
        "ALTER DATABASE {name} SET synchronous_commit = 'off'; ALTER DATABASE {name} SET default_transaction_read_only = 'on'"
    );
    paste(&database.owner_url(), &sql).await;
    let said = said_of(&database);
    assert_eq!(said.seen("durability", "problem"), "synchronous_commit is off");
    let seen = said.seen("writes", "problem");
    assert!(seen.contains("default_transaction_read_only"), "{seen}");
    paste(&database.owner_url(), said.fix("writes", "sql")).await;
    assert!(!said_of(&database).checks("problem").contains(&"writes"));
}

// Control: only the first session asked; all was well.
#[tokio::test]
async fn what_one_role_begins_its_sessions_with_is_told_and_set_for_that_role() {
    let database = TestDatabase::create().await;
    let name = database.name();
    let checks = ["durability of kith_posts", "writes of kith_posts"];
    let said = said_of(&database);
    let problems = said.checks("problem");
    assert!(!checks.iter().any(|check| problems.contains(check)), "{said:#?}");
    let sql = format!(
        "ALTER ROLE kith_posts IN DATABASE {name} SET synchronous_commit = 'off';
        ALTER ROLE kith_posts IN DATABASE {name} SET default_transaction_read_only = 'on'"
    );
    database.owner().await.batch_execute(&sql).await.expect(&sql);
    let said = said_of(&database);
    for check in checks {
        assert_eq!(said.state(check), "problem");
        let fix = said.fix(check, "sql");
        assert!(
            fix.contains(&format!("ALTER ROLE kith_posts IN DATABASE {name} SET ")),
            "{fix}"
        );
        paste(&database.owner_url(), fix).await;
    }
    assert_eq!(
        said.checks("problem").len(),
        problems.len() + checks.len(),
        "{said:#?}"
    );
    let said = said_of(&database);
    assert_eq!(said.checks("problem"), problems, "{said:#?}");
}

#[tokio::test]
async fn room_for_locks_and_connections_is_made_by_the_fixes() {
    let mut server = OwnServer::start("max_locks_per_transaction = 10\nmax_connections = 40\n").await;
    let ask =
        |server: &OwnServer| Said::by(doctor().env("KITH_DATABASE_URL", server.url("postgres").expose()));
    let said = ask(&server);
    assert_eq!(
        said.seen("lock table", "problem"),
        "room for 400 locks (10 for each of 40 transactions)"
    );
    assert_eq!(
        said.seen("connections", "problem"),
        "37 for services, whose processes take 18 each, 72 for one of each"
    );
    for check in ["lock table", "connections"] {
        paste(&server.url("postgres"), said.fix(check, "sql")).await;
    }
    server.restart().await;
    let said = ask(&server);
    assert_eq!(
        (said.state("lock table"), said.state("connections")),
        ("ok", "ok"),
        "{said:#?}"
    );
    assert_eq!(said.state("durability"), "ok");
}

#[tokio::test]
async fn the_defaults_of_postgresql_are_a_warning() {
    let server = OwnServer::start("").await;
    let said = Said::by(doctor().env("KITH_DATABASE_URL", server.url("postgres").expose()));
    assert_eq!(
        said.seen("lock table", "warning"),
        "room for 6,400 locks (64 for each of 100 transactions)"
    );
    assert_eq!(said.state("connections"), "warning");
    // Over TCP, where it has no certificate to show.
    let url = format!("{}?sslmode=require", server.tcp_url("postgres").expose());
    let said = Said::by(doctor().env("KITH_DATABASE_URL", url));
    let seen = said.seen("login of owner", "problem");
    assert!(
        seen.starts_with("no TLS with ") && seen.contains("does not support TLS"),
        "{seen}"
    );
}
