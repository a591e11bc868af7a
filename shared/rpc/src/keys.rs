//! Keeps the keys that verify tokens fresh in services that are not identity.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use kith_client::Channel;
use kith_contracts::identity::v1::ListSigningKeysRequest;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_settings::Setting;
use kith_tokens::{SharedKeys, VerifyingKeys};
use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status};

use crate::health::Latch;

/// How often keys are fetched. A removed key must be dead within 5 minutes, also when a fetch or two fail, and a new one
/// must be known before it signs: it is published 2 minutes ahead.
pub const SIGNING_KEYS_INTERVAL: Setting = Setting::new(
    "signing-keys-interval",
    "how often services other than identity ask it for new and removed signing keys",
)
.duration(Duration::from_secs(1), Duration::from_secs(60))
.default("60s");

/// The least time between a fetch and one that is made early. Anybody can make up a token of a key that nobody knows,
/// and must not make us ask identity more often than this.
const EARLY_GAP: Duration = Duration::from_secs(5);
/// The pause after a failed fetch, doubled up to `MAX_BACK_OFF`.
const MIN_BACK_OFF: Duration = Duration::from_millis(100);
const MAX_BACK_OFF: Duration = Duration::from_secs(5);
/// How long one fetch may take.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The most that there may be: more than one page only with more keys than anybody has.
const PAGE_SIZE: i32 = 100;

/// When keys are fetched again after a fetch that went well.
#[derive(Clone, Copy, Debug)]
pub struct KeyRefresh {
    /// After this time.
    pub interval: Duration,
    /// And after this time already, once a token came whose key is unknown.
    pub early_gap: Duration,
}

impl KeyRefresh {
    /// Every `interval`, and early no sooner than 5 s after the last time.
    pub const fn every(interval: Duration) -> Self {
        Self {
            interval,
            early_gap: EARLY_GAP,
        }
    }

    /// Returns when it is time for the fetch after the one of `last`.
    async fn wait(&self, keys: &SharedKeys, last: Instant) {
        let early = async {
            keys.news_wanted().await;
            sleep_until((last + self.early_gap).into()).await;
        };
        tokio::select! {
            () = sleep_until((last + self.interval).into()) => {}
            () = early => {}
        }
    }
}

/// Fetches the signing keys from identity again and again until `shutdown`. `latch` is set while there are keys to trust.
pub async fn refresh_keys(
    refresh: KeyRefresh,
    identity: Channel,
    keys: SharedKeys,
    latch: Latch,
    shutdown: CancellationToken,
) {
    let endless = fetch_for_ever(refresh, IdentityServiceClient::new(identity), &keys, &latch);
    shutdown.run_until_cancelled(endless).await;
}

async fn fetch_for_ever(
    refresh: KeyRefresh,
    mut client: IdentityServiceClient<Channel>,
    keys: &SharedKeys,
    latch: &Latch,
) -> Infallible {
    let mut back_off = MIN_BACK_OFF;
    loop {
        let asked_at = Instant::now();
        let fetched = fetch(&mut client).await;
        let failed = fetched.map(|fetched| keys.replace(fetched, asked_at)).err();
        let trusted = keys.current();
        latch.set(trusted.is_some_and(|keys| keys.key_ids().next().is_some()));
        let Some(status) = failed else {
            back_off = MIN_BACK_OFF;
            refresh.wait(keys, asked_at).await;
            continue;
        };
        tracing::warn!(code = ?status.code(), message = status.message(), "signing keys could not be fetched");
        sleep(back_off).await;
        back_off = (back_off * 2).min(MAX_BACK_OFF);
    }
}

async fn fetch(client: &mut IdentityServiceClient<Channel>) -> Result<VerifyingKeys, Status> {
    let mut keys: Vec<[u8; 32]> = Vec::new();
    let mut page_token = String::new();
    loop {
        let mut request = Request::new(ListSigningKeysRequest {
            page_size: PAGE_SIZE,
            page_token,
        });
        request.set_timeout(TIMEOUT);
        let page = client.list_signing_keys(request).await?.into_inner();
        for key in page.keys {
            let public_key = key.public_key.try_into();
            keys.push(public_key.map_err(|_| Status::internal("a signing key has not 32 bytes"))?);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(VerifyingKeys::new(keys));
        }
    }
}
