use kith_contracts::identity::v1::{
    ListSigningKeysRequest, ListSigningKeysResponse, SigningKey, SigningKeyState,
};
use kith_primitives::UserId;
use kith_testkit::{Caller, TestApp};
use kith_tokens::{Subject, Verifier, VerifyingKeys};
use secrecy::ExposeSecret;
use tonic::{Response, Status};

use crate::signing_keys::listed;
use crate::support::{answer, execute, refusal};

async fn list(
    app: &TestApp,
    page_size: i32,
    page_token: &str,
) -> Result<Response<ListSigningKeysResponse>, Status> {
    let request = ListSigningKeysRequest {
        page_size,
        page_token: page_token.to_owned(),
    };
    app.identity(&app.nobody()).list_signing_keys(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_that_signs_is_listed_for_everybody() {
    let app = TestApp::start().await;
    for page_size in [0, 1, 1000] {
        let page = answer(list(&app, page_size, "").await);
        assert_eq!((page.keys.len(), page.next_page_token.as_str()), (1, ""));
        let key = &page.keys[0];
        assert_eq!(key.key_id, app.issuer().key().key_id());
        assert_eq!(
            (key.algorithm.as_str(), key.state()),
            ("EdDSA", SigningKeyState::Active)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_verify_the_token_of_somebody_who_signed_in() {
    let app = TestApp::start().await;
    let alice = app.registered("alice", "correct horse").await;
    let keys = answer(list(&app, 0, "").await).keys;
    let keys = keys
        .into_iter()
        .map(|key| key.public_key.try_into().expect("32 bytes"));
    let verifier = Verifier::new("kith-test", "kith-test").expect("a verifier");
    let token = alice.token().expect("a token").expose_secret();
    let verified = verifier
        .verify(&VerifyingKeys::new(keys), token)
        .expect("a good token");
    let Subject::User(user) = verified.subject else {
        panic!("no user");
    };
    assert_eq!(user.user_id, UserId::from_database(alice.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_page_is_told_with_all_that_is_wrong() {
    let app = TestApp::start().await;
    let refused = refusal(list(&app, -1, "nonsense").await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument PAGE_SIZE_INVALID [page_size PAGE_SIZE_INVALID, page_token PAGE_TOKEN_INVALID]"
    );
    let refused = refusal(list(&app, 0, "nonsense").await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument PAGE_TOKEN_INVALID [page_token PAGE_TOKEN_INVALID]"
    );
}

// Control: the list ordered by time alone; the retired keys came first, and nothing behind them.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_listed_by_state_then_by_age_in_whatever_pages() {
    let app = TestApp::start().await;
    let active = listed(&app).await.remove(0).key_id;
    let row = |id: &str, age: i32, retired: bool, removed: bool| {
        let time = |is: bool| if is { "now()" } else { "NULL" };
        format!(
            "('{id}', decode(repeat('0{age}', 32), 'hex'), now() - interval '{age} h', {}, {}, {})",
            time(retired),
            time(retired),
            time(removed)
        )
    };
    let rows = [
        row("retired late", 5, true, false),
        row("new", 1, false, false),
        row("removed", 4, false, true),
        row("old", 2, false, false),
        row("retired", 6, true, false),
        row("removed and retired", 7, true, true),
    ];
    let columns = "key_id, public_key, published_at, activated_at, retired_at, removed_at";
    execute(
        &app,
        &format!(
            "INSERT INTO identity.signing_keys ({columns}) VALUES {}",
            rows.join(", ")
        ),
    )
    .await;
    let mut ids = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = answer(list(&app, 1, &page_token).await);
        ids.extend(page.keys.into_iter().map(|key| key.key_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(ids, [active.as_str(), "old", "new", "retired", "retired late"]);
    let states: Vec<_> = listed(&app).await.iter().map(SigningKey::state).collect();
    let (published, retired) = (SigningKeyState::Published, SigningKeyState::Retired);
    assert_eq!(
        states,
        [SigningKeyState::Active, published, published, retired, retired]
    );
}
