use kith_contracts::identity::v1::{ListSigningKeysRequest, ListSigningKeysResponse, SigningKeyState};
use kith_primitives::UserId;
use kith_testkit::{Caller, TestApp};
use kith_tokens::{Subject, Verifier, VerifyingKeys};
use secrecy::ExposeSecret;
use tonic::{Response, Status};

use crate::support::{answer, refusal};

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
