//! A good request for every RPC, and what its handler answers those whom the contract lets in.

use std::sync::atomic::{AtomicUsize, Ordering};

use kith_contracts::identity::v1::*;
use kith_contracts::messaging::v1::*;
use kith_contracts::posts::v1::*;
// Social-graph has requests of the same names.
use kith_contracts::posts::v1::{
    RepairCountersRequest as RepairPostCounters, VerifyCountersRequest as VerifyPostCounters,
};
use kith_contracts::social_graph::v1::*;
use kith_testkit::{Bearer, Refusal, TestApp, TestUser, answer};
use prost::Message;

/// The users that a request is about.
pub(crate) struct World {
    /// Whose things the request is about.
    pub(crate) owner: TestUser,
    /// Somebody else.
    pub(crate) other: TestUser,
    /// Whom both may follow, and who follows the owner.
    pub(crate) third: TestUser,
    /// A service account without scopes.
    pub(crate) service: Service,
    /// The third's request for the owner's friendship.
    pub(crate) friend_request_id: i64,
    /// The owner's message to the third.
    pub(crate) message_id: i64,
    /// The conversation of the two.
    pub(crate) conversation_id: i64,
    /// The owner's post.
    pub(crate) post_id: i64,
}

/// A service account with its secret.
pub(crate) struct Service {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) secret: String,
}

impl Service {
    /// A new one with these scopes.
    pub(crate) async fn new(app: &TestApp, scopes: &[&str]) -> Self {
        let request = CreateServiceAccountRequest {
            name: unique("service-"),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        };
        let mut identity = app.identity(&app.operator(&["identity.services.manage"]));
        let made = answer(identity.create_service_account(request).await);
        let account = made.service_account.expect("an account");
        Self {
            id: account.id,
            name: account.name,
            secret: made.secret,
        }
    }

    /// Tries to get a token.
    pub(crate) async fn issue(&self, app: &TestApp) -> Result<Bearer, Refusal> {
        let request = IssueServiceTokenRequest {
            name: self.name.clone(),
            secret: self.secret.clone(),
        };
        let call = app.identity(&app.nobody()).issue_service_token(request).await;
        let token = call
            .map_err(|status| Refusal::of(&status))?
            .into_inner()
            .access_token;
        Ok(Bearer(Some(token.into())))
    }

    pub(crate) async fn revoke(&self, app: &TestApp) {
        let request = RevokeServiceAccountRequest {
            service_account_id: self.id,
        };
        let mut identity = app.identity(&app.operator(&["identity.services.manage"]));
        answer(identity.revoke_service_account(request).await);
    }
}

