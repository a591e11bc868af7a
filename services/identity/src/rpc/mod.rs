//! One file per RPC. This one is the table of contents: it only delegates.

mod authenticate;
mod batch_get_users;
mod batch_import_users;
mod change_password;
mod convert;
mod create_service_account;
mod deactivate_user;
mod delete_user;
mod get_account;
mod get_profile;
mod get_user;
mod issue_service_token;
mod list_audit_events;
mod list_service_accounts;
mod list_sessions;
mod list_signing_keys;
mod list_users;
mod reactivate_user;
mod refresh_token;
mod register;
mod remove_signing_key;
mod revoke_all_sessions;
mod revoke_service_account;
mod revoke_session;
mod rotate_service_secret;
mod rotate_signing_key;
mod search_users;
mod update_profile;
mod update_user;
mod who_am_i;

use kith_contracts::identity::v1::identity_service_server::IdentityService;
use kith_contracts::identity::v1::*;
use kith_rpc::unary;
use tonic::{Request, Response, Status, async_trait};

use crate::App;

type Answer<T> = Result<Response<T>, Status>;

#[async_trait]
impl IdentityService for App {
    async fn register(&self, request: Request<RegisterRequest>) -> Answer<RegisterResponse> {
        unary(request, |service, message| register::call(self, service, message)).await
    }

    async fn authenticate(&self, request: Request<AuthenticateRequest>) -> Answer<AuthenticateResponse> {
        unary(request, |service, message| {
            authenticate::call(self, service, message)
        })
        .await
    }

