use std::sync::{Arc, Mutex};

use kith_contracts::identity::v1::identity_service_server::{IdentityService, IdentityServiceServer};
use kith_contracts::identity::v1::*;
use kith_primitives::Failure;
use kith_rpc::unary;
use tokio::sync::watch;
use tonic::service::Routes;
use tonic::{Request, Response, Status, async_trait};

type Listing = Arc<dyn Fn() -> Result<Vec<[u8; 32]>, Failure> + Send + Sync>;

/// An identity service that has keys and nothing else.
#[derive(Clone)]
pub(crate) struct Identity {
    listing: Arc<Mutex<Listing>>,
    asked: Arc<watch::Sender<usize>>,
}

impl Identity {
    pub(crate) fn new(listing: impl Fn() -> Result<Vec<[u8; 32]>, Failure> + Send + Sync + 'static) -> Self {
        Self {
            listing: Arc::new(Mutex::new(Arc::new(listing))),
            asked: Arc::default(),
        }
    }

    pub(crate) fn routes(&self) -> Routes {
        Routes::new(IdentityServiceServer::new(self.clone()))
    }

    /// Decides what the next listings answer.
    pub(crate) fn list(&self, listing: impl Fn() -> Result<Vec<[u8; 32]>, Failure> + Send + Sync + 'static) {
        *self.listing.lock().expect("no panic") = Arc::new(listing);
    }

    /// Returns once a fetch that began after this call has been worked up, which is when the next one begins.
    pub(crate) async fn fetched_anew(&self) {
        let mut asked = self.asked.subscribe();
        let before = *asked.borrow_and_update();
        let next_but_one = asked.wait_for(|asked| *asked >= before + 2);
        super::soon(next_but_one).await.expect("the sender is here");
    }
}

type Answer<T> = Result<Response<T>, Status>;

fn nothing<T>() -> Answer<T> {
    Err(Status::unimplemented("only keys are here"))
}

#[async_trait]
impl IdentityService for Identity {
    /// One key a page, so that whoever wants all of them must turn pages.
    async fn list_signing_keys(
        &self,
        request: Request<ListSigningKeysRequest>,
    ) -> Answer<ListSigningKeysResponse> {
        unary(request, async |(), message: ListSigningKeysRequest| {
            let page: usize = message.page_token.parse().unwrap_or_default();
            if page == 0 {
                self.asked.send_modify(|asked| *asked += 1);
            }
            let listing = Arc::clone(&self.listing.lock().expect("no panic"));
            let keys = listing()?;
            let next_page_token = match page + 1 {
                next if next < keys.len() => next.to_string(),
                _ => String::new(),
            };
            let key = keys.get(page).map(|key| SigningKey {
                public_key: key.to_vec(),
                ..Default::default()
            });
            Ok(ListSigningKeysResponse {
                keys: key.into_iter().collect(),
                next_page_token,
            })
        })
        .await
    }

    /// Never answers.
    async fn register(&self, _: Request<RegisterRequest>) -> Answer<RegisterResponse> {
        std::future::pending().await
    }

    async fn authenticate(&self, _: Request<AuthenticateRequest>) -> Answer<AuthenticateResponse> {
        nothing()
    }

    async fn who_am_i(&self, _: Request<WhoAmIRequest>) -> Answer<WhoAmIResponse> {
        nothing()
    }

    async fn get_user(&self, _: Request<GetUserRequest>) -> Answer<GetUserResponse> {
        nothing()
    }

    async fn batch_get_users(&self, _: Request<BatchGetUsersRequest>) -> Answer<BatchGetUsersResponse> {
        nothing()
    }

    async fn get_profile(&self, _: Request<GetProfileRequest>) -> Answer<GetProfileResponse> {
        nothing()
    }

    async fn update_profile(&self, _: Request<UpdateProfileRequest>) -> Answer<UpdateProfileResponse> {
        nothing()
    }

    async fn delete_user(&self, _: Request<DeleteUserRequest>) -> Answer<DeleteUserResponse> {
        nothing()
    }

    async fn batch_import_users(
        &self,
        _: Request<BatchImportUsersRequest>,
    ) -> Answer<BatchImportUsersResponse> {
        nothing()
    }

    async fn get_account(&self, _: Request<GetAccountRequest>) -> Answer<GetAccountResponse> {
        nothing()
    }

    async fn list_users(&self, _: Request<ListUsersRequest>) -> Answer<ListUsersResponse> {
        nothing()
    }

    async fn search_users(&self, _: Request<SearchUsersRequest>) -> Answer<SearchUsersResponse> {
        nothing()
    }

    async fn update_user(&self, _: Request<UpdateUserRequest>) -> Answer<UpdateUserResponse> {
        nothing()
    }

    async fn change_password(&self, _: Request<ChangePasswordRequest>) -> Answer<ChangePasswordResponse> {
        nothing()
    }

    async fn deactivate_user(&self, _: Request<DeactivateUserRequest>) -> Answer<DeactivateUserResponse> {
        nothing()
    }

    async fn reactivate_user(&self, _: Request<ReactivateUserRequest>) -> Answer<ReactivateUserResponse> {
        nothing()
    }

    async fn refresh_token(&self, _: Request<RefreshTokenRequest>) -> Answer<RefreshTokenResponse> {
        nothing()
    }

    async fn list_sessions(&self, _: Request<ListSessionsRequest>) -> Answer<ListSessionsResponse> {
        nothing()
    }

    async fn revoke_session(&self, _: Request<RevokeSessionRequest>) -> Answer<RevokeSessionResponse> {
        nothing()
    }

    async fn revoke_all_sessions(
        &self,
        _: Request<RevokeAllSessionsRequest>,
    ) -> Answer<RevokeAllSessionsResponse> {
        nothing()
    }

    async fn rotate_signing_key(
        &self,
        _: Request<RotateSigningKeyRequest>,
    ) -> Answer<RotateSigningKeyResponse> {
        nothing()
    }

    async fn remove_signing_key(
        &self,
        _: Request<RemoveSigningKeyRequest>,
    ) -> Answer<RemoveSigningKeyResponse> {
        nothing()
    }

    async fn create_service_account(
        &self,
        _: Request<CreateServiceAccountRequest>,
    ) -> Answer<CreateServiceAccountResponse> {
        nothing()
    }

    async fn list_service_accounts(
        &self,
        _: Request<ListServiceAccountsRequest>,
    ) -> Answer<ListServiceAccountsResponse> {
        nothing()
    }

    async fn rotate_service_secret(
        &self,
        _: Request<RotateServiceSecretRequest>,
    ) -> Answer<RotateServiceSecretResponse> {
        nothing()
    }

    async fn revoke_service_account(
        &self,
        _: Request<RevokeServiceAccountRequest>,
    ) -> Answer<RevokeServiceAccountResponse> {
        nothing()
    }

    async fn issue_service_token(
        &self,
        _: Request<IssueServiceTokenRequest>,
    ) -> Answer<IssueServiceTokenResponse> {
        nothing()
    }

    async fn list_audit_events(&self, _: Request<ListAuditEventsRequest>) -> Answer<ListAuditEventsResponse> {
        nothing()
    }
}
