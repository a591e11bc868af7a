//! `kith seed` again: after a kill, in parts, where names are taken; and what it removes.

use std::process::Stdio;

use kith_contracts::social_graph::v1::FollowRequest;

use super::seed::{assert_invariants, id_of, names, seed, volumes};
use super::support::{Said, Scratch, Up, kith, path, query, run};

#[tokio::test(flavor = "multi_thread")]
async fn to_clear_removes_its_own_and_nobody_else() {
    let up = Up::start(&["--ephemeral"]);
    let bystander = up.register("bystander").await;
    let first = seed(&up, &["--only", "users"]);
    let own = id_of(&up, &names(&first)[0]).await;
    let mut graph = up.social_graph(up.token(&["bystander"]));
    graph
        .follow(FollowRequest {
            user_id: own,
            allow_existing: false,
        })
        .await
        .expect("a follow");
    seed(&up, &[]);

    let said = seed(&up, &["--clear"]);
    assert!(said.stdout.starts_with("removed      10 users, "), "{said:?}");
    assert_eq!(names(&said), names(&first));
    let said = seed(&up, &["--clear-only"]);
    assert!(said.stdout.starts_with("removed      10 users, "), "{said:?}");
    assert!(!said.stdout.contains("Calls"), "{said:?}");
    for volume in volumes(&up).await {
        let left = if volume.starts_with("identity.users ") {
            " 1"
        } else {
            " 0"
        };
        assert!(volume.ends_with(left), "{volume}");
    }
    assert_eq!(id_of(&up, "bystander").await, bystander);
    assert_invariants(&up).await;
    let said = seed(&up, &["--clear-only"]);
    assert!(said.stdout.starts_with("nothing was removed"), "{said:?}");
}

// Control: without the look-up before the first is made, four users were made before the name turned out to be taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_the_same_name_is_neither_taken_over_nor_removed() {
    let up = Up::start(&["--ephemeral"]);
    let name = names(&seed(&up, &["--only", "users"])).swap_remove(3);
    seed(&up, &["--clear-only"]);
    let id = up.register(&name).await;
    let said = up.run(&["seed"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{said:?}");
    assert!(
        said.stderr.contains(&name) && said.stderr.contains("--seed"),
        "{said:?}"
    );
    assert_eq!(volumes(&up).await[0], "identity.users 1");
    assert!(
        seed(&up, &["--clear-only"])
            .stdout
            .starts_with("nothing was removed")
    );
    seed(&up, &["--seed", "2", "--only", "users"]);
    seed(&up, &["--clear-only"]);
    assert_eq!(up.who_am_i(up.token(&[&name])).await.user.expect("a user").id, id);
}

// Control: with request ids that differ from run to run, the next one made all posts again.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_is_finished_by_the_next() {
    let up = Up::start(&["--ephemeral"]);
    let directory = up.directory();
    let flags = ["seed", "--users", "12", "--data-directory", path(&directory)];
    for table in ["identity.users", "posts.posts", "messaging.messages"] {
        let mut command = kith(&flags);
        let mut killed = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("kith runs");
        let sql = format!("SELECT 'some' AS it FROM {table} HAVING count(*) > 5");
        while query(&up.database(), &sql).await.is_empty() {
            assert!(
                killed.try_wait().expect("its status").is_none(),
                "ended before {table}"
            );
        }
        killed.kill().expect("to kill it");
        killed.wait().expect("its end");
    }
    seed(&up, &[]);
    let said = seed(&up, &[]);
    assert!(said.stdout.contains("\nnothing new was made"), "{said:?}");
    let volumes = volumes(&up).await;
    assert_eq!(
        (volumes[0].as_str(), volumes[4].as_str()),
        ("identity.users 12", "posts.posts 96")
    );
    assert_invariants(&up).await;
    seed(&up, &["--clear-only"]);
}

#[test]
fn parts_are_made_alone_on_what_they_stand_on() {
    let up = Up::start(&["--ephemeral"]);
    for part in ["graph", "posts", "messages"] {
        let said = up.run(&["seed", "--only", part]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.stderr.contains("seed --only users"), "{said:?}");
    }
    let heads = |said: &Said| -> Vec<String> {
        let (table, _) = said.stdout.split_once("\n\n").expect("a table");
        table
            .lines()
            .map(|line| line.split(' ').next().expect("a word").to_owned())
            .collect()
    };
    assert_eq!(
        heads(&seed(&up, &["--only", "users", "--users", "3", "--seed", "9"])),
        ["users"]
    );
    let said = seed(&up, &["--only", "messages,graph"]);
    assert_eq!(heads(&said), ["follows", "friendships", "requests", "messages"]);
    assert_eq!(
        heads(&seed(&up, &["--only", "graph", "--only", "posts"])).len(),
        6
    );
    let said = up.run(&["seed", "--users", "4"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.stderr.contains("3 users by seed 9 are there already"),
        "{said:?}"
    );
    assert!(said.stderr.contains("--clear"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_network_has_no_passwords() {
    let up = Up::start(&["--ephemeral"]);
    let flags = ["--users", "1001", "--only", "users"];
    let said = seed(&up, &flags);
    assert!(said.stdout.contains("no passwords"), "{said:?}");
    assert!(seed(&up, &flags).stdout.contains("\nnothing new was made"));
    assert_eq!(volumes(&up).await[0], "identity.users 1001");
    let sql = "SELECT count(*)::text AS it FROM identity.profiles WHERE bio <> ''";
    assert_eq!(query(&up.database(), sql).await, ["1001"]);
    assert_eq!(
        query(
            &up.database(),
            "SELECT count(*)::text AS it FROM identity.credentials"
        )
        .await,
        ["0"]
    );
}

#[test]
fn a_mistake_on_the_command_line_is_told_before_anything_is_done() {
    let scratch = Scratch::new("seed-usage");
    let directory = scratch.join("data");
    for flags in [
        ["--users", "1"].as_slice(),
        &["--users", "many"],
        &["--users", "1000001"],
        &["--seed", "-1"],
        &["--only", "likes"],
        &["--clear", "--only", "posts"],
        &["--clear", "--clear-only"],
        &["--clear-only", "--users", "10"],
    ] {
        let all = [&["seed", "--data-directory", path(&directory)], flags].concat();
        assert_eq!(run(&all).code, Some(2), "{flags:?}");
    }
    let said = run(&["seed", "--data-directory", path(&directory)]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("kith is not up on "), "{said:?}");
}
