//! Two processes of identity and one of social-graph on one database: what one is told, all keep to.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use diesel_async::SimpleAsyncConnection;
use kith_client::Channel;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::identity::v1::*;
use kith_contracts::social_graph::v1::GetCountsRequest;
use kith_contracts::social_graph::v1::social_graph_service_client::SocialGraphServiceClient;
use kith_primitives::ServiceId;
use kith_schema::Role;
use kith_testkit::{Bearer, Credentials, Refusal, TestDatabase, not_ready, ready};
use kith_tokens::{Issuer, SigningKey, SigningKeys};
use secrecy::ExposeSecret;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tonic::service::interceptor::InterceptedService;
use tonic::{Code, Status};

use crate::processes::{Process, channel, eventually};
use crate::rows::unique;
use crate::size;

/// A removed key must be dead everywhere within this time.
const DEAD_WITHIN: Duration = Duration::from_secs(5 * 60);
/// The pause between two calls of somebody who calls again and again.
const PACE: Duration = Duration::from_millis(50);
const PASSWORD: &str = "correct horse";

/// A file of keys, as a secret is mounted; removed at its end.
pub(crate) struct KeyFile(PathBuf);

impl KeyFile {
    pub(crate) fn new(keys: usize) -> Self {
        let name = format!("kith-e2e-{}-{}.pem", std::process::id(), unique("keys"));
        let file = Self(std::env::temp_dir().join(name));
        std::fs::write(&file.0, "").expect("to write");
        (0..keys).for_each(|_| drop(file.add()));
        file
    }

    /// Adds a key, as whoever rotates does, and answers its id.
    fn add(&self) -> String {
        let key = SigningKey::generate().expect("a key");
        let pem = std::fs::read_to_string(&self.0).expect("the keys");
        let unfinished = self.0.with_added_extension("new");
        std::fs::write(&unfinished, pem + key.to_pem().expose_secret()).expect("to write");
        std::fs::rename(&unfinished, &self.0).expect("to move");
        key.key_id().to_owned()
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("a plain path")
    }

