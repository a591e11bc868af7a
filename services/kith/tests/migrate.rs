//! `kith migrate`.

use std::process::Command;

use kith_postgres::private::PrivateCluster;

use super::support::{Said, kith, run, run_command};

fn migrate(cluster: &PrivateCluster, arguments: &[&str]) -> Said {
    let command: &mut Command = &mut kith(&["migrate"]);
    run_command(
        command
            .args(arguments)
            .env("DATABASE_URL", cluster.superuser_url("postgres")),
    )
}

#[test]
fn it_says_what_it_applied_and_then_that_nothing_is_pending() {
    let cluster = PrivateCluster::start_ephemeral().expect("a PostgreSQL");
    let said = migrate(&cluster, &[]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr.contains("kith migrate --bootstrap"),
        "{}",
        said.stderr
    );

    let said = migrate(&cluster, &["--bootstrap"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(
        said.stderr.contains("created role kith_identity\n"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr
            .contains("applied migration 2026-11-20-000001_foundation\n"),
        "{}",
        said.stderr
    );
    assert!(
        said.stdout
            .contains("migrations were applied to postgres://postgres@"),
        "{}",
        said.stdout
    );

    let said = migrate(&cluster, &[]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    assert!(
        said.stdout.starts_with("no migration was pending on "),
        "{}",
        said.stdout
    );
}

#[test]
fn without_a_database_it_names_the_setting() {
    let said = run(&["migrate"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("DATABASE_URL"), "{}", said.stderr);
}
