//! One file per RPC. This one is the table of contents: it only delegates.

mod authenticate;
mod batch_get_users;
mod batch_import_users;
mod convert;
mod delete_user;
mod get_profile;
mod get_user;
mod list_signing_keys;
mod register;
mod update_profile;
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
        unary(request, |(), message| register::call(self, message)).await
    }

    async fn authenticate(&self, request: Request<AuthenticateRequest>) -> Answer<AuthenticateResponse> {
        unary(request, |(), message| authenticate::call(self, message)).await
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
}
