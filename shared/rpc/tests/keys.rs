//! Keys that come from identity, again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kith_client::{Builder, TlsFiles};
use kith_contracts::identity::v1::ListSigningKeysRequest;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::social_graph::v1::GetFollowRequest;
use kith_primitives::{Failure, Reason, UserId};
use kith_rpc::{KeyRefresh, Readiness, refresh_keys};
use kith_tokens::{Issuer, SharedKeys, SigningKey};
use secrecy::ExposeSecret;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};

use crate::harness::{Authority, ISSUER, Identity, Mount, TestServer, refused, soon, with};

/// A server that takes its keys from an identity of ours, and somebody who fetches them.
struct Fetching {
    server: TestServer,
    identity: Identity,
    readiness: Readiness,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
    _identity_server: TestServer,
}

impl Fetching {
    async fn start(identity: Identity) -> Self {
        Self::start_with(KeyRefresh::every(Duration::from_millis(1)), identity).await
    }

    async fn start_with(refresh: KeyRefresh, identity: Identity) -> Self {
        let identity_server = TestServer::of_identity(&identity).await;
        let keys = SharedKeys::new();
        let server = TestServer::start_with(|options| options.keys = Some(keys.clone())).await;
        let (readiness, shutdown) = (Readiness::new(), CancellationToken::new());
        let latch = readiness.latch("signing keys");
        let channel = kith_client::channel(&format!("http://{}", identity_server.address)).expect("a URL");
        let task = refresh_keys(refresh, channel, keys, latch, shutdown.clone());
        Self {
            server,
            identity,
            readiness,
            shutdown,
            task: tokio::spawn(task),
            _identity_server: identity_server,
        }
    }

    /// Calls with a token of `key`.
    async fn call(&self, key: &SigningKey) -> Result<(), Status> {
        let issuer = Issuer::new(key.clone(), ISSUER, ISSUER).expect("our provider");
        let token = issuer
            .user(UserId::from_database(7), "session")
            .expect("a token")
            .token;
        let value = format!("Bearer {}", token.expose_secret());
        let request = with(Request::new(GetFollowRequest::default()), "authorization", &value);
        self.server
            .connect()
            .await
            .graph()
            .get_follow(request)
            .await
            .map(drop)
    }
}

fn keys() -> (SigningKey, SigningKey) {
    let key = || SigningKey::generate().expect("random");
    (key(), key())
}

fn failure() -> Failure {
    Failure::new(Reason::DatabaseUnavailable, "planned")
}

// Control: `fetch` that reads the first page only; the second key's token was refused.
#[tokio::test]
async fn all_keys_of_all_pages_are_fetched_and_the_latch_is_set() {
    let (first, second) = keys();
    let public = vec![first.public_key(), second.public_key()];
    let fetching = Fetching::start(Identity::new(move || Ok(public.clone()))).await;
    soon(fetching.readiness.ready()).await;
    fetching.call(&first).await.expect("the first key");
    fetching.call(&second).await.expect("the second key");
}

// Control: `refresh` that ends at a failure; it was never ready.
#[tokio::test]
async fn a_failed_fetch_is_tried_again() {
    let fetching = Fetching::start(Identity::new(|| Err(failure()))).await;
    fetching.identity.fetched_anew().await;
    assert!(!fetching.readiness.is_ready());
    let (key, _) = keys();
    let public = key.public_key();
    fetching.identity.list(move || Ok(vec![public]));
    soon(fetching.readiness.ready()).await;
    fetching.call(&key).await.expect("the key");
}

// Control: `replace` left out after the first time; the removed key's token was taken.
#[tokio::test]
async fn new_keys_replace_the_old_ones() {
    let (old, new) = keys();
    let public = old.public_key();
    let fetching = Fetching::start(Identity::new(move || Ok(vec![public]))).await;
    soon(fetching.readiness.ready()).await;
    fetching.call(&old).await.expect("the old key");
    let public = new.public_key();
    fetching.identity.list(move || Ok(vec![public]));
    fetching.identity.fetched_anew().await;
    fetching.call(&new).await.expect("the new key");
    let status = fetching.call(&old).await.expect_err("the old key");
    refused(&status, Code::Unauthenticated, "TOKEN_INVALID");
}

/// Never again within a test, unless somebody asks for it.
const HOURLY: Duration = Duration::from_secs(60 * 60);