impl World {
    /// New users, of whom the third follows the owner and asks it for friendship, and has a message by the owner; a post by
    /// the owner; and a service.
    pub(crate) async fn new(app: &TestApp) -> Self {
        let names: Vec<String> = (0..3).map(|_| unique("user")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let [owner, other, third] = app.users(&names).await.try_into().expect("three users");
        let request = FollowRequest {
            user_id: owner.id,
            allow_existing: false,
        };
        app.social_graph(&third).follow(request).await.expect("a follow");
        let friend_request_id = ask(app, &third, &owner).await;
        let (message_id, conversation_id) = write(app, &owner, &third).await;
        let post_id = post(app, &owner).await;
        Self {
            owner,
            other,
            third,
            service: Service::new(app, &[]).await,
            friend_request_id,
            message_id,
            conversation_id,
            post_id,
        }
    }
}

/// Asks for friendship, and answers the id of the request.
async fn ask(app: &TestApp, from: &TestUser, to: &TestUser) -> i64 {
    let request = SendFriendRequestRequest {
        user_id: to.id,
        ..Default::default()
    };
    match answer(app.social_graph(from).send_friend_request(request).await).result {
        Some(send_friend_request_response::Result::FriendRequest(request)) => request.id,
        other => panic!("no request: {other:?}"),
    }
}

/// Sends a message, and answers its id and that of its conversation.
async fn write(app: &TestApp, from: &TestUser, to: &TestUser) -> (i64, i64) {
    let request = SendMessageRequest {
        receiver_id: to.id,
        content: "hello".to_owned(),
        request_id: String::new(),
    };
    let sent = answer(app.messaging(from).send_message(request).await);
    let message = sent.message.expect("a message");
    (message.id, message.conversation_id)
}

/// Posts something, and answers its id.
async fn post(app: &TestApp, author: &TestUser) -> i64 {
    let request = CreatePostRequest {
        content: "hello".to_owned(),
        ..Default::default()
    };
    let made = answer(app.posts(author).create_post(request).await);
    made.post.expect("a post").id
}

/// A name that no other test of this process has.
pub(crate) fn unique(prefix: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    format!("{prefix}{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// What callers get whom the contract lets in: `OK`, or code and reason. Others are refused before, as
/// `access_matrix` derives it.
pub(crate) struct Row {
    /// `package.Service/Method`.
    pub(crate) method: &'static str,
    /// Makes a good request; each call makes another one where the first would be in the way of the second.
    pub(crate) request: fn(&World) -> Vec<u8>,
    /// What another user than the owner gets.
    pub(crate) other: &'static str,
    /// What the owner gets.
    pub(crate) owner: &'static str,
    /// What a service gets.
    pub(crate) operator: &'static str,
}

/// Every scope that a contract names.
pub(crate) const SCOPES: &[&str] = &[
    "identity.accounts.read",
    "identity.audit.read",
    "identity.keys.manage",
    "identity.services.manage",
    "identity.sessions.revoke",
    "identity.users.deactivate",
    "identity.users.delete",
    "identity.users.import",
    "posts.counters.repair",
    "social_graph.counters.repair",
    "social_graph.follows.import",
    "social_graph.friendships.import",
    "social_graph.interactions.check",
    "social_graph.relationships.read",
];

const OK: &str = "OK";
const NOT_OWNER: &str = "PermissionDenied NOT_OWNER";
const NO_MESSAGE: &str = "NotFound MESSAGE_NOT_FOUND";
const NO_CONVERSATION: &str = "NotFound CONVERSATION_NOT_FOUND";
pub(crate) const NOT_ALLOWED: &str = "PermissionDenied CALLER_NOT_ALLOWED";

macro_rules! row {
    ($method:literal, $other:expr, $owner:expr, $operator:expr, $request:expr) => {
        Row {
            method: $method,
            request: |world| $request(world).encode_to_vec(),
            other: $other,
            owner: $owner,
            operator: $operator,
        }
    };
    (open $method:literal, $all:expr, $request:expr) => {
        Row {
            method: $method,
            request: |world| $request(world).encode_to_vec(),
            other: $all,
            owner: $all,
            operator: $all,
        }
    };
}

/// What the owner may want to do.
fn like(world: &World) -> Interaction {
    Interaction {
        actor_id: world.owner.id,
        target_id: world.third.id,
        action: InteractionAction::Like.into(),
    }
}

/// The row of an RPC.
pub(crate) fn of(method: &str) -> &'static Row {
    ROWS.iter()
        .find(|row| row.method == method)
        .unwrap_or_else(|| panic!("{method} has no row; add one to rows.rs"))
}

/// One row for each RPC. What is added to the contracts is added here.
pub(crate) const ROWS: &[Row] = &[
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
    row!(
        "kith.social_graph.v1.SocialGraphService/Follow",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| FollowRequest {
            user_id: world.third.id,
            allow_existing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/Unfollow",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| UnfollowRequest {
            user_id: world.third.id,
            allow_missing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/GetFollow",
        OK,
        OK,
        OK,
        |world: &World| GetFollowRequest {
            follower_id: world.third.id,
            followed_id: world.owner.id,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/BatchCheckFollows",
        OK,
        OK,
        OK,
        |world: &World| BatchCheckFollowsRequest {
            pairs: vec![FollowPair {
                follower_id: world.owner.id,
                followed_id: world.third.id
            }],
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/BatchFollow",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |world: &World| BatchFollowRequest {
            pairs: vec![FollowPair {
                follower_id: world.owner.id,
                followed_id: world.third.id
            }],
            allow_existing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/ListFollowers",
        OK,
        OK,
        OK,
        |world: &World| ListFollowersRequest {
            user_id: world.owner.id,
            ..Default::default()
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/ListFollowing",
        OK,
        OK,
        OK,
        |world: &World| ListFollowingRequest {
            user_id: world.owner.id,
            ..Default::default()
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/GetCounts",
        OK,
        OK,
        OK,
        |world: &World| GetCountsRequest {
            user_id: world.owner.id
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/VerifyCounters",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |_: &World| kith_contracts::social_graph::v1::VerifyCountersRequest::default()
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/RepairCounters",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |_: &World| kith_contracts::social_graph::v1::RepairCountersRequest::default()
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/ListFriends",
        OK,
        OK,
        OK,
        |world: &World| ListFriendsRequest {
            user_id: world.owner.id,
            ..Default::default()
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/ListMutualFriends",
        OK,
        OK,
        OK,
        |world: &World| ListMutualFriendsRequest {
            user_id: world.owner.id,
            other_user_id: world.third.id,
            ..Default::default()
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/SuggestFriends",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| SuggestFriendsRequest::default()
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/BatchBefriend",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |world: &World| BatchBefriendRequest {
            pairs: vec![FriendPair {
                user_id: world.owner.id,
                friend_id: world.third.id
            }],
            allow_existing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/RemoveFollower",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| RemoveFollowerRequest {
            user_id: world.third.id,
            allow_missing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/SendFriendRequest",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| SendFriendRequestRequest {
            user_id: world.third.id,
            note: "we met in London".to_owned(),
            allow_existing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/CancelFriendRequest",
        OK,
        NOT_OWNER,
        NOT_ALLOWED,
        |world: &World| CancelFriendRequestRequest {
            friend_request_id: world.friend_request_id,
            allow_missing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/AcceptFriendRequest",
        "NotFound FRIEND_REQUEST_NOT_FOUND",
        OK,
        NOT_ALLOWED,
        |world: &World| AcceptFriendRequestRequest {
            friend_request_id: world.friend_request_id,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/DeclineFriendRequest",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| DeclineFriendRequestRequest {
            friend_request_id: world.friend_request_id,
            allow_missing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/GetFriendRequest",
        "NotFound FRIEND_REQUEST_NOT_FOUND",
        OK,
        NOT_ALLOWED,
        |world: &World| GetFriendRequestRequest {
            friend_request_id: world.friend_request_id,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/ListSentRequests",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| ListSentRequestsRequest::default()
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/ListReceivedRequests",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| ListReceivedRequestsRequest::default()
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/Unfriend",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| UnfriendRequest {
            user_id: world.third.id,
            allow_missing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/BlockUser",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| BlockUserRequest {
            user_id: world.third.id,
            allow_existing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/UnblockUser",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| UnblockUserRequest {
            user_id: world.third.id,
            allow_missing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/ListBlocks",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| ListBlocksRequest::default()
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/MuteUser",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| MuteUserRequest {
            user_id: world.third.id,
            ttl: Some(prost_types::Duration {
                seconds: 3600,
                nanos: 0,
            }),
            allow_existing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/UnmuteUser",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| UnmuteUserRequest {
            user_id: world.third.id,
            allow_missing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/ListMutes",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| ListMutesRequest::default()
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/GetRelationship",
        NOT_OWNER,
        OK,
        OK,
        |world: &World| GetRelationshipRequest {
            viewer_id: world.owner.id,
            user_id: world.third.id,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/BatchGetRelationships",
        NOT_OWNER,
        OK,
        OK,
        |world: &World| BatchGetRelationshipsRequest {
            viewer_id: world.owner.id,
            user_ids: vec![world.third.id],
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/CheckInteraction",
        NOT_OWNER,
        OK,
        OK,
        |world: &World| CheckInteractionRequest {
            interaction: Some(like(world)),
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/BatchCheckInteractions",
        NOT_OWNER,
        OK,
        OK,
        |world: &World| BatchCheckInteractionsRequest {
            interactions: vec![like(world)],
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/SendMessage",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| SendMessageRequest {
            receiver_id: world.third.id,
            content: "hello".to_owned(),
            request_id: String::new(),
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/GetMessage",
        NO_MESSAGE,
        OK,
        NOT_ALLOWED,
        |world: &World| GetMessageRequest {
            message_id: world.message_id
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/BatchGetMessages",
        NO_MESSAGE,
        OK,
        NOT_ALLOWED,
        |world: &World| BatchGetMessagesRequest {
            message_ids: vec![world.message_id]
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/ListMessages",
        NO_CONVERSATION,
        OK,
        NOT_ALLOWED,
        |world: &World| ListMessagesRequest {
            conversation_id: world.conversation_id,
            after_seq: Some(0),
            ..Default::default()
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/ListSentMessages",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| ListSentMessagesRequest::default()
    ),
    row!(
        "kith.messaging.v1.MessagingService/ListReceivedMessages",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| ListReceivedMessagesRequest::default()
    ),
    row!(
        "kith.messaging.v1.MessagingService/SearchMessages",
        NO_CONVERSATION,
        OK,
        NOT_ALLOWED,
        |world: &World| SearchMessagesRequest {
            query: "hello".to_owned(),
            conversation_id: world.conversation_id,
            ..Default::default()
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/EditMessage",
        NO_MESSAGE,
        OK,
        NOT_ALLOWED,
        |world: &World| EditMessageRequest {
            message_id: world.message_id,
            content: unique("hello "),
            etag: String::new(),
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/ListMessageEdits",
        NO_MESSAGE,
        OK,
        NOT_ALLOWED,
        |world: &World| ListMessageEditsRequest {
            message_id: world.message_id,
            ..Default::default()
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/DeleteMessage",
        NO_MESSAGE,
        OK,
        NOT_ALLOWED,
        |world: &World| DeleteMessageRequest {
            message_id: world.message_id,
            scope: DeleteMessageScope::Both.into(),
            allow_missing: false,
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/ListConversations",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| ListConversationsRequest::default()
    ),
    row!(
        "kith.messaging.v1.MessagingService/GetConversation",
        NO_CONVERSATION,
        OK,
        NOT_ALLOWED,
        |world: &World| GetConversationRequest {
            key: Some(get_conversation_request::Key::ConversationId(
                world.conversation_id
            )),
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/MarkRead",
        NO_MESSAGE,
        OK,
        NOT_ALLOWED,
        |world: &World| MarkReadRequest {
            message_id: world.message_id
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/MarkAllRead",
        NO_CONVERSATION,
        OK,
        NOT_ALLOWED,
        |world: &World| MarkAllReadRequest {
            conversation_id: world.conversation_id
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/GetUnreadCount",
        NO_CONVERSATION,
        OK,
        NOT_ALLOWED,
        |world: &World| GetUnreadCountRequest {
            conversation_id: world.conversation_id
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/MuteConversation",
        NO_CONVERSATION,
        OK,
        NOT_ALLOWED,
        |world: &World| MuteConversationRequest {
            conversation_id: world.conversation_id,
            ttl: Some(prost_types::Duration {
                seconds: 60,
                nanos: 0
            }),
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/UnmuteConversation",
        NO_CONVERSATION,
        OK,
        NOT_ALLOWED,
        |world: &World| UnmuteConversationRequest {
            conversation_id: world.conversation_id
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/GetMessagingSettings",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| GetMessagingSettingsRequest {}
    ),
    row!(
        "kith.messaging.v1.MessagingService/UpdateMessagingSettings",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| UpdateMessagingSettingsRequest {
            accepted_senders: Some(AcceptedSenders::Everyone.into()),
            update_mask: Some(prost_types::FieldMask {
                paths: vec!["accepted_senders".to_owned()]
            }),
            etag: String::new(),
        }
    ),
    row!(
        "kith.posts.v1.PostsService/CreatePost",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| CreatePostRequest {
            content: format!("@{} #hello", world.owner.username),
            parent_id: world.post_id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/GetPost",
        OK,
        OK,
        OK,
        |world: &World| GetPostRequest {
            post_id: world.post_id
        }
    ),
    row!(
        "kith.posts.v1.PostsService/BatchGetPosts",
        OK,
        OK,
        OK,
        |world: &World| BatchGetPostsRequest {
            post_ids: vec![world.post_id]
        }
    ),
    row!(
        "kith.posts.v1.PostsService/UpdatePost",
        NOT_OWNER,
        OK,
        NOT_ALLOWED,
        |world: &World| UpdatePostRequest {
            post_id: world.post_id,
            content: Some(unique("hello ")),
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/ListPostEdits",
        OK,
        OK,
        OK,
        |world: &World| ListPostEditsRequest {
            post_id: world.post_id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/DeletePost",
        NOT_OWNER,
        OK,
        NOT_ALLOWED,
        |world: &World| DeletePostRequest {
            post_id: world.post_id,
            allow_missing: false
        }
    ),
    row!("kith.posts.v1.PostsService/ListPosts", OK, OK, OK, |_: &World| {
        ListPostsRequest::default()
    }),
    row!(
        "kith.posts.v1.PostsService/ListPostsByAuthor",
        OK,
        OK,
        OK,
        |world: &World| ListPostsByAuthorRequest {
            author_id: world.owner.id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/ListReplies",
        OK,
        OK,
        OK,
        |world: &World| ListRepliesRequest {
            post_id: world.post_id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/GetThread",
        OK,
        OK,
        OK,
        |world: &World| GetThreadRequest {
            post_id: world.post_id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/LikePost",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| LikePostRequest {
            post_id: world.post_id,
            allow_existing: true
        }
    ),
    row!(
        "kith.posts.v1.PostsService/UnlikePost",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| UnlikePostRequest {
            post_id: world.post_id,
            allow_missing: true
        }
    ),
    row!(
        "kith.posts.v1.PostsService/ListLikers",
        OK,
        OK,
        OK,
        |world: &World| ListLikersRequest {
            post_id: world.post_id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/ListLikedPosts",
        OK,
        OK,
        OK,
        |world: &World| ListLikedPostsRequest {
            user_id: world.owner.id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/SharePost",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| SharePostRequest {
            post_id: world.post_id,
            allow_existing: true
        }
    ),
    row!(
        "kith.posts.v1.PostsService/UnsharePost",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| UnsharePostRequest {
            post_id: world.post_id,
            allow_missing: true
        }
    ),
    row!(
        "kith.posts.v1.PostsService/ListSharers",
        OK,
        OK,
        OK,
        |world: &World| ListSharersRequest {
            post_id: world.post_id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/ListSharedPosts",
        OK,
        OK,
        OK,
        |world: &World| ListSharedPostsRequest {
            user_id: world.owner.id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/ListHomeTimeline",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| ListHomeTimelineRequest::default()
    ),
    row!(
        "kith.posts.v1.PostsService/ListPostsByHashtag",
        OK,
        OK,
        OK,
        |_: &World| ListPostsByHashtagRequest {
            tag: "hello".to_owned(),
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/ListMentions",
        OK,
        OK,
        OK,
        |world: &World| ListMentionsRequest {
            user_id: world.owner.id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/SearchPosts",
        OK,
        OK,
        OK,
        |_: &World| SearchPostsRequest {
            query: "hello".to_owned(),
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/VerifyCounters",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |_: &World| VerifyPostCounters::default()
    ),
    row!(
        "kith.posts.v1.PostsService/RepairCounters",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |_: &World| RepairPostCounters::default()
    ),
];