    pub(crate) fn keys(&self) -> SigningKeys {
        let pem = std::fs::read_to_string(&self.0).expect("the keys");
        SigningKeys::from_pem(&pem).expect("keys")
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

type Authenticated = InterceptedService<Channel, Credentials>;

/// One identity process, as its callers see it.
struct Identity {
    process: Process,
    address: String,
    channel: Channel,
}

impl Identity {
    async fn start(database: &TestDatabase, keys: &KeyFile, address: &str) -> Self {
        let url = database.url(Role::Identity).expose();
        let environment = [
            ("KITH_IDENTITY_DATABASE_URL", url.as_str()),
            ("KITH_IDENTITY_LISTEN_ADDRESS", address),
            ("KITH_SIGNING_KEY_FILE", keys.path()),
        ];
        let process = Process::start(env!("CARGO_BIN_EXE_e2e-identity"), &environment);
        let address = process.address().await;
        let channel = channel(&address);
        Self {
            process,
            address,
            channel,
        }
    }

    fn client(&self, caller: &Bearer) -> IdentityServiceClient<Authenticated> {
        IdentityServiceClient::with_interceptor(self.channel.clone(), Credentials::of(caller))
    }

    async fn sign_in(&self, username: &str) -> Result<Bearer, Status> {
        let request = AuthenticateRequest {
            identifier: Some(authenticate_request::Identifier::Username(username.to_owned())),
            password: PASSWORD.to_owned(),
            device_label: String::new(),
        };
        let answer = self.client(&Bearer(None)).authenticate(request).await?;
        Ok(Bearer(Some(answer.into_inner().access_token.into())))
    }

    async fn takes(&self, caller: &Bearer) -> Result<(), Status> {
        self.client(caller).who_am_i(WhoAmIRequest {}).await.map(drop)
    }

    async fn listed(&self) -> Vec<kith_contracts::identity::v1::SigningKey> {
        let request = ListSigningKeysRequest::default();
        let answer = self.client(&Bearer(None)).list_signing_keys(request).await;
        answer.expect("keys").into_inner().keys
    }
}

/// Two identities and a social-graph, and somebody who is registered.
struct Replicas {
    database: TestDatabase,
    keys: KeyFile,
    identities: [Identity; 2],
    social_graph: Channel,
    _social_graph_process: Process,
    user_id: i64,
    username: String,
}

impl Replicas {
    /// With a social-graph that asks for keys each second; with FULL_SIZE=1 each minute, as shipped.
    async fn start() -> Self {
        Self::start_with(size::of(1, 60)).await
    }

    async fn start_with(seconds_between_fetches: usize) -> Self {
        let (database, keys) = (TestDatabase::create().await, KeyFile::new(1));
        let one = Identity::start(&database, &keys, "127.0.0.1:0").await;
        let two = Identity::start(&database, &keys, "127.0.0.1:0").await;
        let url = database.url(Role::SocialGraph).expose();
        let identity_url = format!("http://{}", one.address);
        let interval = format!("{seconds_between_fetches}s");
        let environment = [
            ("KITH_SOCIAL_GRAPH_DATABASE_URL", url.as_str()),
            ("KITH_SOCIAL_GRAPH_LISTEN_ADDRESS", "127.0.0.1:0"),
            ("KITH_IDENTITY_URL", &identity_url),
            ("KITH_SIGNING_KEYS_INTERVAL", &interval),
        ];
        let process = Process::start(env!("CARGO_BIN_EXE_e2e-social-graph"), &environment);
        let social_graph = channel(&process.address().await);
        for service in [&one.channel, &two.channel, &social_graph] {
            ready(service.clone()).await;
        }
        let username = unique("alice");
        let request = RegisterRequest {
            username: username.clone(),
            password: PASSWORD.to_owned(),
            ..Default::default()
        };
        let answer = one.client(&Bearer(None)).register(request).await;
        let account = answer.expect("a registration").into_inner().account;
        let user_id = account.and_then(|account| account.user).expect("a user").id;
        Self {
            database,
            keys,
            identities: [one, two],
            social_graph,
            _social_graph_process: process,
            user_id,
            username,
        }
    }

    /// An operator, by a token of whichever key signs.
    async fn operator(&self) -> Bearer {
        let active = self.identities[0].listed().await.remove(0).key_id;
        let keys = self.keys.keys();
        let key = keys.find(&active).expect("the private half").clone();
        let issuer = Issuer::new(key, "kith", "kith").expect("our provider");
        let issued = issuer.service(ServiceId::from_database(1), ["identity.keys.manage"]);
        Bearer(Some(issued.expect("a token").token))
    }

    async fn social_graph_takes(&self, caller: &Bearer) -> Result<(), Status> {
        let credentials = Credentials::of(caller);
        let mut client = SocialGraphServiceClient::with_interceptor(self.social_graph.clone(), credentials);
        let request = GetCountsRequest {
            user_id: self.user_id,
        };
        client.get_counts(request).await.map(drop)
    }

    /// Whether a token is good everywhere.
    async fn all_take(&self, caller: &Bearer) -> Result<(), Status> {
        for identity in &self.identities {
            identity.takes(caller).await?;
        }
        self.social_graph_takes(caller).await
    }

    /// Returns once both identities list a key.
    async fn published(&self, key_id: &str) {
        for identity in &self.identities {
            eventually("the key is published", async || {
                identity
                    .listed()
                    .await
                    .into_iter()
                    .find(|key| key.key_id == key_id)
            })
            .await;
        }
    }

    async fn let_time_pass(&self, interval: &str) {
        let mut owner = self.database.owner().await;
        let sql =
            format!("UPDATE identity.signing_keys SET published_at = published_at - interval '{interval}'");
        owner.batch_execute(&sql).await.expect("a change");
    }
}

/// The id of the key that signed a token.
fn signer_of(caller: &Bearer) -> String {
    use base64::Engine;
    let token = caller.0.as_ref().expect("a token").expose_secret();
    let (header, _) = token.split_once('.').expect("a header");
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header);
    let header: serde_json::Value = serde_json::from_slice(&header.expect("base64url")).expect("JSON");
    header["kid"].as_str().expect("a kid").to_owned()
}

// Control: `ready_in` always `None`, and no time let pass; social-graph refused the first token of the new key.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_refuses_no_good_token_anywhere() {
    let replicas = Replicas::start_with(size::of(10, 60)).await;
    let [one, two] = &replicas.identities;
    let first = one.sign_in(&replicas.username).await.expect("a token");
    let new = replicas.keys.add();
    replicas.published(&new).await;
    // In which social-graph asks for keys at least once. With FULL_SIZE=1 it is the 2 minutes themselves.
    let ahead = size::of(20, 120);
    sleep(Duration::from_secs(ahead as u64)).await;
    replicas.let_time_pass(&format!("{} s", 120 - ahead)).await;