// Control: `want_news` never called; the new key was refused until the test gave up.
#[tokio::test]
async fn a_token_of_an_unknown_key_has_the_keys_fetched_early() {
    let (old, new) = keys();
    let public = old.public_key();
    let refresh = KeyRefresh {
        interval: HOURLY,
        early_gap: Duration::ZERO,
    };
    let fetching = Fetching::start_with(refresh, Identity::new(move || Ok(vec![public]))).await;
    soon(fetching.readiness.ready()).await;
    let public = new.public_key();
    fetching.identity.list(move || Ok(vec![public]));
    let status = fetching.call(&new).await.expect_err("not known yet");
    refused(&status, Code::Unauthenticated, "TOKEN_INVALID");
    soon(async { while fetching.call(&new).await.is_err() {} }).await;
}

// Control: `early` without its `sleep_until`; identity was asked 101 times.
#[tokio::test]
async fn unknown_keys_do_not_make_a_service_hammer_identity() {
    let (known, made_up) = keys();
    let (public, asked) = (known.public_key(), Arc::new(AtomicUsize::new(0)));
    let refresh = KeyRefresh {
        interval: HOURLY,
        early_gap: HOURLY,
    };
    let count = Arc::clone(&asked);
    let identity = Identity::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(vec![public])
    });
    let fetching = Fetching::start_with(refresh, identity).await;
    soon(fetching.readiness.ready()).await;
    for _ in 0..100 {
        fetching.call(&made_up).await.expect_err("not known");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn keys_outlive_an_identity_that_fails() {
    let (key, _) = keys();
    let public = key.public_key();
    let fetching = Fetching::start(Identity::new(move || Ok(vec![public]))).await;
    soon(fetching.readiness.ready()).await;
    fetching.identity.list(|| Err(failure()));
    fetching.identity.fetched_anew().await;
    assert!(fetching.readiness.is_ready());
    fetching.call(&key).await.expect("the key");
}

// Control: the latch set for any answer; the service was ready without a key.
#[tokio::test]
async fn without_any_key_a_service_is_not_ready() {
    let (key, _) = keys();
    let public = key.public_key();
    let fetching = Fetching::start(Identity::new(move || Ok(vec![public]))).await;
    soon(fetching.readiness.ready()).await;
    fetching.identity.list(|| Ok(Vec::new()));
    fetching.identity.fetched_anew().await;
    assert!(!fetching.readiness.is_ready());
}

#[tokio::test]
async fn fetching_ends_at_shutdown() {
    let fetching = Fetching::start(Identity::new(|| Err(failure()))).await;
    fetching.shutdown.cancel();
    soon(fetching.task).await.expect("no panic");
}

#[tokio::test]
async fn keys_come_over_mutual_tls_and_not_to_strangers() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let (pair, client_ca) = (authority.pair(), clients.pem());
    let server_files = Mount::of(&[pair.files().as_slice(), &[("ca.crt", &client_ca)]].concat());
    let (own, server_ca) = (clients.pair(), authority.pem());
    let client_files = Mount::of(&[own.files().as_slice(), &[("ca.crt", &server_ca)]].concat());
    let (key, _) = keys();
    let public = key.public_key();
    let identity = Identity::new(move || Ok(vec![public]));
    let tls = server_files.mutual_tls();
    let server = TestServer::of_identity_with(&identity, |options| options.settings.tls = Some(tls)).await;

    let channel = |certificate, key| {
        let files = TlsFiles {
            ca: Some(client_files.path("ca.crt")),
            certificate,
            key,
        };
        let builder = Builder::new(format!("https://{}", server.address)).server_name("kith.test");
        builder.tls(files).build().expect("good files")
    };
    let request = ListSigningKeysRequest::default();
    let mut stranger = IdentityServiceClient::new(channel(None, None));
    let status = soon(stranger.list_signing_keys(request))
        .await
        .expect_err("a stranger");
    assert_eq!(status.code(), Code::Unavailable);

    let known = channel(
        Some(client_files.path("tls.crt")),
        Some(client_files.path("tls.key")),
    );
    let (readiness, shutdown) = (Readiness::new(), CancellationToken::new());
    let latch = readiness.latch("signing keys");
    let refresh = KeyRefresh::every(Duration::from_secs(60));
    let task = tokio::spawn(refresh_keys(
        refresh,
        known,
        SharedKeys::new(),
        latch,
        shutdown.clone(),
    ));
    soon(readiness.ready()).await;
    shutdown.cancel();
    soon(task).await.expect("no panic");
}
