//! Keeps the keys that verify tokens fresh in services that are not identity.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use kith_client::Channel;
use kith_contracts::identity::v1::ListSigningKeysRequest;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_tokens::{SharedKeys, VerifyingKeys};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status};

use crate::health::Latch;

/// How often keys are fetched. A removed key must be dead within 5 minutes, also when a fetch or two fail.
const INTERVAL: Duration = Duration::from_secs(60);
/// The pause after a failed fetch, doubled up to `MAX_BACK_OFF`.
const MIN_BACK_OFF: Duration = Duration::from_millis(100);
const MAX_BACK_OFF: Duration = Duration::from_secs(5);
/// How long one fetch may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Fetches the signing keys from identity again and again until `shutdown`. `latch` is set while there are keys to trust.
pub async fn refresh_keys(identity: Channel, keys: SharedKeys, latch: Latch, shutdown: CancellationToken) {
    refresh_keys_every(INTERVAL, identity, keys, latch, shutdown).await;
}

/// [`refresh_keys`] with another pause between two fetches that went well.
pub async fn refresh_keys_every(
    interval: Duration,
    identity: Channel,
    keys: SharedKeys,
    latch: Latch,
    shutdown: CancellationToken,
) {
    let endless = refresh(interval, IdentityServiceClient::new(identity), &keys, &latch);
    shutdown.run_until_cancelled(endless).await;
}

async fn refresh(
    interval: Duration,
    mut client: IdentityServiceClient<Channel>,
    keys: &SharedKeys,
    latch: &Latch,
) -> Infallible {
    let mut back_off = MIN_BACK_OFF;
    loop {
        let asked_at = Instant::now();
        let pause = match fetch(&mut client).await {
            Ok(fetched) => {
                keys.replace(fetched, asked_at);
                back_off = MIN_BACK_OFF;
                interval
            }
            Err(status) => {
                tracing::warn!(code = ?status.code(), message = status.message(), "signing keys could not be fetched");
                let pause = back_off;
                back_off = (back_off * 2).min(MAX_BACK_OFF);
                pause
            }
        };
        let trusted = keys.current();
        latch.set(trusted.is_some_and(|keys| keys.key_ids().next().is_some()));
        sleep(pause).await;
    }
}

async fn fetch(client: &mut IdentityServiceClient<Channel>) -> Result<VerifyingKeys, Status> {
    let mut keys: Vec<[u8; 32]> = Vec::new();
    let mut page_token = String::new();
    loop {
        let mut request = Request::new(ListSigningKeysRequest {
            page_size: 0,
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
