//! What the tests of several RPCs need.

use std::fmt::Debug;

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use kith_testkit::{Bearer, Refusal, TestApp};
use secrecy::ExposeSecret;
use tonic::{Request, Response, Status};

/// The answer of a call that must go well.
#[track_caller]
pub(crate) fn answer<T>(call: Result<Response<T>, Status>) -> T {
    call.expect("an answer").into_inner()
}

/// The refusal of a call that must fail.
#[track_caller]
pub(crate) fn refusal<T: Debug>(call: Result<Response<T>, Status>) -> Refusal {
    Refusal::of(&call.expect_err("a refusal"))
}

/// What no RPC does yet, for example deactivating a user.
pub(crate) async fn execute(app: &TestApp, sql: &str) {
    app.database
        .owner()
        .await
        .batch_execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// How many rows there are `from` a table, with or without a condition.
pub(crate) async fn count(app: &TestApp, from: &str) -> i64 {
    diesel::sql_query(format!("SELECT count(*) AS rows FROM {from}"))
        .get_result::<Count>(&mut app.database.owner().await)
        .await
        .unwrap_or_else(|error| panic!("{from}: {error}"))
        .rows
}

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

/// The longest text of `length` characters: four bytes each.
pub(crate) fn wide(length: usize) -> String {
    "😀".repeat(length)
}
