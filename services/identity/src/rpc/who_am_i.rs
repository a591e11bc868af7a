use kith_contracts::identity::v1::WhoAmIResponse;
use kith_primitives::{Caller, Failure};

use super::convert;
use crate::App;
use crate::store::user_find;

/// NOT_FOUND (USER_NOT_FOUND) when the caller's account is gone.
pub(super) async fn call(app: &App, caller: Caller) -> Result<WhoAmIResponse, Failure> {
    let user = match caller.user() {
        Some(user) => Some(user_find(&app.database, user.user_id).await?),
        None => None,
    };
    let service = caller.service();
    Ok(WhoAmIResponse {
        user: user.map(convert::user),
        session_id: caller
            .user()
            .map(|user| user.session_id.clone())
            .unwrap_or_default(),
        service_id: service
            .map(|service| service.service_id.get())
            .unwrap_or_default(),
        scopes: service
            .map(|service| service.scopes.iter().cloned().collect())
            .unwrap_or_default(),
    })
}
