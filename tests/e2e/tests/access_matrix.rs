//! Every RPC, called by every kind of caller.
//!
//! What must come of a call is derived in one place, [`expected`], from the access rule in the RPC's contract and from what
//! the caller proves. The rows add what a handler answers those whom the rule lets in.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kith_contracts::identity::v1::{DeactivateUserRequest, RevokeSessionRequest};
use kith_postgres::PoolSettings;
use kith_primitives::{ServiceCaller, ServiceId, UserCaller, UserId};
use kith_rpc::{Audience, Method, Methods};
use kith_testkit::{AppOptions, Bearer, Caller, TestApp, TestUser, answer, execute};
use kith_tokens::{Issuer, SigningKey, Subject};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use tokio::task::JoinSet;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};

use crate::raw::{bearer, call_with, method, methods, name};
use crate::rows::{self, NOT_ALLOWED, Row, SCOPES, Service, World};

/// The RPCs that a deactivated user is refused, although it may call with the token that it has.
const NOT_FOR_THE_INACTIVE: &[&str] = &[
    "kith.social_graph.v1.SocialGraphService/Follow",
    "kith.social_graph.v1.SocialGraphService/SendFriendRequest",
    "kith.social_graph.v1.SocialGraphService/AcceptFriendRequest",
    "kith.posts.v1.PostsService/CreatePost",
    "kith.posts.v1.PostsService/LikePost",
    "kith.posts.v1.PostsService/SharePost",
    "kith.messaging.v1.MessagingService/SendMessage",
    "kith.messaging.v1.MessagingService/EditMessage",
];

/// A kind of caller: what the two headers of its calls carry, and what that proves.
struct Kind {
    name: String,
    /// `authorization`
    first: Vec<Token>,
    /// `x-kith-service-authorization`
    second: Vec<Token>,
    proves: Proves,
}

/// Who calls, as far as it is proven.
#[derive(Clone, Copy, Debug)]
enum Proves {
    /// No token came.
    Nobody,
    /// A user, by itself or through a service.
    User(Who),
    /// A service by itself.
    Service(Scopes),
    /// Whatever came is refused, for this reason.
    Nothing(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Owner,
    Other,
    DeactivatedOwner,
}

/// Which scopes a service has.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scopes {
    None,
    /// All but the one of the RPC.
    Others,
    /// The one of the RPC alone; none where it has none.
    The,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Token {
    of: Of,
    flaw: Option<Flaw>,
}

/// Whose token it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Of {
    User(Who),
    /// The owner in a session that it has ended.
    EndedSession,
    /// A service by a token that was signed by hand.
    Signed(Scopes),
    /// A service account by IssueServiceToken.
    Issued(Scopes),
    /// The same, and the account is revoked since.
    Revoked(Scopes),
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    Malformed,
    Scheme,
    Algorithm,
    Audience,
    Issuer,
    Key,
    Expired,
}

impl Flaw {
    const ALL: [Self; 7] = [
        Self::Malformed,
        Self::Scheme,
        Self::Algorithm,
        Self::Audience,
        Self::Issuer,
        Self::Key,
        Self::Expired,
    ];

    fn reason(self) -> &'static str {
        match self {
            Self::Expired => "TOKEN_EXPIRED",
            _ => INVALID,
        }
    }
}

const INVALID: &str = "TOKEN_INVALID";