    let operator = replicas.operator().await;
    let (mut tokens, mut rotated) = (vec![first], false);
    let mut seen_new = [false; 2];
    while !seen_new.iter().all(|seen| *seen) {
        for (identity, seen) in [one, two].into_iter().zip(&mut seen_new) {
            let token = identity.sign_in(&replicas.username).await.expect("a token");
            *seen = signer_of(&token) == new;
            tokens.push(token);
        }
        for token in &tokens {
            replicas.all_take(token).await.expect("a good token");
        }
        if !rotated {
            let request = RotateSigningKeyRequest {};
            one.client(&operator)
                .rotate_signing_key(request)
                .await
                .expect("a rotation");
            rotated = true;
        }
        // Not many more than both keys' are needed.
        tokens.truncate(4);
        sleep(PACE).await;
    }
    let listed = [one.listed().await, two.listed().await];
    assert_eq!(listed[0], listed[1]);
    assert_eq!(listed[0][0].key_id, new);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_removed_is_soon_dead_everywhere_and_the_next_one_is_taken() {
    let replicas = Replicas::start().await;
    let [one, two] = &replicas.identities;
    let stolen = two.sign_in(&replicas.username).await.expect("a token");
    let bad = signer_of(&stolen);
    let new = replicas.keys.add();
    replicas.published(&new).await;

    let request = RemoveSigningKeyRequest {
        key_id: bad,
        emergency: true,
    };
    let operator = replicas.operator().await;
    let mut removed_at = Instant::now();
    // The other may have published the new key, before this one has looked at its file.
    eventually("a removal", async || {
        removed_at = Instant::now();
        let removed = one.client(&operator).remove_signing_key(request.clone()).await;
        removed.ok()
    })
    .await;
    let at_once = one.takes(&stolen).await.expect_err("refused at once");
    let other = eventually("the other refuses", async || two.takes(&stolen).await.err()).await;
    let other_after = removed_at.elapsed();
    let graph = eventually("social-graph refuses", async || {
        replicas.social_graph_takes(&stolen).await.err()
    })
    .await;
    let graph_after = removed_at.elapsed();
    for refused in [at_once, other, graph] {
        assert_eq!(
            Refusal::of(&refused).summary(),
            "Unauthenticated TOKEN_INVALID []"
        );
    }
    println!("refused after {other_after:.1?} by the other identity, {graph_after:.1?} by social-graph");
    assert!(graph_after.max(other_after) < DEAD_WITHIN);

    let token = one.sign_in(&replicas.username).await.expect("a token");
    assert_eq!(signer_of(&token), new);
    eventually("all take the new key's", async || {
        replicas.all_take(&token).await.ok()
    })
    .await;
}

// Control: `fetch_for_ever` that replaces the keys by none when they cannot be fetched; a good token was refused.
#[tokio::test(flavor = "multi_thread")]
async fn without_identity_social_graph_goes_on() {
    let mut replicas = Replicas::start().await;
    let token = replicas.identities[0]
        .sign_in(&replicas.username)
        .await
        .expect("a token");
    for identity in &mut replicas.identities {
        identity.process.kill();
    }
    let (away_since, absence) = (Instant::now(), Duration::from_secs(size::of(5, 60) as u64));
    let mut calls = 0;
    while away_since.elapsed() < absence {
        replicas
            .social_graph_takes(&token)
            .await
            .expect("an answer without identity");
        ready(replicas.social_graph.clone()).await;
        calls += 1;
        sleep(PACE).await;
    }
    assert!(calls > 10, "{calls}");
    let gone = replicas.identities[0]
        .sign_in(&replicas.username)
        .await
        .expect_err("nobody there");
    assert_eq!(gone.code(), Code::Unavailable);

    let address = replicas.identities[0].address.clone();
    let back = Identity::start(&replicas.database, &replicas.keys, &address).await;
    ready(back.channel.clone()).await;
    let token = back.sign_in(&replicas.username).await.expect("a token");
    replicas.social_graph_takes(&token).await.expect("a good token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_lacks_the_key_that_signs_is_not_ready_and_says_which_key_it_is() {
    let database = TestDatabase::create().await;
    let (keys, other_keys) = (KeyFile::new(1), KeyFile::new(1));
    let one = Identity::start(&database, &keys, "127.0.0.1:0").await;
    ready(one.channel.clone()).await;
    let two = Identity::start(&database, &other_keys, "127.0.0.1:0").await;
    let active = one.listed().await.remove(0).key_id;
    let missing = eventually("it says so", async || {
        let said = two.process.said();
        said.lines()
            .find(|line| line.contains("the active signing key is not mounted here"))
            .map(str::to_owned)
    })
    .await;
    let statement = format!("UPDATE identity.signing_keys SET removed_at = now() WHERE key_id = '{active}'");
    assert!(missing.contains(&statement), "{missing}");
    not_ready(two.channel.clone()).await;
}

/// With the limits that ship: 10 in 5 minutes, of which one comes back every 30 seconds.
// Control: see `throttles` of identity's tests, whose mutants let nearly all pass.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_are_counted_wherever_they_are_tried() {
    let replicas = Replicas::start().await;
    let (started, mut calls) = (Instant::now(), JoinSet::new());
    for number in 0..64 {
        let mut client = replicas.identities[number % 2].client(&Bearer(None));
        let request = AuthenticateRequest {
            identifier: Some(authenticate_request::Identifier::Username(
                replicas.username.clone(),
            )),
            password: "wrong horse".to_owned(),
            device_label: String::new(),
        };
        calls.spawn(async move { client.authenticate(request).await.expect_err("wrong") });
    }
    let refused: Vec<_> = calls
        .join_all()
        .await
        .iter()
        .map(|status| Refusal::of(status).summary())
        .collect();
    let of = |summary: &str| refused.iter().filter(|refused| *refused == summary).count();
    let (looked_at, throttled) = (
        of("Unauthenticated CREDENTIALS_INVALID []"),
        of("ResourceExhausted THROTTLED []"),
    );
    let come_back = usize::try_from(started.elapsed().as_secs() / 30).expect("small");
    assert!((10..=10 + come_back).contains(&looked_at), "{looked_at}");
    assert_eq!(looked_at + throttled, 64, "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_one_ends_the_other_refreshes_no_more() {
    let replicas = Replicas::start().await;
    let [one, two] = &replicas.identities;
    let request = AuthenticateRequest {
        identifier: Some(authenticate_request::Identifier::Username(
            replicas.username.clone(),
        )),
        password: PASSWORD.to_owned(),
        device_label: String::new(),
    };
    let signed_in = two.client(&Bearer(None)).authenticate(request).await;
    let signed_in = signed_in.expect("a token").into_inner();
    let caller = Bearer(Some(signed_in.access_token.into()));
    let request = RevokeAllSessionsRequest {
        user_id: replicas.user_id,
        keep_current: false,
    };
    let ended = one.client(&caller).revoke_all_sessions(request).await;
    assert_eq!(ended.expect("an end").into_inner().revoked_sessions, 1);
    let request = RefreshTokenRequest {
        refresh_token: signed_in.refresh_token,
    };
    let refused = two.client(&Bearer(None)).refresh_token(request).await;
    let refused = Refusal::of(&refused.expect_err("ended"));
    assert_eq!(refused.summary(), "Unauthenticated REFRESH_TOKEN_INVALID []");
}
