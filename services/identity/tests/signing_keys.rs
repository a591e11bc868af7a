//! Signing keys where several processes, files and services meet.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::QueryableByName;
use diesel::sql_types::Text;
use kith_client::Channel;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::identity::v1::{
    AuthenticateRequest, AuthenticateResponse, ListSigningKeysRequest, RefreshTokenRequest, SigningKey,
    WhoAmIRequest, WhoAmIResponse, authenticate_request,
};
use kith_contracts::social_graph::v1::GetCountsRequest;
use kith_testkit::{AppOptions, Bearer, Caller, Credentials, TestApp, not_ready, ready};
use kith_tokens::SigningKeys;
use secrecy::ExposeSecret;
use tokio::time::timeout;

use tonic::{Response, Status};

use crate::remove_signing_key::remove;
use crate::rotate_signing_key::rotate;
use crate::support::{PASSWORD, answer, bearer, count, execute, refresh, refusal, register, sign_in};

/// New keys, and their ids.
pub(crate) fn new_keys(how_many: usize) -> (SigningKeys, Vec<String>) {
    let pem: String = (0..how_many).map(|_| new_pem()).collect();
    let keys = SigningKeys::from_pem(&pem).expect("keys");
    let ids = keys.iter().map(|key| key.key_id().to_owned()).collect();
    (keys, ids)
}

fn new_pem() -> String {
    let key = kith_tokens::SigningKey::generate().expect("a key");
    key.to_pem().expose_secret().to_owned()
}

/// Has everything that was noted in a column of the keys happen longer ago.
pub(crate) async fn let_time_pass(app: &TestApp, column: &str, interval: &str) {
    execute(
        app,
        &format!("UPDATE identity.signing_keys SET {column} = {column} - interval '{interval}'"),
    )
    .await;
}

/// The keys as everybody sees them.
pub(crate) async fn listed(app: &TestApp) -> Vec<SigningKey> {
    let request = ListSigningKeysRequest::default();
    answer(app.identity(&app.nobody()).list_signing_keys(request).await).keys
}

/// The id of the key that signed a caller's token.
pub(crate) fn signer_of(caller: &impl Caller) -> String {
    let token = caller.token().expect("a token").expose_secret();
    let header = token.split('.').next().expect("a header");
    let header = URL_SAFE_NO_PAD.decode(header).expect("base64url");
    let header = String::from_utf8(header).expect("text");
    let (_, kid) = header.split_once(r#""kid":""#).expect("a kid");
    kid.split('"').next().expect("its end").to_owned()
}

pub(crate) async fn who_am_i(
    app: &TestApp,
    caller: &impl Caller,
) -> Result<Response<WhoAmIResponse>, Status> {
    app.identity(caller).who_am_i(WhoAmIRequest {}).await
}

#[derive(QueryableByName)]
struct Event {
    #[diesel(sql_type = Text)]
    event_type: String,
    #[diesel(sql_type = Text)]
    actor: String,
    #[diesel(sql_type = Text)]
    subject: String,
}

/// What the log tells of keys: type, actor and subject, oldest first.
pub(crate) async fn audited(app: &TestApp) -> Vec<(String, String, String)> {
    let sql = "SELECT type AS event_type, actor, subject FROM identity.audit_events
        WHERE type LIKE 'SIGNING_KEY%' ORDER BY id";
    let mut conn = app.database.owner().await;
    let query = diesel::sql_query(sql);
    let events: Vec<Event> = diesel_async::RunQueryDsl::load(query, &mut conn)
        .await
        .expect("the log");
    events
        .into_iter()
        .map(|event| (event.event_type, event.actor, event.subject))
        .collect()
}

/// Nothing waits for it to pass.
const OFTEN: Duration = Duration::from_millis(20);
/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn often() -> AppOptions {
    AppOptions {
        signing_keys_interval: OFTEN,
        signing_keys_fetch_interval: OFTEN,
        ..Default::default()
    }
}

/// Repeats `attempt` until it answers something.
async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = attempt().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, found)
        .await
        .unwrap_or_else(|_| panic!("never happened: {what}"))
}

/// A file with keys, which an app reads again and again; removed at its end.
pub(crate) struct KeyFile {
    directory: PathBuf,
    pems: Mutex<Vec<String>>,
}

impl KeyFile {
    /// A file with new keys.
    pub(crate) fn new(name: &str, keys: usize) -> Self {
        let directory = std::env::temp_dir().join(format!("kith-keys-{}-{name}", std::process::id()));
        std::fs::create_dir(&directory).expect("a directory");
        let file = Self {
            directory,
            pems: Mutex::default(),
        };
        file.write(<[_]>::to_vec, keys);
        file
    }

    fn path(&self) -> PathBuf {
        self.directory.join("keys.pem")
    }