/// What a caller of a kind must get.
fn expected(rule: &Method, row: &Row, kind: &Kind) -> String {
    use Audience as For;
    let answer = match (rule.audience, kind.proves) {
        // Who has a bad token may get another one here. But a service that passes the call on is looked at.
        (For::Open, _) => match refused_as_a_service(&kind.second) {
            Some(reason) => return format!("Unauthenticated {reason}"),
            None => row.owner,
        },
        (_, Proves::Nothing(reason)) => return format!("Unauthenticated {reason}"),
        (_, Proves::Nobody) => "Unauthenticated TOKEN_MISSING",
        // A user has its own rights and no others, whatever the service may that passes its call on.
        (For::Caller | For::User | For::UserOrOperator, Proves::User(who)) => row.of(who),
        (For::Operator, Proves::User(_)) | (For::User, Proves::Service(_)) => NOT_ALLOWED,
        (For::Caller, Proves::Service(_)) => row.operator,
        (For::Operator | For::UserOrOperator, Proves::Service(Scopes::The)) => row.operator,
        (For::Operator | For::UserOrOperator, Proves::Service(_)) => "PermissionDenied SCOPE_MISSING",
        (For::Unspecified, _) => "PermissionDenied ACCESS_RULE_MISSING",
    };
    answer.to_owned()
}

/// Why the tokens in `x-kith-service-authorization` are refused, whatever else comes with them.
fn refused_as_a_service(tokens: &[Token]) -> Option<&'static str> {
    match tokens {
        [] => None,
        [token] => match (token.of, token.flaw) {
            (_, Some(flaw)) => Some(flaw.reason()),
            (Of::User(_) | Of::EndedSession, None) => Some(INVALID),
            (Of::Signed(_) | Of::Issued(_) | Of::Revoked(_), None) => None,
        },
        _ => Some(INVALID),
    }
}

impl Row {
    fn of(&self, who: Who) -> &'static str {
        match who {
            Who::Owner => self.owner,
            Who::Other => self.other,
            Who::DeactivatedOwner if NOT_FOR_THE_INACTIVE.contains(&self.method) => {
                "FailedPrecondition USER_INACTIVE"
            }
            Who::DeactivatedOwner => self.owner,
        }
    }
}

/// Every kind of caller.
fn kinds() -> Vec<Kind> {
    use Of::{EndedSession, Issued, Revoked, Signed, User};
    use Proves::{Nobody, Nothing, Service as AsService, User as AsUser};
    use Scopes::{None as NoScope, Others, The};
    use Who::{DeactivatedOwner, Other, Owner};
    let kind = |name: &str, first: &[Of], second: &[Of], proves| Kind {
        name: name.to_owned(),
        first: first.iter().copied().map(good).collect(),
        second: second.iter().copied().map(good).collect(),
        proves,
    };
    let mut kinds = vec![
        kind("nobody", &[], &[], Nobody),
        kind("the owner", &[User(Owner)], &[], AsUser(Owner)),
        kind("another user", &[User(Other)], &[], AsUser(Other)),
        kind(
            "a user whose session has ended",
            &[EndedSession],
            &[],
            AsUser(Owner),
        ),
        kind(
            "a deactivated user",
            &[User(DeactivatedOwner)],
            &[],
            AsUser(DeactivatedOwner),
        ),
        kind(
            "a service without scope",
            &[Signed(NoScope)],
            &[],
            AsService(NoScope),
        ),
        kind(
            "a service with other scopes",
            &[Signed(Others)],
            &[],
            AsService(Others),
        ),
        kind("a service with the scope", &[Signed(The)], &[], AsService(The)),
        kind(
            "a service account without scope",
            &[Issued(NoScope)],
            &[],
            AsService(NoScope),
        ),
        kind(
            "a service account with other scopes",
            &[Issued(Others)],
            &[],
            AsService(Others),
        ),
        kind(
            "a service account with the scope",
            &[Issued(The)],
            &[],
            AsService(The),
        ),
        kind("a revoked service account", &[Revoked(The)], &[], AsService(The)),
        kind(
            "a user through a service without scope",
            &[User(Owner)],
            &[Signed(NoScope)],
            AsUser(Owner),
        ),
        kind(
            "a user through a service with the scope",
            &[User(Owner)],
            &[Signed(The)],
            AsUser(Owner),
        ),
        kind(
            "a user through a service account",
            &[User(Owner)],
            &[Issued(The)],
            AsUser(Owner),
        ),
        kind(
            "a user through a revoked service account",
            &[User(Owner)],
            &[Revoked(The)],
            AsUser(Owner),
        ),
        kind(
            "another user through a service with the scope",
            &[User(Other)],
            &[Signed(The)],
            AsUser(Other),
        ),
        kind("swapped tokens", &[Signed(The)], &[User(Owner)], Nothing(INVALID)),
        kind(
            "a user in the service's header",
            &[],
            &[User(Owner)],
            Nothing(INVALID),
        ),
        kind(
            "a user in both headers",
            &[User(Owner)],
            &[User(Owner)],
            Nothing(INVALID),
        ),
        kind(
            "a service in the service's header alone",
            &[],
            &[Signed(The)],
            Nothing(INVALID),
        ),
        kind(
            "a service in both headers",
            &[Signed(The)],
            &[Signed(The)],
            Nothing(INVALID),
        ),
        kind(
            "two tokens in one header",
            &[User(Owner), User(Owner)],
            &[],
            Nothing(INVALID),
        ),
        kind(
            "a user and a service in one header",
            &[User(Owner), Signed(The)],
            &[],
            Nothing(INVALID),
        ),
        kind(
            "a user through two services",
            &[User(Owner)],
            &[Signed(The), Issued(The)],
            Nothing(INVALID),
        ),
    ];
    for flaw in Flaw::ALL {
        let proves = Nothing(flaw.reason());
        let flawed = |of| vec![Token { of, flaw: Some(flaw) }];
        let kind = |name: &str, first, second| Kind {
            name: format!("{name}: {flaw:?}"),
            first,
            second,
            proves,
        };
        kinds.extend([
            kind("a user's bad token", flawed(User(Owner)), Vec::new()),
            kind("a service's bad token", flawed(Signed(The)), Vec::new()),
            kind(
                "a bad token beside a user's",
                vec![good(User(Owner))],
                flawed(Signed(The)),
            ),
            kind(
                "a user's bad token through a service",
                flawed(User(Owner)),
                vec![good(Signed(The))],
            ),
        ]);
    }
    kinds
}

