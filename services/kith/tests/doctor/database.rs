//! What is in the database: clock, migrations, rights, settings of roles, keys.

use std::fs;
use std::path::Path;

use diesel_async::SimpleAsyncConnection;
use kith_postgres::DatabaseUrl;
use kith_postgres::private::SUPERUSER;
use kith_schema::Role;
use kith_testkit::{OWNER, TestDatabase, cluster};
use kith_tokens::SigningKey;
use secrecy::ExposeSecret;

use super::scene::{Said, doctor, doctor_for_people, in_shell, paste, said_of, with_urls};
use crate::support::{Scratch, Up, kith, query, run_command};

fn superuser(database: &str) -> DatabaseUrl {
    DatabaseUrl::parse(&cluster().url(SUPERUSER, database)).expect("a URL")
}

// Positive control of every test here: each breaks one thing of such a setup, and the line of that thing turns.
#[tokio::test]
async fn a_healthy_setup_has_no_problem() {
    let scratch = Scratch::new("healthy");
    let up = Up::on(&scratch.join("data"));
    let mut of_directory = kith(&["doctor", "--format", "json"]);
    of_directory.env("KITH_DATA_DIRECTORY", scratch.join("data"));
    let mut of_url = doctor();
    of_url
        .env("DATABASE_URL", up.database().expose())
        .env("KITH_SIGNING_KEY_FILE", scratch.join("data/signing-key.pem"));
    for command in [&mut of_directory, &mut of_url] {
        let said = Said::by(command);
        assert_eq!(said.code, Some(0), "{said:#?}");
        for check in [
            "clock",
            "lock table",
            "migrations",
            "active signing key",
            "rights of kith_posts",
        ] {
            assert_eq!(said.state(check), "ok", "{said:#?}");
        }
        assert_eq!(said.checks("unchecked"), [""; 0], "{said:#?}");
    }
    let said = Said::by(&mut of_directory);
    assert!(said.seen("address of posts", "ok").ends_with("already: SERVING"));
    // A Kith that serves something else there is in the way like anybody else. Control: any program `kith…` that holds it was
    // taken for the service.
    let posts = said
        .seen("address of posts", "ok")
        .split(' ')
        .next()
        .expect("an address");
    let said = Said::by(of_url.env("KITH_IDENTITY_LISTEN_ADDRESS", posts));
    let seen = said.seen("address of identity", "problem");
    assert!(
        seen.starts_with(&format!("{posts} is in use by process "))
            && seen.ends_with("whose health knows no identity"),
        "{seen}"
    );
    up.stop();
    let said = Said::by(&mut of_directory);
    assert_eq!(said.checks("problem"), [""; 0]);
    let seen = said.seen("private PostgreSQL", "unchecked");
    assert!(
        seen.contains("kith is not up on ") && seen.contains(" up --data-directory "),
        "{seen}"
    );
}

#[tokio::test]
async fn a_clock_that_is_off_is_told_with_its_distance_and_direction() {
    let database = TestDatabase::create().await;
    let name = database.name();
    for (shift, state, seen) in [
        ("60 seconds", "problem", " s behind the database's"),
        ("-60 seconds", "problem", " s ahead of the database's"),
        ("0 seconds", "ok", "within "),
    ] {
        // In front of PostgreSQL's own function stands one that is wrong by so much.
        let sql = format!(
            "CREATE SCHEMA IF NOT EXISTS shifted;
            CREATE OR REPLACE FUNCTION shifted.clock_timestamp() RETURNS timestamptz LANGUAGE sql
                AS 'SELECT pg_catalog.clock_timestamp() + interval ''{shift}''';
            ALTER ROLE {OWNER} IN DATABASE {name} SET search_path = shifted, pg_catalog"
        );
        let mut owner = database.owner().await;
        owner.batch_execute(&sql).await.expect("another clock");
        let said = said_of(&database);
        let said_seen = said.seen("clock", state);
        assert!(said_seen.contains(seen), "{said_seen}");
        if state == "problem" {
            let seconds: f64 = said_seen
                .split(' ')
                .next()
                .and_then(|text| text.parse().ok())
                .expect("seconds");
            // It took some time to ask.
            assert!((50.0..=60.0).contains(&seconds), "{said_seen}");
            assert_eq!(said.fix("clock", "command"), "timedatectl set-ntp true");
        }
    }
}