    async fn who_am_i(&self, request: Request<WhoAmIRequest>) -> Answer<WhoAmIResponse> {
        unary(request, |caller, _| who_am_i::call(self, caller)).await
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Answer<GetUserResponse> {
        unary(request, |caller, message| get_user::call(self, caller, message)).await
    }

    async fn batch_get_users(&self, request: Request<BatchGetUsersRequest>) -> Answer<BatchGetUsersResponse> {
        unary(request, |caller, message| {
            batch_get_users::call(self, caller, message)
        })
        .await
    }

    async fn get_profile(&self, request: Request<GetProfileRequest>) -> Answer<GetProfileResponse> {
        unary(request, |caller, message| {
            get_profile::call(self, caller, message)
        })
        .await
    }

    async fn update_profile(&self, request: Request<UpdateProfileRequest>) -> Answer<UpdateProfileResponse> {
        unary(request, |caller, message| {
            update_profile::call(self, caller, message)
        })
        .await
    }

    async fn delete_user(&self, request: Request<DeleteUserRequest>) -> Answer<DeleteUserResponse> {
        unary(request, |caller, message| {
            delete_user::call(self, caller, message)
        })
        .await
    }

    async fn batch_import_users(
        &self,
        request: Request<BatchImportUsersRequest>,
    ) -> Answer<BatchImportUsersResponse> {
        unary(request, |caller, message| {
            batch_import_users::call(self, caller, message)
        })
        .await
    }

    async fn list_signing_keys(
        &self,
        request: Request<ListSigningKeysRequest>,
    ) -> Answer<ListSigningKeysResponse> {
        unary(request, |(), message| list_signing_keys::call(self, message)).await
    }

    async fn get_account(&self, request: Request<GetAccountRequest>) -> Answer<GetAccountResponse> {
        unary(request, |caller, message| {
            get_account::call(self, caller, message)
        })
        .await
    }

    async fn list_users(&self, request: Request<ListUsersRequest>) -> Answer<ListUsersResponse> {
        unary(request, |caller, message| list_users::call(self, caller, message)).await
    }

    async fn search_users(&self, request: Request<SearchUsersRequest>) -> Answer<SearchUsersResponse> {
        unary(request, |caller, message| {
            search_users::call(self, caller, message)
        })
        .await
    }

    async fn update_user(&self, request: Request<UpdateUserRequest>) -> Answer<UpdateUserResponse> {
        unary(request, |caller, message| {
            update_user::call(self, caller, message)
        })
        .await
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Answer<ChangePasswordResponse> {
        unary(request, |caller, message| {
            change_password::call(self, caller, message)
        })
        .await
    }

    async fn deactivate_user(
        &self,
        request: Request<DeactivateUserRequest>,
    ) -> Answer<DeactivateUserResponse> {
        unary(request, |caller, message| {
            deactivate_user::call(self, caller, message)
        })
        .await
    }

    async fn reactivate_user(
        &self,
        request: Request<ReactivateUserRequest>,
    ) -> Answer<ReactivateUserResponse> {
        unary(request, |caller, message| {
            reactivate_user::call(self, caller, message)
        })
        .await
    }

    async fn refresh_token(&self, request: Request<RefreshTokenRequest>) -> Answer<RefreshTokenResponse> {
        unary(request, |service, message| {
            refresh_token::call(self, service, message)
        })
        .await
    }

    async fn list_sessions(&self, request: Request<ListSessionsRequest>) -> Answer<ListSessionsResponse> {
        unary(request, |caller, message| {
            list_sessions::call(self, caller, message)
        })
        .await
    }

    async fn revoke_session(&self, request: Request<RevokeSessionRequest>) -> Answer<RevokeSessionResponse> {
        unary(request, |caller, message| {
            revoke_session::call(self, caller, message)
        })
        .await
    }

    async fn revoke_all_sessions(
        &self,
        request: Request<RevokeAllSessionsRequest>,
    ) -> Answer<RevokeAllSessionsResponse> {
        unary(request, |caller, message| {
            revoke_all_sessions::call(self, caller, message)
        })
        .await
    }

    async fn rotate_signing_key(
        &self,
        request: Request<RotateSigningKeyRequest>,
    ) -> Answer<RotateSigningKeyResponse> {
        unary(request, |caller, message| {
            rotate_signing_key::call(self, caller, message)
        })
        .await
    }

    async fn remove_signing_key(
        &self,
        request: Request<RemoveSigningKeyRequest>,
    ) -> Answer<RemoveSigningKeyResponse> {
        unary(request, |caller, message| {
            remove_signing_key::call(self, caller, message)
        })
        .await
    }

    async fn create_service_account(
        &self,
        request: Request<CreateServiceAccountRequest>,
    ) -> Answer<CreateServiceAccountResponse> {
        unary(request, |caller, message| {
            create_service_account::call(self, caller, message)
        })
        .await
    }

    async fn list_service_accounts(
        &self,
        request: Request<ListServiceAccountsRequest>,
    ) -> Answer<ListServiceAccountsResponse> {
        unary(request, |caller, message| {
            list_service_accounts::call(self, caller, message)
        })
        .await
    }

    async fn rotate_service_secret(
        &self,
        request: Request<RotateServiceSecretRequest>,
    ) -> Answer<RotateServiceSecretResponse> {
        unary(request, |caller, message| {
            rotate_service_secret::call(self, caller, message)
        })
        .await
    }

    async fn revoke_service_account(
        &self,
        request: Request<RevokeServiceAccountRequest>,
    ) -> Answer<RevokeServiceAccountResponse> {
        unary(request, |caller, message| {
            revoke_service_account::call(self, caller, message)
        })
        .await
    }

    async fn issue_service_token(
        &self,
        request: Request<IssueServiceTokenRequest>,
    ) -> Answer<IssueServiceTokenResponse> {
        unary(request, |service, message| {
            issue_service_token::call(self, service, message)
        })
        .await
    }

    async fn list_audit_events(
        &self,
        request: Request<ListAuditEventsRequest>,
    ) -> Answer<ListAuditEventsResponse> {
        unary(request, |caller, message| {
            list_audit_events::call(self, caller, message)
        })
        .await
    }
}
