//! `kith token`.

use super::support::{Scratch, Up, path, run};

#[tokio::test]
async fn a_users_token_is_for_the_user_whatever_the_case_of_the_name() {
    let up = Up::start(&["--ephemeral"]);
    let alice = up.register("alice").await;
    let answer = up.who_am_i(up.token(&["ALICE"])).await;
    assert_eq!(answer.user.expect("a user").id, alice);
}

#[tokio::test]
async fn an_operators_token_has_the_scopes_that_were_asked_for() {
    let up = Up::start(&["--ephemeral"]);
    let answer = up
        .who_am_i(up.token(&["--scope", "identity.users.import", "--scope", "a.b"]))
        .await;
    assert_eq!((answer.service_id, answer.user), (1, None));
    assert_eq!(answer.scopes, ["a.b", "identity.users.import"]);
}

#[test]
fn for_nobody_it_says_how_to_register() {
    let up = Up::start(&["--ephemeral"]);
    let said = up.run(&["token", "mallory"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    let call = format!(
        "{} kith.identity.v1.IdentityService/Register",
        up.identity_address()
    );
    assert!(
        said.stderr.contains(r#"no user is called "mallory""#) && said.stderr.contains(&call),
        "{}",
        said.stderr
    );
}

#[test]
fn where_nothing_is_up_it_says_what_to_start() {
    let scratch = Scratch::new("token-down");
    let directory = scratch.join("data");
    for who in [["token", "alice"].as_slice(), &["token", "--scope", "a.b"]] {
        let said = run(&[who, &["--data-directory", path(&directory)]].concat());
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
        assert!(said.stderr.contains("kith up"), "{}", said.stderr);
    }
}

#[test]
fn it_is_either_a_user_or_scopes() {
    for arguments in [["token"].as_slice(), &["token", "alice", "--scope", "a.b"]] {
        let said = run(arguments);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{said:?}");
    }
}