#[tokio::test]
async fn a_missing_migration_is_named_and_the_fix_applies_it() {
    let database = TestDatabase::create().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/schema/migrations");
    let folders = fs::read_dir(&folder).expect("migrations").flatten();
    let mut names: Vec<_> = folders
        .filter_map(|entry| {
            entry
                .path()
                .is_dir()
                .then(|| entry.file_name().into_string().expect("a name"))
        })
        .collect();
    names.sort();
    let last = names.last().expect("a migration");
    let down = fs::read_to_string(folder.join(last).join("down.sql")).expect("a way down");
    let version: String = last.split('_').next().expect("a version").replace('-', "");
    let mut owner = database.owner().await;
    owner
        .batch_execute(&format!(
            "{down}; DELETE FROM public.__diesel_schema_migrations WHERE version = '{version}'"
        ))
        .await
        .expect("the database as it was before");

    let said = said_of(&database);
    assert_eq!(said.seen("migrations", "problem"), format!("missing: {last}"));
    let then = with_urls(doctor(), &database);
    let said = Said::by(&mut in_shell(said.fix("migrations", "command"), &then));
    assert_eq!(said.state("migrations"), "ok");
}

// Control: `Session::ask` without its time limit and no statement_timeout; the doctor waited for the lock.
#[tokio::test]
async fn a_question_that_is_not_answered_is_given_up_and_the_others_are_asked() {
    let database = TestDatabase::create().await;
    let mut holder = database.owner().await;
    let sql = "BEGIN; LOCK TABLE public.__diesel_schema_migrations IN ACCESS EXCLUSIVE MODE";
    holder.batch_execute(sql).await.expect("a lock");
    let said = said_of(&database);
    assert_eq!(
        said.seen("migrations", "unchecked"),
        "canceling statement due to statement timeout"
    );
    assert_eq!(said.state("schema and rights"), "unchecked");
    assert_eq!(
        (said.state("clock"), said.state("login of kith_posts")),
        ("ok", "ok")
    );
    // The session of a service has no such limit here: the doctor gives up by itself.
    let mut command = doctor();
    command.env("KITH_POSTS_DATABASE_URL", database.url(Role::Posts).expose());
    let said = Said::by(&mut command);
    assert_eq!(
        said.seen("migrations", "unchecked"),
        "the database did not answer within 5 s"
    );
    assert_eq!(
        said.seen("login of kith_posts", "unchecked"),
        "the database has stopped answering"
    );
}

#[tokio::test]
async fn a_migration_of_a_newer_build_is_a_warning() {
    let database = TestDatabase::create().await;
    let sql = "INSERT INTO public.__diesel_schema_migrations (version) VALUES ('99991231000001')";
    database
        .owner()
        .await
        .batch_execute(sql)
        .await
        .expect("a newer one");
    let said = said_of(&database);
    let seen = said.seen("migrations", "warning");
    assert!(seen.contains("99991231000001"), "{seen}");
}

#[tokio::test]
async fn rights_that_are_missing_or_too_many_are_told_with_the_statements() {
    let database = TestDatabase::create().await;
    let check = "rights of kith_posts";
    for (sql, state, seen) in [
        (
            "REVOKE SELECT, DELETE ON posts.likes FROM kith_posts",
            "problem",
            "lacks DELETE on posts.likes and 1 more",
        ),
        (
            "REVOKE UPDATE (content) ON posts.posts FROM kith_posts",
            "problem",
            "lacks UPDATE on posts.posts (content)",
        ),
        (
            "REVOKE USAGE ON SCHEMA identity FROM kith_posts",
            "problem",
            "lacks USAGE on schema identity",
        ),
        (
            "GRANT SELECT ON identity.users TO kith_posts",
            "warning",
            "has SELECT on identity.users, which no migration gave it",
        ),
    ] {
        database.owner().await.batch_execute(sql).await.expect(sql);
        let said = said_of(&database);
        assert_eq!(said.seen(check, state), seen);
        paste(&database.owner_url(), said.fix(check, "sql")).await;
        assert_eq!(said_of(&database).state(check), "ok", "{sql}");
    }
}

// Control: a look at the grants to the services' roles alone was well.
#[tokio::test]
async fn rights_of_everybody_are_told_and_those_too_many_beside_those_that_are_missing() {
    let database = TestDatabase::create().await;
    let sql = "GRANT SELECT, UPDATE (content) ON posts.posts TO PUBLIC;
        GRANT USAGE ON SCHEMA posts TO PUBLIC;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA posts TO PUBLIC;
        REVOKE DELETE ON posts.likes FROM kith_posts;
        GRANT TRUNCATE ON posts.likes TO kith_posts";
    database.owner().await.batch_execute(sql).await.expect(sql);
    let said = said_of(&database);
    let (everybody, posts) = ("rights of everybody", "rights of kith_posts");
    let seen = said.seen(everybody, "warning");
    assert!(seen.starts_with("PUBLIC has EXECUTE on posts."), "{seen}");
    for object in ["posts.posts", "SCHEMA posts"] {
        let statement = format!(" ON {object} FROM PUBLIC;");
        assert!(said.fix(everybody, "sql").contains(&statement), "{said:#?}");
    }
    paste(&database.owner_url(), said.fix(everybody, "sql")).await;
    assert!(
        said.checks("problem").contains(&posts) && said.checks("warning").contains(&posts),
        "{said:#?}"
    );
    paste(&database.owner_url(), said.fix(posts, "sql")).await;
    let said = said_of(&database);
    assert_eq!(said.state(everybody), "ok");
    assert_eq!(
        said.seen(posts, "warning"),
        "has TRUNCATE on posts.likes, which no migration gave it"
    );
}

