//! `kith admin`.

use diesel_async::SimpleAsyncConnection;
use kith_client::Channel;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::identity::v1::{AuthenticateRequest, authenticate_request};
use kith_contracts::social_graph::v1::FollowRequest;

use super::support::{Scratch, Up, kith, path, query, run, run_command};

/// Runs `kith admin`, which must go well, and answers what it printed.
fn admin(up: &Up, arguments: &[&str]) -> String {
    let said = up.run(&[&["admin"], arguments].concat());
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{said:?}");
    said.stdout
}

/// Whether a user can sign in, which makes a session.
async fn signs_in(up: &Up, username: &str) -> bool {
    let mut identity = IdentityServiceClient::<Channel>::new(up.bare_identity());
    let request = AuthenticateRequest {
        identifier: Some(authenticate_request::Identifier::Username(username.to_owned())),
        password: "correct horse".to_owned(),
        ..Default::default()
    };
    identity.authenticate(request).await.is_ok()
}

#[tokio::test]
async fn a_deactivated_user_cannot_sign_in_until_it_is_reactivated() {
    let up = Up::start(&["--ephemeral"]);
    let alice = up.register("alice").await;
    assert_eq!(
        admin(&up, &["deactivate", "ALICE"]),
        format!("alice (user {alice}) is deactivated\n")
    );
    assert!(!signs_in(&up, "alice").await);
    assert_eq!(
        admin(&up, &["reactivate", "alice"]),
        format!("alice (user {alice}) is active\n")
    );
    assert!(signs_in(&up, "alice").await);
}

#[tokio::test]
async fn revoked_sessions_are_counted_and_gone() {
    let up = Up::start(&["--ephemeral"]);
    let alice = up.register("alice").await;
    assert!(signs_in(&up, "alice").await && signs_in(&up, "alice").await);
    for said in ["2 sessions", "0 sessions"] {
        assert_eq!(
            admin(&up, &["revoke-sessions", "alice"]),
            format!("alice (user {alice}) has lost {said}\n")
        );
    }
    let sessions = query(&up.database(), "SELECT id::text AS it FROM identity.sessions").await;
    assert_eq!(sessions, [""; 0]);
}

#[tokio::test]
async fn a_deleted_user_is_gone_and_nobody_is_called_so() {
    let up = Up::start(&["--ephemeral"]);
    let alice = up.register("alice").await;
    assert_eq!(
        admin(&up, &["delete", "alice"]),
        format!("alice (user {alice}) is deleted\n")
    );
    let said = up.run(&["admin", "delete", "alice"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    assert!(
        said.stderr.contains(r#"no user is called "alice""#),
        "{}",
        said.stderr
    );
}

#[tokio::test]
async fn drift_is_found_repaired_and_gone() {
    let (scratch, up) = (Scratch::new("admin-counters"), Up::start(&["--ephemeral"]));
    // More than a page of users.
    let edges: String = (1..=150).map(|user| format!("{user} 0\n")).collect();
    up.run(&["import", "edges", path(&scratch.file("graph.edges", &edges))]);
    let verified = admin(&up, &["verify-counters"]);
    assert!(
        verified.starts_with("users    151 verified, 0 drifted\ntook     "),
        "{verified}"
    );

    let id = query(
        &up.database(),
        "SELECT id::text AS it FROM identity.users WHERE username = 'u0'",
    )
    .await;
    let mut owner = up.database().connect().await.expect("a connection");
    let spoil = format!(
        "UPDATE social_graph.follow_counts SET followers = 7 WHERE user_id = {}",
        id[0]
    );
    owner.batch_execute(&spoil).await.expect("a change");
    let drift = format!(
        "user {}: counted 7 followers, 0 following, 0 friends; \
         there are 150 followers, 0 following, 0 friends\n",
        id[0]
    );

    let found = up.run(&["admin", "verify-counters"]);
    assert_eq!((found.code, found.stderr.as_str()), (Some(3), ""));
    let expected = format!("{drift}users    151 verified, 1 drifted\ntook     ");
    assert!(found.stdout.starts_with(&expected), "{found:?}");
    let repaired = admin(&up, &["repair-counters"]);
    let expected = format!("{drift}users    151 verified, 1 repaired\ntook     ");
    assert!(repaired.starts_with(&expected), "{repaired}");
    let verified = admin(&up, &["verify-counters"]);
    assert!(
        verified.starts_with("users    151 verified, 0 drifted\ntook     "),
        "{verified}"
    );
}

#[tokio::test]
async fn a_user_who_follows_is_deleted_with_its_follows_and_the_counters_stay_right() {
    let up = Up::start(&["--ephemeral"]);
    up.register("alice").await;
    let bob = up.register("bob").await;
    let request = FollowRequest {
        user_id: bob,
        allow_existing: false,
    };
    let mut social_graph = up.social_graph(up.token(&["alice"]));
    social_graph.follow(request).await.expect("a follow");
    admin(&up, &["delete", "alice"]);
    let verified = admin(&up, &["verify-counters"]);
    assert!(
        verified.starts_with("users    1 verified, 0 drifted\ntook     "),
        "{verified}"
    );
}

#[tokio::test]
async fn another_kith_is_reached_by_its_urls_and_a_token_with_the_scope() {
    let up = Up::start(&["--ephemeral"]);
    up.register("alice").await;
    let url = |address: String| format!("http://{address}");
    let deactivate = |scope: &str| {
        let token = up.run(&["token", "--scope", scope]).stdout;
        run_command(
            kith(&["admin", "deactivate", "alice"])
                .args(["--identity-url", &url(up.identity_address())])
                .args(["--social-graph-url", &url(up.social_graph_address())])
                .env("KITH_OPERATOR_TOKEN", token.trim()),
        )
    };
    let said = deactivate("identity.users.delete");
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("SCOPE_MISSING"), "{}", said.stderr);
    let said = deactivate("identity.users.deactivate");
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn what_is_missing_is_told() {
    let scratch = Scratch::new("admin-down");
    let directory = scratch.join("data");
    let said = run(&["admin", "verify-counters", "--data-directory", path(&directory)]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("kith up"), "{}", said.stderr);
    for arguments in [["admin"].as_slice(), &["admin", "delete"], &["admin", "nonsense"]] {
        assert_eq!(run(arguments).code, Some(2), "{arguments:?}");
    }
}