    /// Changes what it holds, as Kubernetes does: by having a link lead elsewhere. Answers the blocks that are new, and
    /// their ids.
    pub(crate) fn write(
        &self,
        keep: impl FnOnce(&[String]) -> Vec<String>,
        new: usize,
    ) -> (Vec<String>, Vec<String>) {
        let new: Vec<String> = (0..new).map(|_| new_pem()).collect();
        let mut pems = self.pems.lock().expect("no panic");
        *pems = [keep(&pems), new.clone()].concat();
        self.write_text(&pems.concat());
        let id = |pem: &String| {
            kith_tokens::SigningKey::from_pem(pem)
                .expect("a key")
                .key_id()
                .to_owned()
        };
        let ids = new.iter().map(id).collect();
        (new, ids)
    }

    fn write_text(&self, text: &str) {
        let version = (0..).map(|number| self.directory.join(format!("version-{number}")));
        let version = version.into_iter().find(|path| !path.exists()).expect("a name");
        std::fs::write(&version, text).expect("to write");
        let link = self.directory.join("new");
        std::os::unix::fs::symlink(&version, &link).expect("a link");
        std::fs::rename(&link, self.path()).expect("to move a link");
    }

    /// An app that reads it, and the ids of its keys.
    pub(crate) async fn app(&self) -> (TestApp, Vec<String>) {
        self.app_that_fetches_every(OFTEN).await
    }

    async fn app_that_fetches_every(&self, interval: Duration) -> (TestApp, Vec<String>) {
        let text = std::fs::read_to_string(self.path()).expect("the keys");
        let keys = SigningKeys::from_pem(&text).expect("the keys");
        let ids = keys.iter().map(|key| key.key_id().to_owned()).collect();
        let options = AppOptions {
            signing_keys: Some(keys),
            signing_keys_file: Some(self.path()),
            signing_keys_fetch_interval: interval,
            ..often()
        };
        (TestApp::start_with(options).await, ids)
    }