fn good(of: Of) -> Token {
    Token { of, flaw: None }
}

#[test]
fn every_rpc_has_one_row() {
    let rpcs: BTreeSet<String> = methods().iter().map(name).collect();
    let with_row: BTreeSet<String> = rows::all().map(|row| row.method.to_owned()).collect();
    assert_eq!(rpcs, with_row);
    assert_eq!(with_row.len(), rows::all().count(), "an RPC has two rows");
}

/// What a row says of callers whom the rule refuses is that, so that nobody reads a row and believes otherwise.
#[test]
fn rows_say_nothing_else_than_the_rules() {
    for row in rows::all() {
        let rule = rule(row.method);
        let for_users = rule.audience != Audience::Operator;
        let for_services = rule.audience != Audience::User;
        assert_eq!(row.owner != NOT_ALLOWED, for_users, "{}", row.method);
        assert_eq!(row.other != NOT_ALLOWED, for_users, "{}", row.method);
        assert_eq!(row.operator != NOT_ALLOWED, for_services, "{}", row.method);
    }
}

#[test]
fn the_scopes_are_those_of_the_contracts() {
    let scopes: BTreeSet<String> = SCOPES.iter().map(|scope| (*scope).to_owned()).collect();
    assert_eq!(scopes, rules().scopes());
}

