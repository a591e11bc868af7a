//! Who is let in, by which step it failed, and who it is that was let in.

use std::time::{Duration, Instant};

use kith_schema::Role;
use kith_testkit::{OWNER, TestDatabase};
use tokio::net::TcpListener;

use super::scene::{Said, doctor, doctor_for_people, in_shell, said_of, variable, with_urls};
use crate::database_url::Server;
use crate::support::run_command;

#[tokio::test]
async fn a_url_that_logs_in_as_another_role_is_named_and_the_fix_names_the_right_one() {
    let database = TestDatabase::create().await;
    for (wrong, who) in [
        (database.owner_url(), OWNER),
        (database.url(Role::Identity), "kith_identity"),
    ] {
        let mut wrongly = with_urls(doctor(), &database);
        wrongly.env(variable(Role::Posts), wrong.expose());
        let said = Said::by(&mut wrongly);
        assert_eq!(
            said.seen("login of kith_posts", "problem"),
            format!("KITH_POSTS_DATABASE_URL logs in as {who}")
        );
        // The rest of the URL, and where it is given, is not for the doctor to repeat.
        let fix = said.fix("login of kith_posts", "advice");
        assert!(
            fix.starts_with(
                "put role kith_posts and its password into the URL that KITH_POSTS_DATABASE_URL gives"
            ),
            "{fix}"
        );
        assert_eq!(said_of(&database).state("login of kith_posts"), "ok");
    }
}

#[tokio::test]
async fn a_url_that_leads_to_another_database_is_named() {
    let (one, other) = (TestDatabase::create().await, TestDatabase::create().await);
    let mut command = with_urls(doctor(), &one);
    command.env(variable(Role::Messaging), other.url(Role::Messaging).expose());
    let said = Said::by(&mut command);
    let seen = said.seen("login of kith_messaging", "problem");
    assert!(seen.contains("another database than the owner's"), "{seen}");
    assert_eq!(said_of(&one).state("login of kith_messaging"), "ok");
}

#[tokio::test]
async fn a_wrong_password_is_told_and_none_is_shown_in_any_form() {
    let server = Server::start().await;
    server
        .administer("CREATE ROLE kith_posts LOGIN PASSWORD 'an0ther'")
        .await;
    let migrate = crate::support::kith(&["migrate", "--bootstrap"]);
    let owner = server.url("kith_owner", "pa:ss/wörd");
    let mut migrate = migrate;
    assert_eq!(run_command(migrate.env("DATABASE_URL", &owner)).code, Some(0));
    // The service may have this password from elsewhere. Control: a statement in the fix that gives it the one which follows
    // from the owner's, as a SCRAM verifier; the service could log in no more, and the line below found the verifier.
    let mut unknown = doctor();
    let said = Said::by(unknown.env("DATABASE_URL", &owner));
    let seen = said.seen("login of kith_posts", "warning");
    assert!(
        seen.starts_with("not checked: its URL is not given, and the password that follows from the owner's is not the role's"),
        "{seen}"
    );
    assert_eq!(
        said.fix("login of kith_posts", "advice"),
        "give the URL that its service has in KITH_POSTS_DATABASE_URL"
    );
    assert!(!format!("{said:?}").contains("SCRAM"), "{said:?}");
    assert_eq!(said.checks("problem"), ["durability"]);
    unknown.env("KITH_POSTS_DATABASE_URL", server.url("kith_posts", "an0ther"));
    assert_eq!(Said::by(&mut unknown).state("login of kith_posts"), "ok");

    // One that is given is its giver's business, and shown in no form.
    let mut given = doctor();
    given
        .env("DATABASE_URL", &owner)
        .env("KITH_POSTS_DATABASE_URL", server.url("kith_posts", "s3cret"));
    let said = Said::by(&mut given);
    let fix = said.fix("login of kith_posts", "advice");
    assert!(
        fix.contains("KITH_POSTS_DATABASE_URL") && !fix.contains("SCRAM"),
        "{fix}"
    );
}