    /// Returns once a key is listed.
    pub(crate) async fn published(&self, app: &TestApp, key_id: &str) {
        eventually("the key is listed", async || {
            listed(app)
                .await
                .iter()
                .find(|key| key.key_id == key_id)
                .map(drop)
        })
        .await;
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

async fn sign_in_at(replica: &Channel, username: &str) -> Result<Response<AuthenticateResponse>, Status> {
    let request = AuthenticateRequest {
        identifier: Some(authenticate_request::Identifier::Username(username.to_owned())),
        password: PASSWORD.to_owned(),
        ..Default::default()
    };
    IdentityServiceClient::new(replica.clone())
        .authenticate(request)
        .await
}

async fn who_am_i_at(replica: &Channel, caller: &impl Caller) -> Result<Response<WhoAmIResponse>, Status> {
    let mut client = IdentityServiceClient::with_interceptor(replica.clone(), Credentials::of(caller));
    client.who_am_i(WhoAmIRequest {}).await
}

// Control: `signing_keys_lock_in_txn` without its statement, and the index dropped; several keys were active.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_first_starts_at_once_one_has_its_key_sign() {
    let mut app = TestApp::start_with(often()).await;
    for _ in 0..5 {
        execute(&app, "TRUNCATE identity.signing_keys").await;
        let mut replicas = Vec::new();
        for _ in 0..4 {
            let (keys, ids) = new_keys(1);
            replicas.push((app.start_replica(&often(), keys), ids[0].clone()));
        }
        eventually("all are published", async || {
            let known = listed(&app).await;
            let is_known = |id: &String| known.iter().any(|key| key.key_id == *id);
            replicas.iter().all(|(_, id)| is_known(id)).then_some(())
        })
        .await;
        let active = "identity.signing_keys WHERE activated_at IS NOT NULL";
        assert_eq!(count(&app, active).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_on_one_replica_is_one_on_all() {
    let (keys, ids) = new_keys(2);
    let options = AppOptions {
        signing_keys: Some(keys.clone()),
        ..often()
    };
    let mut app = TestApp::start_with(options.clone()).await;
    let other = app.start_replica(&options, keys);
    ready(other.clone()).await;
    register(&app, "alice").await;
    let before = bearer(answer(sign_in_at(&other, "alice").await).access_token);
    assert_eq!(signer_of(&before), ids[0]);

    let_time_pass(&app, "published_at", "2 minutes").await;
    answer(rotate(&app).await);
    let after = eventually("the other signs with it", async || {
        let caller = bearer(answer(sign_in_at(&other, "alice").await).access_token);
        (signer_of(&caller) == ids[1]).then_some(caller)
    })
    .await;
    for caller in [&before, &after] {
        answer(who_am_i(&app, caller).await);
        answer(who_am_i_at(&other, caller).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_on_one_replica_is_one_on_all_and_in_social_graph() {
    let (keys, ids) = new_keys(2);
    let options = AppOptions {
        signing_keys: Some(keys.clone()),
        ..often()
    };
    let mut app = TestApp::start_with(options.clone()).await;
    let other = app.start_replica(&options, keys);
    ready(other.clone()).await;
    let user_id = register(&app, "alice").await;
    let stolen = sign_in(&app, "alice").await.caller;
    answer(remove(&app, &ids[0], true).await);
    let refused = eventually("the other refuses", async || {
        who_am_i_at(&other, &stolen).await.err()
    })
    .await;
    assert_eq!(
        refusal::<()>(Err(refused)).summary(),
        "Unauthenticated TOKEN_INVALID []"
    );
    let refused = eventually("social-graph refuses", async || {
        let request = GetCountsRequest { user_id };
        app.social_graph(&stolen).get_counts(request).await.err()
    })
    .await;
    assert_eq!(
        refusal::<()>(Err(refused)).summary(),
        "Unauthenticated TOKEN_INVALID []"
    );
}

/// Social-graph asks for keys once an hour here, and early when somebody comes with a key that it does not know.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_new_key_signs_in_an_emergency_is_soon_taken_everywhere() {
    let file = KeyFile::new("emergency", 1);
    let hourly = Duration::from_secs(60 * 60);
    let (app, old) = file.app_that_fetches_every(hourly).await;
    let user_id = register(&app, "alice").await;
    let (_, new) = file.write(<[_]>::to_vec, 1);
    file.published(&app, &new[0]).await;
    answer(remove(&app, &old[0], true).await);
    let caller = sign_in(&app, "alice").await.caller;
    assert_eq!(signer_of(&caller), new[0]);
    eventually("social-graph takes it", async || {
        let request = GetCountsRequest { user_id };
        app.social_graph(&caller).get_counts(request).await.ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_without_the_private_half_of_the_active_key_is_never_ready() {
    let mut app = TestApp::start_with(often()).await;
    let (keys, ids) = new_keys(1);
    let other = app.start_replica(&often(), keys);
    KeyFile::new("other", 1).published(&app, &ids[0]).await;
    not_ready(other.clone()).await;
    let refused = refusal(sign_in_at(&other, "alice").await);
    assert_eq!(refused.summary(), "Unavailable SERVICE_NOT_READY []");
    assert!(refused.message.contains("signing key"), "{refused:?}");
}

// Control: the issuer asked for after the exchange; the refresh token was gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_loses_the_active_key_serves_on_and_takes_no_refresh_token() {
    let (both, ids) = new_keys(2);
    let options = AppOptions {
        signing_keys: Some(both.clone()),
        ..often()
    };
    let mut app = TestApp::start_with(options).await;
    let first_alone = SigningKeys::from(both.first().clone());
    let other = app.start_replica(&often(), first_alone);
    ready(other.clone()).await;
    register(&app, "alice").await;
    let alice = sign_in(&app, "alice").await;

    let_time_pass(&app, "published_at", "2 minutes").await;
    answer(rotate(&app).await);
    not_ready(other.clone()).await;
    let refused = refusal(sign_in_at(&other, "alice").await);
    assert_eq!(refused.summary(), "Unavailable SERVICE_NOT_READY []");
    let request = RefreshTokenRequest {
        refresh_token: alice.refresh_token.clone(),
    };
    let mut client = IdentityServiceClient::new(other.clone());
    let refused = refusal(client.refresh_token(request).await);
    assert_eq!(refused.summary(), "Unavailable SERVICE_NOT_READY []");

    let refreshed = answer(refresh(&app, &alice.refresh_token).await);
    let caller: Bearer = bearer(refreshed.access_token);
    assert_eq!(signer_of(&caller), ids[1]);
    answer(who_am_i_at(&other, &caller).await);
}

// Control: `Keeper::keep` that ends when the file is no good; what was deleted was never published again.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_leaves_the_keys_that_were_there() {
    let file = KeyFile::new("broken", 2);
    let (app, ids) = file.app().await;
    file.write_text("-----BEGIN PRIVATE KEY-----\nnonsense");
    // Published anew by one look at the mounted keys; before the second of two, the file has been read again.
    for _ in 0..2 {
        let delete = format!("DELETE FROM identity.signing_keys WHERE key_id = '{}'", ids[1]);
        execute(&app, &delete).await;
        file.published(&app, &ids[1]).await;
    }
    register(&app, "alice").await;
    assert_eq!(signer_of(&sign_in(&app, "alice").await.caller), ids[0]);
    let (_, new) = file.write(<[_]>::to_vec, 1);
    file.published(&app, &new[0]).await;
}

/// What the log says to do when the private half of the active key is lost for good.
#[tokio::test(flavor = "multi_thread")]
async fn when_the_owner_of_the_database_removes_a_lost_key_a_mounted_one_signs() {
    let mut app = TestApp::start_with(often()).await;
    let lost = listed(&app).await.remove(0).key_id;
    let (keys, ids) = new_keys(1);
    let other = app.start_replica(&often(), keys);
    not_ready(other.clone()).await;
    execute(
        &app,
        &format!("UPDATE identity.signing_keys SET removed_at = now() WHERE key_id = '{lost}'"),
    )
    .await;
    ready(other).await;
    assert_eq!(listed(&app).await[0].key_id, ids[0]);
}
