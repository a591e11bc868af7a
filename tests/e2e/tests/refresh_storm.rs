//! Many exchanges of one refresh token, released together, again and again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use kith_contracts::identity::v1::{
    AuthenticateRequest, RefreshTokenRequest, RefreshTokenResponse, RegisterRequest, authenticate_request,
};
use kith_testkit::{Refusal, TestApp};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tonic::{Request, Status};

use crate::size;

/// Calls that have the same token.
const CALLERS: usize = 64;

type Outcome = Result<RefreshTokenResponse, Status>;

#[derive(QueryableByName)]
struct Tokens {
    #[diesel(sql_type = BigInt)]
    live: i64,
    #[diesel(sql_type = BigInt)]
    exchanged: i64,
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_exchanges_of_one_token_exactly_one_wins_and_the_session_lives() {
    let rounds = size::of(10, 1000);
    let app = TestApp::start().await;
    let mut conn = app.database.owner().await;
    let mut token = sign_in(&app).await;
    let (mut lost, began) = (BTreeMap::<String, usize>::new(), Instant::now());
    for round in 1..=rounds {
        let (mut won, refused): (Vec<_>, Vec<_>) = exchange_at_once(&app, &token)
            .await
            .into_iter()
            .partition(Result::is_ok);
        assert_eq!((won.len(), refused.len()), (1, CALLERS - 1), "round {round}");
        for summary in refused
            .iter()
            .filter_map(|outcome| outcome.as_ref().err())
            .map(summary)
        {
            *lost.entry(summary).or_default() += 1;
        }
        let tokens = tokens(&mut conn).await;
        let exchanged = i64::try_from(round).expect("a small number");
        assert_eq!((tokens.live, tokens.exchanged), (1, exchanged), "round {round}");
        token = won.remove(0).expect("an answer").refresh_token;
    }
    println!(
        "{rounds} rounds of {CALLERS} in {:?}: {rounds} exchanged, refused {lost:?}",
        began.elapsed()
    );
    assert_eq!(
        lost,
        [(
            "Unauthenticated TOKEN_ALREADY_ROTATED []".to_owned(),
            rounds * (CALLERS - 1)
        )]
        .into()
    );
    exchange(&app, &token).await.expect("the session lives");
    app.database.assert_invariants().await;
}

/// What the storm looks for is there to be found: without the rule of one live token, and with tokens that are never
/// marked as exchanged, the same calls win more than once.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_mark_on_exchanged_tokens_more_than_one_wins() {
    let app = TestApp::start().await;
    let token = sign_in(&app).await;
    let unguarded = "DROP INDEX identity.identity_refresh_tokens_live_key;
        CREATE FUNCTION public.unmark() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN NEW.rotated_at = NULL; RETURN NEW; END $$;
        CREATE TRIGGER unmark BEFORE UPDATE ON identity.refresh_tokens
            FOR EACH ROW EXECUTE FUNCTION public.unmark()";
    app.database
        .owner()
        .await
        .batch_execute(unguarded)
        .await
        .expect("no guard");
    let outcomes = exchange_at_once(&app, &token).await;
    assert!(outcomes.iter().filter(|outcome| outcome.is_ok()).count() > 1);
    let broken = kith_schema::invariants::check(&mut app.database.owner().await)
        .await
        .expect("the queries run");
    assert!(
        broken
            .iter()
            .any(|broken| broken.invariant == "sessions_have_one_live_token_each"),
        "{broken:?}"
    );
}

/// The first refresh token of a new user's session.
async fn sign_in(app: &TestApp) -> String {
    let mut client = app.identity(&app.nobody());
    let (username, password) = ("alice".to_owned(), "correct horse".to_owned());
    let request = RegisterRequest {
        username: username.clone(),
        password: password.clone(),
        ..Default::default()
    };
    client.register(request).await.expect("a registration");
    let identifier = Some(authenticate_request::Identifier::Username(username));
    let request = AuthenticateRequest {
        identifier,
        password,
        ..Default::default()
    };
    client
        .authenticate(request)
        .await
        .expect("a session")
        .into_inner()
        .refresh_token
}

async fn exchange(app: &TestApp, token: &str) -> Outcome {
    let request = RefreshTokenRequest {
        refresh_token: token.to_owned(),
    };
    Ok(app
        .identity(&app.nobody())
        .refresh_token(request)
        .await?
        .into_inner())
}

async fn exchange_at_once(app: &TestApp, token: &str) -> Vec<Outcome> {
    let barrier = Arc::new(Barrier::new(CALLERS));
    let mut calls = JoinSet::new();
    for _ in 0..CALLERS {
        let (mut client, barrier) = (app.identity(&app.nobody()), Arc::clone(&barrier));
        let mut request = Request::new(RefreshTokenRequest {
            refresh_token: token.to_owned(),
        });
        // Long, so that nobody gives up; and well within the ten seconds of an honest race, it ends.
        request.set_timeout(Duration::from_secs(30));
        calls.spawn(async move {
            barrier.wait().await;
            Ok(client.refresh_token(request).await?.into_inner())
        });
    }
    calls.join_all().await
}

fn summary(status: &Status) -> String {
    Refusal::of(status).summary()
}

async fn tokens(conn: &mut AsyncPgConnection) -> Tokens {
    let query = "SELECT count(*) FILTER (WHERE rotated_at IS NULL) AS live, count(rotated_at) AS exchanged
        FROM identity.refresh_tokens";
    diesel::sql_query(query)
        .get_result(conn)
        .await
        .expect("an answer")
}
