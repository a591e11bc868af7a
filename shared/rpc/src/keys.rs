//! Keeps the keys that verify tokens fresh in services that are not identity.

use std::time::{Duration, Instant};

use kith_contracts::identity::v1::ListSigningKeysRequest;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_tokens::{SharedKeys, VerifyingKeys};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
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
    let mut client = IdentityServiceClient::new(identity);
    let mut back_off = MIN_BACK_OFF;
    loop {
        let asked_at = Instant::now();
        let pause = match fetch(&mut client).await {
            Ok(fetched) => {
                keys.replace(fetched, asked_at);
                back_off = MIN_BACK_OFF;
                INTERVAL
            }
            Err(status) => {
                tracing::warn!(code = ?status.code(), message = status.message(), "signing keys could not be fetched");
                let pause = back_off;
                back_off = (back_off * 2).min(MAX_BACK_OFF);
                pause
            }
        };
        latch.set(keys.current().is_some());
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = sleep(pause) => {}
        }
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
