//! `kith admin signing-keys`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use kith_contracts::social_graph::v1::GetCountsRequest;
use kith_tokens::{SigningKey, SigningKeys};
use tokio::time::timeout;

use super::support::{Said, Scratch, Up, eventually, path, run};

fn signing_keys(up: &Up, arguments: &[&str]) -> Said {
    up.run(&[&["admin", "signing-keys"], arguments].concat())
}

/// What must go well, and its output.
fn done(said: Said) -> String {
    assert_eq!(said.code, Some(0), "{said:?}");
    said.stdout
}

/// The ids and states that `kith` prints, in their order.
fn keys(printed: &str) -> Vec<(&str, &str)> {
    let columns = |line| {
        let mut words = str::split_whitespace(line);
        (words.next().unwrap_or_default(), words.next().unwrap_or_default())
    };
    printed.lines().skip(1).map(columns).collect()
}

async fn let_two_minutes_pass(up: &Up) {
    let mut owner = up.database().connect().await.expect("a connection");
    let sql = "UPDATE identity.signing_keys SET published_at = published_at - interval '2 minutes'";
    owner.batch_execute(sql).await.expect("a change");
}

/// Makes a key and waits until it is published. Answers its id.
fn publish(up: &Up) -> String {
    let id = done(signing_keys(up, &["new"])).trim_end().to_owned();
    eventually("the key is published", || {
        keys(&done(signing_keys(up, &["list"]))).contains(&(&id, "published"))
    });
    id
}

// Control: `Local::of` that signs with the first key of the file; after the removal nobody could call any more.
#[tokio::test]
async fn a_key_is_made_rotated_to_and_the_old_one_removed_while_calls_go_on() {
    let up = Up::start(&["--ephemeral"]);
    let alice = up.register("alice").await;
    let first = done(signing_keys(&up, &["list"]));
    let [(old, "active")] = keys(&first)[..] else {
        panic!("{first}");
    };
    let new = publish(&up);
    let early = signing_keys(&up, &["rotate"]);
    assert_eq!((early.code, early.stdout.as_str()), (Some(1), ""));
    assert!(early.stderr.contains("SIGNING_KEY_NOT_READY: "), "{early:?}");

    let_two_minutes_pass(&up).await;
    let before = up.token(&["alice"]);
    let rotated = done(signing_keys(&up, &["rotate"]));
    assert_eq!(keys(&rotated), [(new.as_str(), "active"), (old, "retired")]);
    let in_use = signing_keys(&up, &["remove", old]);
    assert_eq!((in_use.code, in_use.stdout.as_str()), (Some(1), ""));
    assert!(in_use.stderr.contains("SIGNING_KEY_IN_USE: "), "{in_use:?}");
    assert_eq!(up.who_am_i(before.clone()).await.user.expect("a user").id, alice);

    let removed = done(signing_keys(&up, &["remove", "--emergency", old]));
    assert_eq!(keys(&removed), [(new.as_str(), "active")]);
    let token = up.token(&["alice"]);
    assert_eq!(up.who_am_i(token.clone()).await.user.expect("a user").id, alice);
    // The two minutes in which social-graph would have learnt of the key passed in the database alone.
    let request = GetCountsRequest { user_id: alice };
    let taken = async { while up.social_graph(token.clone()).get_counts(request).await.is_err() {} };
    timeout(Duration::from_secs(60), taken)
        .await
        .expect("social-graph takes it");
}

#[test]
fn an_id_may_begin_with_a_hyphen() {
    let up = Up::start(&["--ephemeral"]);
    for arguments in [
        ["remove", "-A_b", "--emergency"],
        ["remove", "--emergency", "-A_b"],
    ] {
        let said = signing_keys(&up, &arguments);
        assert!(said.stderr.contains("SIGNING_KEY_NOT_FOUND: "), "{said:?}");
    }
}

#[test]
fn keys_are_for_their_owner_alone_and_there_again_after_a_restart() {
    let scratch = Scratch::new("signing-keys");
    let directory = scratch.join("data");
    let up = Up::on(&directory);
    let new = publish(&up);
    let listed = done(signing_keys(&up, &["list"]));
    up.stop();
    let file = directory.join("signing-key.pem");
    let mode = fs::metadata(&file).expect("the keys").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let pem = fs::read_to_string(&file).expect("the keys");
    let held = SigningKeys::from_pem(&pem).expect("keys");
    assert_eq!(held.iter().count(), 2);
    assert!(held.find(&new).is_some());
    assert_eq!(done(signing_keys(&Up::on(&directory), &["list"])), listed);
}

#[test]
fn a_key_that_is_printed_is_kept_nowhere() {
    let scratch = Scratch::new("signing-key-printed");
    let directory = scratch.join("data");
    let arguments = [
        "admin",
        "signing-keys",
        "new",
        "--print",
        "--data-directory",
        path(&directory),
    ];
    let printed = done(run(&arguments));
    SigningKey::from_pem(&printed).expect("a key");
    assert!(!directory.exists());
}

#[test]
fn where_there_is_no_key_yet_it_says_what_makes_the_first() {
    let scratch = Scratch::new("signing-key-first");
    let directory = scratch.join("data");
    let said = run(&[
        "admin",
        "signing-keys",
        "new",
        "--data-directory",
        path(&directory),
    ]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    assert!(said.stderr.contains("/kith up --data-directory "), "{said:?}");
}