// Controls, and the kinds whose cells were wrong then, for each RPC that the weakness opens:
// * `Caller::operates_with` ignores scopes: services and service accounts without scope, or with other ones.
// * A service lends users its scopes, in `operates_with`, `authorise` and `ServiceCaller::from_caller` (one of these alone
//   opens nothing): both users through services with the scope, and through service accounts.
// * The second value of a header is ignored: two tokens, or a user and a service, in one header; two services.
// * Tokens count in either order, and the service's header alone too: swapped tokens; a service in its header alone.
// * The service's header is ignored beside another token: swapped tokens; one in both headers; two services; each bad
//   token beside a user's. The same on open RPCs when those ignored it.
#[tokio::test(flavor = "multi_thread")]
async fn each_caller_gets_what_the_contract_says() {
    let options = AppOptions {
        pool: PoolSettings {
            // All rows are walked at the same time, and only their answers matter.
            checkout_timeout: Duration::from_secs(60),
            ..AppOptions::default().pool
        },
        ..AppOptions::default()
    };
    let app = Arc::new(TestApp::start_with(options).await);
    let rows: JoinSet<Vec<String>> = rows::all()
        .map(|row| wrong_cells(Arc::clone(&app), row))
        .collect();
    let wrong = rows.join_all().await.concat();
    assert!(wrong.is_empty(), "{} cells: {wrong:#?}", wrong.len());
}

/// What comes otherwise than expected, of all calls of one RPC.
async fn wrong_cells(app: Arc<TestApp>, row: &'static Row) -> Vec<String> {
    let (rule, mut wrong) = (rule(row.method), Vec::new());
    let mut world = World::new(&app).await;
    for kind in kinds() {
        let expected = expected(&rule, row, &kind);
        let metadata = kind.metadata(&app, &world, &rule).await;
        let got = outcome(&app, row, &world, metadata).await;
        // What has changed must not be in the way of the next.
        if got == "OK" && !rule.read_only || kind.changes_the_world() {
            world = World::new(&app).await;
        }
        if got != expected {
            wrong.push(format!(
                "{} by {}: expected {expected}, got {got}",
                row.method, kind.name
            ));
        }
    }
    wrong
}

fn rules() -> Methods {
    Methods::from_descriptors(kith_contracts::FILE_DESCRIPTOR_SET).expect("the contracts' descriptors")
}

fn rule(method: &str) -> Method {
    let rule = rules().find(&format!("/{method}"));
    Method::clone(&rule.unwrap_or_else(|| panic!("no RPC is called {method}")))
}

async fn outcome(app: &TestApp, row: &Row, world: &World, metadata: MetadataMap) -> String {
    match call_with(app, &method(row.method), metadata, (row.request)(world)).await {
        Ok(_) => "OK".to_owned(),
        Err(refusal) => format!("{:?} {}", refusal.code, refusal.reason),
    }
}

impl Kind {
    fn changes_the_world(&self) -> bool {
        self.first.contains(&good(Of::User(Who::DeactivatedOwner)))
    }

    async fn metadata(&self, app: &TestApp, world: &World, rule: &Method) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        for token in &self.first {
            metadata.append("authorization", token.value(app, world, rule).await);
        }
        for token in &self.second {
            let value = token.value(app, world, rule).await;
            metadata.append("x-kith-service-authorization", value);
        }
        metadata
    }
}

impl Token {
    async fn value(self, app: &TestApp, world: &World, rule: &Method) -> AsciiMetadataValue {
        let Some(flaw) = self.flaw else {
            return bearer(&self.of.token(app, world, rule).await);
        };
        let subject = self.of.subject(world, rule);
        let now = SystemTime::now();
        let ours = app.issuer();
        let by = |key: &SigningKey, issuer: &str, audience: &str| {
            let issuer = Issuer::new(key.clone(), issuer, audience).expect("an issuer");
            bearer(&issuer.issue(&subject, now).expect("a token").token)
        };
        match flaw {
            Flaw::Malformed => bearer(&"not.a.token".into()),
            Flaw::Scheme => {
                let good = self.of.token(app, world, rule).await;
                format!("Basic {}", good.expose_secret()).parse().expect("ASCII")
            }
            Flaw::Algorithm => bearer(&signed_with_the_public_key(ours, &subject)),
            Flaw::Audience => by(ours.key(), "kith-test", "another"),
            Flaw::Issuer => by(ours.key(), "another", "kith-test"),
            Flaw::Key => by(&SigningKey::generate().expect("a key"), "kith-test", "kith-test"),
            Flaw::Expired => {
                let long_ago = now - subject.lifetime();
                bearer(&ours.issue(&subject, long_ago).expect("a token").token)
            }
        }
    }
}

