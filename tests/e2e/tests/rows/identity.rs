//! The RPCs of identity.

use kith_contracts::identity::v1::*;
use prost::Message;

use super::{NOT_ALLOWED, NOT_OWNER, OK, Row, World, unique};

/// One row for each.
pub(super) const ROWS: &[Row] = &[
    row!(open "kith.identity.v1.IdentityService/Register", OK, |_: &World| RegisterRequest {
        username: unique("new"),
        email: format!("{}@example.org", unique("new")),
        password: "correct horse".to_owned(),
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
    }),
    row!(open "kith.identity.v1.IdentityService/Authenticate", "Unauthenticated CREDENTIALS_INVALID", |world: &World| AuthenticateRequest {
        identifier: Some(authenticate_request::Identifier::Username(world.owner.username.clone())),
        password: "correct horse".to_owned(),
        device_label: "e2e".to_owned(),
    }),
    row!(
        "kith.identity.v1.IdentityService/WhoAmI",
        OK,
        OK,
        OK,
        |_: &World| WhoAmIRequest {}
    ),
    row!(
        "kith.identity.v1.IdentityService/GetUser",
        OK,
        OK,
        OK,
        |world: &World| GetUserRequest {
            user_id: world.owner.id
        }
    ),
    row!(
        "kith.identity.v1.IdentityService/BatchGetUsers",
        OK,
        OK,
        OK,
        |world: &World| BatchGetUsersRequest {
            keys: vec![UserKey {
                key: Some(user_key::Key::UserId(world.owner.id))
            }],
        }
    ),
    row!(
        "kith.identity.v1.IdentityService/GetProfile",
        OK,
        OK,
        OK,
        |world: &World| GetProfileRequest {
            user_id: world.owner.id
        }
    ),
    row!(
        "kith.identity.v1.IdentityService/UpdateProfile",
        NOT_OWNER,
        OK,
        NOT_ALLOWED,
        |world: &World| UpdateProfileRequest {
            profile: Some(Profile {
                user_id: world.owner.id,
                bio: Some("writes programs".to_owned()),
                avatar_url: Some("https://example.org/a.png".to_owned()),
                location: Some("London".to_owned()),
                website_url: Some("https://example.org".to_owned()),
                ..Default::default()
            }),
            update_mask: Some(prost_types::FieldMask {
                paths: ["bio", "avatar_url", "location", "website_url"]
                    .map(str::to_owned)
                    .to_vec(),
            }),
        }
    ),
    row!(
        "kith.identity.v1.IdentityService/DeleteUser",
        NOT_OWNER,
        OK,
        OK,
        |world: &World| DeleteUserRequest {
            user_id: world.owner.id,
            allow_missing: true,
        }
    ),
    row!(
        "kith.identity.v1.IdentityService/BatchImportUsers",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |_: &World| BatchImportUsersRequest {
            users: vec![ImportedUser {
                username: unique("imported"),
                first_name: "Ada".to_owned(),
                last_name: "Lovelace".to_owned()
            }],
            allow_existing: true,
        }
    ),
    row!(open "kith.identity.v1.IdentityService/ListSigningKeys", OK, |_: &World| ListSigningKeysRequest::default()),
    row!(
        "kith.identity.v1.IdentityService/GetAccount",
        NOT_OWNER,
        OK,
        OK,
        |world: &World| GetAccountRequest {
            user_id: world.owner.id
        }
    ),
    row!(
        "kith.identity.v1.IdentityService/ListUsers",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |_: &World| ListUsersRequest::default()
    ),
    row!(
        "kith.identity.v1.IdentityService/SearchUsers",
        OK,
        OK,
        OK,
        |world: &World| SearchUsersRequest {
            query: world.owner.username.clone(),
            ..Default::default()
        }
    ),
    row!(
        "kith.identity.v1.IdentityService/UpdateUser",
        NOT_OWNER,
        OK,
        NOT_ALLOWED,
        |world: &World| UpdateUserRequest {
            user_id: world.owner.id,
            username: Some(unique("renamed")),
            email: Some(format!("{}@example.org", unique("renamed"))),
            first_name: Some("Ada".to_owned()),
            last_name: Some("Lovelace".to_owned()),
            update_mask: Some(prost_types::FieldMask {
                paths: ["username", "email", "first_name", "last_name"]
                    .map(str::to_owned)
                    .to_vec(),
            }),
            etag: String::new(),
        }
    ),
    // The users of a world have no password.
    row!(
        "kith.identity.v1.IdentityService/ChangePassword",
        "Unauthenticated CREDENTIALS_INVALID",
        "Unauthenticated CREDENTIALS_INVALID",
        NOT_ALLOWED,
        |_: &World| ChangePasswordRequest {
            old_password: "correct horse".to_owned(),
            new_password: "battery staple".to_owned(),
        }
    ),
    row!(
        "kith.identity.v1.IdentityService/DeactivateUser",
        NOT_OWNER,
        OK,
        OK,
        |world: &World| DeactivateUserRequest {
            user_id: world.owner.id
        }
    ),
    row!(
        "kith.identity.v1.IdentityService/ReactivateUser",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |world: &World| ReactivateUserRequest {
            user_id: world.owner.id
        }
    ),
    row!(open "kith.identity.v1.IdentityService/RefreshToken", "Unauthenticated REFRESH_TOKEN_INVALID", |_: &World| RefreshTokenRequest {
        refresh_token: "nobody was given this".to_owned(),
    }),
    row!(
        "kith.identity.v1.IdentityService/ListSessions",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| ListSessionsRequest::default()
    ),
    row!(
        "kith.identity.v1.IdentityService/RevokeSession",
        "NotFound SESSION_NOT_FOUND",
        "NotFound SESSION_NOT_FOUND",
        NOT_ALLOWED,
        |_: &World| RevokeSessionRequest {
            session_id: i64::MAX,
            allow_missing: false,
        }
    ),
    row!(
        "kith.identity.v1.IdentityService/RevokeAllSessions",
        NOT_OWNER,
        OK,
        OK,
        |world: &World| RevokeAllSessionsRequest {
            user_id: world.owner.id,
            keep_current: true,
        }
    ),
    // There is one key, which signs, and none to follow it.
    row!(
        "kith.identity.v1.IdentityService/RotateSigningKey",
        NOT_ALLOWED,
        NOT_ALLOWED,
        "FailedPrecondition SIGNING_KEY_NOT_READY",
        |_: &World| RotateSigningKeyRequest {}
    ),
    row!(
        "kith.identity.v1.IdentityService/RemoveSigningKey",
        NOT_ALLOWED,
        NOT_ALLOWED,
        "NotFound SIGNING_KEY_NOT_FOUND",
        |_: &World| RemoveSigningKeyRequest {
            key_id: "no key is called this".to_owned(),
            emergency: false,
        }
    ),
    row!(
        "kith.identity.v1.IdentityService/ListAuditEvents",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |_: &World| ListAuditEventsRequest::default()
    ),
    row!(
        "kith.identity.v1.IdentityService/CreateServiceAccount",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |_: &World| CreateServiceAccountRequest {
            name: unique("made-"),
            scopes: vec!["identity.accounts.read".to_owned()],
        }
    ),
    row!(
        "kith.identity.v1.IdentityService/ListServiceAccounts",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |_: &World| ListServiceAccountsRequest::default()
    ),
    row!(
        "kith.identity.v1.IdentityService/RotateServiceSecret",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |world: &World| RotateServiceSecretRequest {
            service_account_id: world.service.id
        }
    ),
    row!(
        "kith.identity.v1.IdentityService/RevokeServiceAccount",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |world: &World| RevokeServiceAccountRequest {
            service_account_id: world.service.id
        }
    ),
    row!(open "kith.identity.v1.IdentityService/IssueServiceToken", OK, |world: &World| IssueServiceTokenRequest {
        name: world.service.name.clone(),
        secret: world.service.secret.clone(),
    }),
];
