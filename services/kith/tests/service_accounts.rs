//! `kith admin service-accounts`.

use kith_client::BearerToken;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::identity::v1::{
    IssueServiceTokenRequest, IssueServiceTokenResponse, ListUsersRequest, WhoAmIRequest,
};
use tonic::{Request, Status};

use super::support::{Said, Up, full, kith, run, run_command};

fn service_accounts(up: &Up, arguments: &[&str]) -> Said {
    up.run(&[&["admin", "service-accounts"], arguments].concat())
}

/// Runs a command that hands out a secret, and answers the secret and what was said beside it.
fn secret_of(up: &Up, arguments: &[&str]) -> (String, String) {
    let said = service_accounts(up, arguments);
    assert_eq!(said.code, Some(0), "{said:?}");
    let secret = said.stdout.strip_suffix('\n').expect("a line").to_owned();
    assert!(
        secret.starts_with("kiths_") && !secret.contains(char::is_whitespace),
        "{secret:?}"
    );
    assert!(!said.stderr.contains(&secret), "{}", said.stderr);
    (secret, said.stderr)
}

async fn issue(up: &Up, secret: &str) -> Result<IssueServiceTokenResponse, Status> {
    let request = IssueServiceTokenRequest {
        name: "feed".to_owned(),
        secret: secret.to_owned(),
    };
    let mut identity = IdentityServiceClient::new(up.bare_identity());
    Ok(identity.issue_service_token(request).await?.into_inner())
}

fn bearer(token: &str) -> BearerToken {
    BearerToken::new(&token.to_owned().into()).expect("a token")
}

async fn is_good(up: &Up, secret: &str) -> bool {
    match issue(up, secret).await {
        Ok(_) => true,
        Err(status) => {
            assert!(status.message().starts_with("CREDENTIALS_INVALID"), "{status}");
            false
        }
    }
}

#[tokio::test]
async fn a_service_calls_as_itself_and_for_a_user_until_it_is_revoked() {
    let up = Up::start(&["--ephemeral"]);
    let alice = up.register("alice").await;
    let (secret, said) = secret_of(&up, &["create", "feed", "--scope", "identity.accounts.read"]);
    assert!(said.starts_with("feed (service 2) is made"), "{said}");

    let issued = issue(&up, &secret).await.expect("a token");
    let itself = up.who_am_i(bearer(&issued.access_token)).await;
    assert_eq!(
        (itself.service_id, itself.scopes),
        (2, vec!["identity.accounts.read".to_owned()])
    );
    let list = ListUsersRequest::default();
    let mut identity = up.identity(bearer(&issued.access_token));
    identity
        .list_users(list.clone())
        .await
        .expect("what its scope allows");

    let mut identity = up.identity(up.token(&["alice"]));
    let for_alice = |message| {
        let mut request = Request::new(message);
        let service = format!("Bearer {}", issued.access_token).parse().expect("ASCII");
        request
            .metadata_mut()
            .insert("x-kith-service-authorization", service);
        request
    };
    let who = identity
        .who_am_i(for_alice(WhoAmIRequest {}))
        .await
        .expect("an answer")
        .into_inner();
    assert_eq!((who.user.map(|user| user.id), who.service_id), (Some(alice), 2));
    let mut through = Request::new(list);
    *through.metadata_mut() = for_alice(WhoAmIRequest {}).metadata().clone();
    let refused = identity
        .list_users(through)
        .await
        .expect_err("users may not, with or without a service");
    assert!(refused.message().starts_with("CALLER_NOT_ALLOWED"), "{refused}");

    let revoked = service_accounts(&up, &["revoke", "2"]);
    assert_eq!(
        (revoked.code, revoked.stdout.as_str()),
        (Some(0), "feed (service 2) is revoked\n")
    );
    assert!(!is_good(&up, &secret).await);
    assert_eq!(up.who_am_i(bearer(&issued.access_token)).await.service_id, 2);
    let rotated = service_accounts(&up, &["rotate-secret", "feed"]);
    assert_eq!((rotated.code, rotated.stdout.as_str()), (Some(1), ""));
    assert!(
        rotated.stderr.contains("SERVICE_ACCOUNT_REVOKED"),
        "{}",
        rotated.stderr
    );
}