#[tokio::test]
async fn roles_that_are_missing_or_may_too_much_are_told_with_the_fix() {
    let server = Server::start().await;
    let owner = server.url("kith_owner", "pa:ss/wörd");
    let command = || {
        let mut command = doctor();
        command.env("DATABASE_URL", &owner);
        command
    };
    let said = Said::by(&mut command());
    assert_eq!(said.seen("role kith_posts", "problem"), "is not there");
    assert_eq!(
        said.seen("login of kith_posts", "unchecked"),
        "the role is not there"
    );
    assert_eq!(said.state("migrations"), "problem");
    let said = Said::by(&mut in_shell(said.fix("role kith_posts", "command"), &command()));
    assert_eq!(said.checks("problem"), ["durability"], "{said:#?}");

    server.administer("ALTER ROLE kith_posts CREATEDB NOLOGIN").await;
    let said = Said::by(&mut command());
    assert_eq!(said.seen("role kith_posts", "problem"), "has NOLOGIN, CREATEDB");
    // A line that lets in no more than it must.
    let advice = said.fix("login of kith_posts", "advice");
    assert!(
        advice.ends_with(": hostssl kith kith_posts <network of this machine> scram-sha-256"),
        "{advice}"
    );
    server.administer(said.fix("role kith_posts", "sql")).await;
    assert_eq!(Said::by(&mut command()).state("role kith_posts"), "ok");
    // Somebody may want it so: nothing to be pasted at once.
    server.administer("GRANT kith_owner TO kith_posts").await;
    let said = Said::by(&mut command());
    assert_eq!(
        said.seen("role kith_posts", "warning"),
        "is a member of kith_owner"
    );
    let fix = said.fix("role kith_posts", "advice");
    let (_, statement) = fix.split_once("as a superuser: ").expect("a statement");
    server.administer(statement).await;
    assert_eq!(Said::by(&mut command()).state("role kith_posts"), "ok");

    server
        .administer("ALTER ROLE kith_posts CONNECTION LIMIT 0")
        .await;
    let said = Said::by(&mut command());
    let seen = said.seen("login of kith_posts", "problem");
    assert!(seen.contains("too many connections for role"), "{seen}");
    let advice = said.fix("login of kith_posts", "advice");
    for cause in ["CONNECTION LIMIT", "max_connections"] {
        assert!(advice.contains(cause), "{cause}: {advice}");
    }
    server
        .administer("ALTER ROLE kith_posts CONNECTION LIMIT -1")
        .await;

    server
        .administer("REVOKE CONNECT ON DATABASE kith FROM PUBLIC, kith_posts")
        .await;
    let said = Said::by(&mut command());
    let seen = said.seen("login of kith_posts", "problem");
    assert!(seen.contains("may not connect"), "{seen}");
    server.administer(said.fix("login of kith_posts", "sql")).await;
    assert_eq!(Said::by(&mut command()).state("login of kith_posts"), "ok");
}

#[tokio::test]
async fn the_step_that_fails_is_told_once() {
    let refused = "postgres://kith_owner@127.0.0.1:1/kith";
    let nameless = "postgres://kith_owner@kith.invalid/kith";
    let database = TestDatabase::create().await;
    let none = database.owner_url().with_database("none_such").expose();
    for (url, seen) in [
        (refused, "nobody answers at "),
        (nameless, "the name of the host in "),
        (&none, "names no database that is there"),
    ] {
        let said = Said::by(doctor().env("KITH_DATABASE_URL", url));
        let said_seen = said.seen("login of owner", "problem");
        assert!(said_seen.contains(seen), "{said_seen}");
        assert_eq!(said.checks("problem"), ["login of owner"], "{said:#?}");
        assert_eq!(
            said.seen("login of kith_posts", "unchecked"),
            "its URL follows from the owner's"
        );
        assert_eq!(said.state("database"), "unchecked");
    }
}

#[tokio::test]
async fn a_database_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let began = Instant::now();
    let url = format!("postgres://kith_owner@127.0.0.1:{port}/kith");
    let said = Said::by(doctor().env("KITH_DATABASE_URL", url));
    let seen = said.seen("login of owner", "problem");
    assert!(seen.starts_with("nobody answers at "), "{seen}");
    // All who log in are given up at the same time.
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[tokio::test]
async fn no_secret_is_printed() {
    let url = |role: &str| format!("postgres://{role}:t0psecret@127.0.0.1:1/kith");
    for mut command in [doctor(), doctor_for_people()] {
        command
            .env("KITH_DATABASE_URL", url("kith_owner"))
            .env("KITH_SIGNING_KEY", "-----BEGIN PRIVATE KEY-----t0psecret");
        for role in Role::ALL {
            command.env(variable(*role), url(role.name()));
        }
        let said = run_command(&mut command);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.stdout.contains("signing keys"), "{said:?}");
        assert!(!format!("{said:?}").contains("t0psecret"), "{said:?}");
    }
}
