//! What the tests of several RPCs need.

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use kith_contracts::identity::v1::{
    Account, AuthenticateRequest, AuthenticateResponse, BatchImportUsersRequest, CreateServiceAccountRequest,
    GetAccountRequest, ImportedUser, IssueServiceTokenRequest, IssueServiceTokenResponse,
    ListSessionsRequest, RefreshTokenRequest, RefreshTokenResponse, RegisterRequest, ServiceAccount, Session,
    authenticate_request, batch_import_users_result,
};
use kith_testkit::{Bearer, Caller, TestApp, TestUser};
pub(crate) use kith_testkit::{Uncommitted, answer, count, execute, refusal};
use prost_types::{FieldMask, Timestamp};
use secrecy::ExposeSecret;
use tonic::{Request, Response, Status};

/// `message` as `service` passes it on for the user who calls.
pub(crate) fn through<T>(service: &Bearer, message: T) -> Request<T> {
    let token = service.0.as_ref().expect("a token").expose_secret();
    let mut request = Request::new(message);
    let value = format!("Bearer {token}").parse().expect("ASCII");
    request
        .metadata_mut()
        .insert("x-kith-service-authorization", value);
    request
}

/// The password of everybody who has one.
pub(crate) const PASSWORD: &str = "correct horse";

/// Registers somebody and answers the id.
pub(crate) async fn register(app: &TestApp, username: &str) -> i64 {
    let request = RegisterRequest {
        username: username.to_owned(),
        password: PASSWORD.to_owned(),
        ..Default::default()
    };
    let account = answer(app.identity(&app.nobody()).register(request).await).account;
    account.and_then(|account| account.user).expect("a user").id
}

/// Tries to sign in, which makes a session.
pub(crate) async fn authenticate(
    app: &TestApp,
    username: &str,
    password: &str,
) -> Result<Response<AuthenticateResponse>, Status> {
    let request = AuthenticateRequest {
        identifier: Some(authenticate_request::Identifier::Username(username.to_owned())),
        password: password.to_owned(),
        ..Default::default()
    };
    app.identity(&app.nobody()).authenticate(request).await
}

/// A session of somebody.
pub(crate) struct SignedIn {
    /// Calls with the session's first access token.
    pub(crate) caller: Bearer,
    /// The session's first refresh token.
    pub(crate) refresh_token: String,
}

/// Signs somebody in who has the usual password.
pub(crate) async fn sign_in(app: &TestApp, username: &str) -> SignedIn {
    let answer = answer(authenticate(app, username, PASSWORD).await);
    SignedIn {
        caller: bearer(answer.access_token),
        refresh_token: answer.refresh_token,
    }
}

pub(crate) fn bearer(access_token: String) -> Bearer {
    Bearer(Some(access_token.into()))
}

/// Tries to exchange a refresh token.
pub(crate) async fn refresh(app: &TestApp, token: &str) -> Result<Response<RefreshTokenResponse>, Status> {
    let request = RefreshTokenRequest {
        refresh_token: token.to_owned(),
    };
    app.identity(&app.nobody()).refresh_token(request).await
}

/// Why a refresh token is not exchanged.
pub(crate) async fn refresh_refused(app: &TestApp, token: &str) -> String {
    refusal(refresh(app, token).await).summary()
}

pub(crate) const REFRESH_TOKEN_INVALID: &str = "Unauthenticated REFRESH_TOKEN_INVALID []";

/// The caller's sessions, newest first.
pub(crate) async fn sessions(app: &TestApp, caller: &impl Caller) -> Vec<Session> {
    let request = ListSessionsRequest::default();
    answer(app.identity(caller).list_sessions(request).await).sessions
}

/// The account of a user, as it sees it itself.
pub(crate) async fn account(app: &TestApp, user: &TestUser) -> Account {
    let request = GetAccountRequest { user_id: user.id };
    answer(app.identity(user).get_account(request).await)
        .account
        .expect("an account")
}

/// Imports people of these usernames, first and last names, and answers their ids.
pub(crate) async fn people(app: &TestApp, names: &[(&str, &str, &str)]) -> Vec<i64> {
    let users = names
        .iter()
        .map(|(username, first_name, last_name)| ImportedUser {
            username: (*username).to_owned(),
            first_name: (*first_name).to_owned(),
            last_name: (*last_name).to_owned(),
        });
    let request = BatchImportUsersRequest {
        users: users.collect(),
        allow_existing: false,
    };
    let operator = app.operator(&["identity.users.import"]);
    let results = answer(app.identity(&operator).batch_import_users(request).await).results;
    let id = |outcome| match outcome {
        Some(batch_import_users_result::Outcome::User(user)) => user.id,
        other => panic!("not imported: {other:?}"),
    };
    results.into_iter().map(|result| id(result.outcome)).collect()
}

pub(crate) fn mask(paths: &[&str]) -> Option<FieldMask> {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    Some(FieldMask { paths })
}

/// A time that can be compared.
pub(crate) fn instant(time: Option<Timestamp>) -> (i64, i32) {
    let time = time.expect("a time");
    (time.seconds, time.nanos)
}

/// The longest text of `length` characters: four bytes each.
pub(crate) fn wide(length: usize) -> String {
    "😀".repeat(length)
}

/// What manages service accounts.
pub(crate) const MANAGE: &[&str] = &["identity.services.manage"];

/// Makes a service account, and answers it with its secret.
pub(crate) async fn service_account(app: &TestApp, name: &str, scopes: &[&str]) -> (ServiceAccount, String) {
    let request = CreateServiceAccountRequest {
        name: name.to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
    };
    let mut identity = app.identity(&app.operator(MANAGE));
    let made = answer(identity.create_service_account(request).await);
    (made.service_account.expect("an account"), made.secret)
}

/// Tries to get a token for a service.
pub(crate) async fn issue(
    app: &TestApp,
    name: &str,
    secret: &str,
) -> Result<Response<IssueServiceTokenResponse>, Status> {
    let request = IssueServiceTokenRequest {
        name: name.to_owned(),
        secret: secret.to_owned(),
    };
    app.identity(&app.nobody()).issue_service_token(request).await
}

pub(crate) const CREDENTIALS_INVALID: &str = "Unauthenticated CREDENTIALS_INVALID []";

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// The audit log of one subject, oldest first: type, actor and how often.
pub(crate) async fn audited(app: &TestApp, subject: &str) -> Vec<String> {
    let query = "SELECT format('%s %s %s', type, actor, count) AS line FROM identity.audit_events
        WHERE subject = $1 ORDER BY id";
    let lines: Vec<Line> = diesel::sql_query(query)
        .bind::<Text, _>(subject)
        .load(&mut app.database.owner().await)
        .await
        .expect("the audit log");
    lines.into_iter().map(|line| line.line).collect()
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// How many rows of the whole database have `needle`, as text or as bytes, in any column.
pub(crate) async fn rows_with(app: &TestApp, needle: &str) -> i64 {
    let tables = "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
    let tables = diesel::sql_query(tables)
        .load::<Name>(&mut app.database.owner().await)
        .await
        .expect("tables");
    assert!(tables.iter().any(|table| table.name == "identity.refresh_tokens"));
    let mut rows = 0;
    for Name { name } in tables {
        let has = format!("position({needle} IN lower(everything::text)) > 0");
        rows += count(app, &format!("{name} AS everything WHERE {has}")).await;
    }
    rows
}
