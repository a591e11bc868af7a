//! Acts on the keys that sign access tokens.

use kith_contracts::identity::v1::{
    ListSigningKeysRequest, RemoveSigningKeyRequest, RotateSigningKeyRequest, SigningKey,
};
use kith_rpc::process::AnyError;

use super::users::{refused, within};
use crate::operator::Operator;

/// What the operator's token must allow.
pub(crate) const MANAGE_KEYS: &[&str] = &["identity.keys.manage"];

/// Every key that is trusted, the active one first.
pub(crate) async fn signing_keys_list(operator: &Operator) -> Result<Vec<SigningKey>, AnyError> {
    let (mut keys, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListSigningKeysRequest {
            page_size: 0,
            page_token,
        };
        let answer = operator.identity().list_signing_keys(within(request)).await;
        let page = answer.map_err(|status| refused(&status))?.into_inner();
        keys.extend(page.keys);
        if page.next_page_token.is_empty() {
            return Ok(keys);
        }
        page_token = page.next_page_token;
    }
}

/// Has the next key sign, and answers the keys as they are then.
pub(crate) async fn signing_key_rotate(operator: &Operator) -> Result<Vec<SigningKey>, AnyError> {
    let request = RotateSigningKeyRequest {};
    let answer = operator.identity().rotate_signing_key(within(request)).await;
    Ok(answer.map_err(|status| refused(&status))?.into_inner().keys)
}

/// Ends the trust in a key, and answers the keys as they are then.
pub(crate) async fn signing_key_remove(
    operator: &Operator,
    key_id: String,
    emergency: bool,
) -> Result<Vec<SigningKey>, AnyError> {
    let request = RemoveSigningKeyRequest { key_id, emergency };
    let answer = operator.identity().remove_signing_key(within(request)).await;
    Ok(answer.map_err(|status| refused(&status))?.into_inner().keys)
}