#[tokio::test]
async fn settings_of_a_role_that_are_not_in_force_are_told_with_the_statements() {
    let database = TestDatabase::create().await;
    let (name, check) = (database.name(), "settings of kith_messaging");
    let sql = format!(
        "ALTER ROLE kith_messaging IN DATABASE {name} RESET ALL;
        ALTER ROLE kith_messaging IN DATABASE {name} SET statement_timeout = '7s'"
    );
    database
        .owner()
        .await
        .batch_execute(&sql)
        .await
        .expect("other settings");
    let said = said_of(&database);
    let seen = said.seen(check, "problem");
    assert!(
        seen.contains(r#"statement_timeout is "7s" and not "30s""#),
        "{seen}"
    );
    assert!(seen.contains("search_path is "), "{seen}");
    paste(&database.owner_url(), said.fix(check, "sql")).await;
    assert_eq!(said_of(&database).state(check), "ok");
}

#[tokio::test]
async fn what_the_schema_has_and_is_not_in_force_is_told_with_the_statements() {
    let database = TestDatabase::create().await;
    let sql = "ALTER TABLE posts.likes DISABLE TRIGGER ALL";
    let mut superuser = superuser(database.name()).connect().await.expect("a connection");
    superuser.batch_execute(sql).await.expect(sql);
    let said = said_of(&database);
    let seen = said.seen("schema", "problem");
    assert!(seen.contains(" of posts.likes is off"), "{seen}");
    paste(&self::superuser(database.name()), said.fix("schema", "sql")).await;
    assert_eq!(said_of(&database).state("schema"), "ok");
}

#[tokio::test]
async fn an_active_key_that_is_not_given_is_named() {
    let (database, scratch) = (TestDatabase::create().await, Scratch::new("keys"));
    let [lost, given] = [(), ()].map(|()| SigningKey::generate().expect("a key"));
    let file = scratch.file("keys.pem", given.to_pem().expose_secret());
    let bytes = lost.public_key().map(|byte| format!("{byte:02x}")).concat();
    let sql = format!(
        r"INSERT INTO identity.signing_keys (key_id, public_key, activated_at) VALUES ('{}', '\x{bytes}', now())",
        lost.key_id()
    );
    database.owner().await.batch_execute(&sql).await.expect("a key");
    let ask = || Said::by(with_urls(doctor(), &database).env("KITH_SIGNING_KEY_FILE", &file));
    let said = ask();
    let seen = said.seen("active signing key", "problem");
    assert_eq!(
        seen,
        format!("{} is not among the keys that are given", lost.key_id())
    );
    // Nothing to be pasted at once: what it signed would be good no more.
    let fix = said.fix("active signing key", "advice");
    let (first, statement) = fix.split_once(" as the owner: ").expect("a statement");
    assert!(
        first.starts_with("mount that key ") && first.contains("only if it is lost for good"),
        "{fix}"
    );
    paste(&database.owner_url(), statement).await;
    assert_eq!(ask().state("active signing key"), "ok");
}

#[tokio::test]
async fn a_service_alone_is_looked_at_with_its_own_rights() {
    let database = TestDatabase::create().await;
    let mut command = doctor();
    command.env("KITH_POSTS_DATABASE_URL", database.url(Role::Posts).expose());
    let said = Said::by(&mut command);
    // The cluster of the tests forgets on purpose.
    assert_eq!(said.checks("problem"), ["durability"], "{said:#?}");
    assert_eq!(said.checks("unchecked"), ["login of owner"], "{said:#?}");
    assert_eq!(said.state("login of kith_posts"), "ok");
    assert!(!said.checks("ok").contains(&"address of messaging"), "{said:#?}");
}

#[tokio::test]
async fn what_people_read_is_a_line_for_each_finding_with_the_fix_below() {
    let database = TestDatabase::create().await;
    let sql = "REVOKE DELETE ON posts.likes FROM kith_posts";
    database.owner().await.batch_execute(sql).await.expect(sql);
    let said = run_command(&mut with_urls(doctor_for_people(), &database));
    assert_eq!((said.code, said.stderr.as_str()), (Some(1), ""));
    assert!(
        said.stdout.contains(
            "problem  rights of kith_posts            lacks DELETE on posts.likes; its calls would fail as INTERNAL
         fix, SQL as the owner:
           GRANT DELETE ON posts.likes TO kith_posts;\n"
        ),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains("\n2 problems, "), "{}", said.stdout);
    assert_eq!(
        query(&database.owner_url(), "SELECT 'unchanged' AS it").await,
        ["unchanged"]
    );
}
