//! A good request for every RPC, and what its handler answers those whom the contract lets in.

use std::sync::atomic::{AtomicUsize, Ordering};

use kith_contracts::identity::v1::*;
use kith_contracts::messaging::v1::*;
use kith_contracts::posts::v1::*;
use kith_contracts::social_graph::v1::*;
use kith_testkit::{Bearer, Refusal, TestApp, TestUser, answer};

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

mod identity;
mod messaging;
mod posts;
mod social_graph;

/// One row for each RPC. What is added to a contract is added to the file of its service.
pub(crate) fn all() -> impl Iterator<Item = &'static Row> {
    let services = [identity::ROWS, social_graph::ROWS, messaging::ROWS, posts::ROWS];
    services.into_iter().flatten()
}

/// The row of an RPC.
pub(crate) fn of(method: &str) -> &'static Row {
    all()
        .find(|row| row.method == method)
        .unwrap_or_else(|| panic!("{method} has no row; add one to its service's file in rows/"))
}