impl Of {
    async fn token(self, app: &TestApp, world: &World, rule: &Method) -> SecretString {
        let owner = &world.owner;
        match self {
            Of::User(Who::DeactivatedOwner) => deactivate(app, owner).await,
            Of::EndedSession => return ended_session(app, owner).await,
            Of::Issued(scopes) | Of::Revoked(scopes) => {
                let service = Service::new(app, &scopes.of(rule)).await;
                let token = service.issue(app).await.expect("a token");
                if matches!(self, Of::Revoked(_)) {
                    service.revoke(app).await;
                }
                return token.token().expect("a token").clone();
            }
            Of::User(_) | Of::Signed(_) => {}
        }
        let issued = app.issuer().issue(&self.subject(world, rule), SystemTime::now());
        issued.expect("a token").token
    }

    /// Who the token speaks of, where no service account must be made for it.
    fn subject(self, world: &World, rule: &Method) -> Subject {
        let user = |user: &TestUser| {
            Subject::User(UserCaller {
                user_id: UserId::from_database(user.id),
                session_id: "s".to_owned(),
            })
        };
        match self {
            Of::User(Who::Other) => user(&world.other),
            Of::User(_) | Of::EndedSession => user(&world.owner),
            Of::Signed(scopes) | Of::Issued(scopes) | Of::Revoked(scopes) => {
                Subject::Service(ServiceCaller {
                    service_id: ServiceId::from_database(1),
                    scopes: scopes.of(rule).into_iter().map(str::to_owned).collect(),
                })
            }
        }
    }
}

impl Scopes {
    fn of(self, rule: &Method) -> Vec<&'static str> {
        let all = SCOPES.iter().copied();
        match self {
            Scopes::None => Vec::new(),
            Scopes::Others => all.filter(|scope| *scope != rule.scope).collect(),
            Scopes::The => all.filter(|scope| *scope == rule.scope).collect(),
        }
    }
}

async fn deactivate(app: &TestApp, user: &TestUser) {
    let request = DeactivateUserRequest { user_id: user.id };
    answer(app.identity(user).deactivate_user(request).await);
}

/// A token of a session that its user has ended.
async fn ended_session(app: &TestApp, user: &TestUser) -> SecretString {
    // Sessions are made by passwords, and that takes long. No other session has this id.
    let session_id = user.id + 1_000_000_000;
    let sign_in = format!(
        "INSERT INTO identity.sessions (id, user_id, expires_at) OVERRIDING SYSTEM VALUE
        VALUES ({session_id}, {}, now() + interval '1 hour') ON CONFLICT DO NOTHING",
        user.id
    );
    execute(app, &sign_in).await;
    let issued = app
        .issuer()
        .user(UserId::from_database(user.id), &session_id.to_string());
    let token = issued.expect("a token").token;
    let request = RevokeSessionRequest {
        session_id,
        allow_missing: false,
    };
    let mut identity = app.identity(&Bearer(Some(token.clone())));
    answer(identity.revoke_session(request).await);
    token
}

/// The oldest attack on JWTs: HS256 with the public key, which everybody knows, as the secret.
fn signed_with_the_public_key(issuer: &Issuer, subject: &Subject) -> SecretString {
    let key = issuer.key();
    let good = issuer.issue(subject, SystemTime::now()).expect("a token").token;
    let claims = good.expose_secret().split('.').nth(1).expect("claims");
    let header = format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{}"}}"#, key.key_id());
    let signed = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header));
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, &key.public_key()),
        signed.as_bytes(),
    );
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)).into()
}
