//! Roles, which a cluster has once, and their settings, which each database has of its own.

use kith_postgres::private::PrivateCluster;
use kith_postgres::{Connection, ServerProblem};
use kith_schema::{
    Bootstrapped, LcMessages, Role, RolePasswords, SchemaError, apply_role_settings, bootstrap, migrate,
};

use crate::support::{Database, connect, execute, strings, url};

/// A cluster without Kith's roles, for tests that make or spoil them.
fn fresh_cluster() -> PrivateCluster {
    PrivateCluster::start_ephemeral().expect("a private PostgreSQL")
}

async fn superuser(cluster: &PrivateCluster) -> Connection {
    connect(&url(&cluster.superuser_url("postgres"))).await
}

#[tokio::test]
async fn databases_that_bootstrap_at_once_share_the_roles() {
    let cluster = fresh_cluster();
    let conn = &mut superuser(&cluster).await;
    for number in 0..8 {
        execute(conn, &format!("CREATE DATABASE kith_{number}")).await;
    }
    let bootstrap = |number| {
        let url = url(&cluster.superuser_url(&format!("kith_{number}")));
        tokio::spawn(async move { bootstrap(&url, &RolePasswords::none()).await })
    };
    // Twice each, so that two change the settings of one database too.
    let outcomes = futures::future::join_all((0..16).map(|task| bootstrap(task % 8))).await;
    let mut created = Vec::new();
    for outcome in outcomes {
        created.extend(outcome.expect("no panic").expect("roles").created);
    }
    created.sort();
    assert_eq!(created, Role::ALL, "each role is created by one of them");
    let settings = "SELECT setdatabase, setrole, setconfig FROM pg_db_role_setting WHERE setdatabase <> 0";
    assert_eq!(
        strings(conn, &format!("SELECT count(*) FROM ({settings}) AS settings")).await,
        [(8 * (1 + Role::ALL.len())).to_string()]
    );
}

#[tokio::test]
async fn passwords_are_for_new_roles_and_reach_the_server_as_verifiers() {
    let cluster = fresh_cluster();
    let owner = url(&cluster.superuser_url("postgres"));
    let passwords = |password: &str| RolePasswords::none().with(Role::Identity, password.to_owned().into());
    let conn = &mut superuser(&cluster).await;
    let stored =
        "SELECT coalesce(rolpassword, 'none') FROM pg_authid WHERE rolname ~ '^kith_' ORDER BY rolname";

    let first = bootstrap(&owner, &passwords("first secret"))
        .await
        .expect("roles");
    assert_eq!(
        first,
        Bootstrapped {
            created: Role::ALL.to_vec(),
            lc_messages: LcMessages::Set
        }
    );
    let before = strings(conn, stored).await;
    assert!(before[0].starts_with("SCRAM-SHA-256$"), "{before:?}");
    assert_eq!(before[1], "none");

    let second = bootstrap(&owner, &passwords("second secret"))
        .await
        .expect("roles");
    assert_eq!(second.created, []);
    assert_eq!(strings(conn, stored).await, before);
}

#[tokio::test]
async fn a_role_with_too_many_rights_is_refused() {
    let cluster = fresh_cluster();
    let conn = &mut superuser(&cluster).await;
    execute(conn, "CREATE ROLE kith_social_graph SUPERUSER NOLOGIN").await;
    let error = bootstrap(&url(&cluster.superuser_url("postgres")), &RolePasswords::none()).await;
    let Err(SchemaError::RoleUnfit { role, unfit }) = error else {
        panic!("{error:?}")
    };
    assert_eq!((role, unfit.as_str()), (Role::SocialGraph, "NOLOGIN, SUPERUSER"));
}