#[tokio::test]
async fn a_new_secret_ends_the_old_one() {
    let up = Up::start(&["--ephemeral"]);
    let (old, _) = secret_of(&up, &["create", "feed"]);
    let (new, said) = secret_of(&up, &["rotate-secret", "feed"]);
    assert!(said.starts_with("feed (service 2) has a new secret"), "{said}");
    assert!(is_good(&up, &new).await && !is_good(&up, &old).await);
}

#[tokio::test]
async fn the_list_has_all_accounts_newest_first_and_no_secret() {
    let up = Up::start(&["--ephemeral"]);
    // More than a page.
    let make = "INSERT INTO identity.service_accounts (name, scopes, secret_hash)
        SELECT 's-' || number, '{identity.accounts.read,identity.users.import}', sha256(number::text::bytea)
        FROM generate_series(1, 51) AS number RETURNING name AS it";
    super::support::query(&up.database(), make).await;
    let (secret, _) = secret_of(&up, &["create", "feed"]);
    let said = service_accounts(&up, &["list"]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    assert!(!said.stdout.contains(&secret), "{}", said.stdout);
    let lines: Vec<Vec<&str>> = said
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        (lines.len(), lines[0][0], &lines[1][..2]),
        (53, "ID", ["53", "feed"].as_slice())
    );
    assert_eq!(lines[2][5..], ["identity.accounts.read", "identity.users.import"]);
}

#[tokio::test]
async fn what_is_wrong_is_told_and_nothing_is_made() {
    let up = Up::start(&["--ephemeral"]);
    let refusals: [(&[&str], &str); 4] = [
        (
            &["create", "feed", "--scope", "identity.users.imports"],
            "SCOPE_UNKNOWN",
        ),
        (&["create", "A feed"], "FIELD_MALFORMED"),
        (
            &["rotate-secret", "feed"],
            r#"no service account has the name or id "feed""#,
        ),
        (&["revoke", "1"], r#"no service account has the name or id "1""#),
    ];
    for (arguments, told) in refusals {
        let said = service_accounts(&up, arguments);
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{said:?}");
        assert!(said.stderr.contains(told), "{}", said.stderr);
    }
    assert_eq!(service_accounts(&up, &["list"]).stdout.lines().count(), 1);
    for arguments in [["create"].as_slice(), &["revoke"], &[], &["nonsense"]] {
        let said = run(&[&["admin", "service-accounts"], arguments].concat());
        assert_eq!(said.code, Some(2), "{arguments:?}");
    }
}

/// The account is there then, so there must be a way to a secret.
#[tokio::test]
async fn a_secret_that_cannot_be_written_is_followed_by_how_to_get_another() {
    let up = Up::start(&["--ephemeral"]);
    let directory = up.directory();
    let mut create = kith(&["admin", "service-accounts", "create", "feed", "--data-directory"]);
    let child = create
        .arg(directory)
        .stdout(full())
        .stderr(std::process::Stdio::piped())
        .spawn();
    let ended = child.expect("kith runs").wait_with_output().expect("its end");
    let told = String::from_utf8(ended.stderr).expect("text");
    assert_eq!(ended.status.code(), Some(1));
    assert!(told.contains("get another with rotate-secret 2"), "{told}");
    let (secret, _) = secret_of(&up, &["rotate-secret", "2"]);
    assert!(is_good(&up, &secret).await);
}

#[tokio::test]
async fn another_kith_is_reached_by_its_urls_and_a_token_with_the_scope() {
    let up = Up::start(&["--ephemeral"]);
    let create = |scope: &str| {
        let token = up.run(&["token", "--scope", scope]).stdout;
        run_command(
            kith(&["admin", "service-accounts", "create", "feed"])
                .args(["--identity-url", &format!("http://{}", up.identity_address())])
                .args([
                    "--social-graph-url",
                    &format!("http://{}", up.social_graph_address()),
                ])
                .env("KITH_OPERATOR_TOKEN", token.trim()),
        )
    };
    let said = create("identity.accounts.read");
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    assert!(said.stderr.contains("SCOPE_MISSING"), "{}", said.stderr);
    let said = create("identity.services.manage");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(is_good(&up, said.stdout.trim()).await);
}