#[tokio::test]
async fn an_owner_who_is_no_superuser_can_do_it_all() {
    let cluster = fresh_cluster();
    let conn = &mut superuser(&cluster).await;
    execute(conn, "CREATE ROLE owner LOGIN CREATEROLE").await;
    execute(conn, "CREATE DATABASE kith OWNER owner").await;
    let owner = url(&cluster.url("owner", "kith"));
    let bootstrapped = bootstrap(&owner, &RolePasswords::none()).await.expect("roles");
    assert_eq!(bootstrapped.lc_messages, LcMessages::NotAllowed);
    migrate(&owner, |_| {}).await.expect("migrations");

    let conn = &mut connect(&owner).await;
    crate::support::make_users(conn, 2).await;
    execute(conn, "INSERT INTO social_graph.follows VALUES (1, 2), (2, 1)").await;
    let identity = &mut connect(&url(&cluster.url("kith_identity", "kith"))).await;
    execute(identity, "DELETE FROM identity.users WHERE id = 1").await;
    assert_eq!(crate::support::broken(conn).await, []);
}

#[tokio::test]
async fn migrating_without_the_roles_says_how_to_make_them() {
    let cluster = fresh_cluster();
    let error = migrate(&url(&cluster.superuser_url("postgres")), |_| {})
        .await
        .expect_err("no roles");
    assert!(
        matches!(error, SchemaError::RoleMissing(Role::Identity)),
        "{error:?}"
    );
    assert!(error.to_string().contains("--bootstrap"), "{error}");
}

#[tokio::test]
async fn a_database_in_another_encoding_is_refused() {
    let database = Database::create("ENCODING LATIN1 LOCALE 'C' TEMPLATE template0").await;
    for error in [
        bootstrap(&database.url(), &RolePasswords::none())
            .await
            .expect_err("LATIN1"),
        migrate(&database.url(), |_| {}).await.expect_err("LATIN1"),
    ] {
        assert!(
            matches!(&error, SchemaError::Unsuitable(ServerProblem::Encoding { encoding, .. }) if encoding == "LATIN1")
        );
    }
}

async fn settings(database: &Database, role: Role) -> Vec<String> {
    let names = "'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout',
        'default_transaction_isolation', 'jit', 'search_path'";
    let query =
        format!("SELECT concat(name, '=', current_setting(name)) FROM unnest(ARRAY[{names}]) AS name");
    strings(&mut database.service(role).await, &query).await
}

#[tokio::test]
async fn a_clone_has_no_settings_until_they_are_applied() {
    let database = Database::cloned().await;
    let serializable = format!(
        "ALTER DATABASE {} SET default_transaction_isolation = 'serializable'",
        database.name
    );
    execute(&mut database.owner().await, &serializable).await;
    let none = [
        "statement_timeout=0",
        "lock_timeout=0",
        "idle_in_transaction_session_timeout=0",
        "default_transaction_isolation=serializable",
        "jit=on",
        r#"search_path="$user", public"#,
    ];
    for role in Role::ALL {
        assert_eq!(settings(&database, *role).await, none);
    }
    apply_role_settings(&mut database.owner().await, &database.name)
        .await
        .expect("settings");
    for role in Role::ALL {
        let expected = [
            "statement_timeout=30s",
            "lock_timeout=10s",
            "idle_in_transaction_session_timeout=5s",
            "default_transaction_isolation=read committed",
            "jit=off",
            &format!("search_path={}", role.schema()),
        ];
        assert_eq!(settings(&database, *role).await, expected);
    }
}

#[tokio::test]
async fn bootstrap_settles_the_language_of_messages() {
    let database = Database::bootstrapped().await;
    assert_eq!(
        strings(
            &mut database.owner().await,
            "SELECT current_setting('lc_messages')"
        )
        .await,
        ["C"]
    );
}

#[tokio::test]
async fn a_database_of_any_name_gets_its_settings() {
    let database = Database::bootstrapped().await;
    let conn = &mut database.owner().await;
    execute(conn, r#"CREATE DATABASE "odd ""name""; --""#).await;
    apply_role_settings(conn, r#"odd "name"; --"#)
        .await
        .expect("settings");
}
