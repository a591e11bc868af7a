//! How often what needs no token may be tried, over two processes on one database.

use std::net::IpAddr;
use std::time::Duration;

use kith_contracts::identity::v1::authenticate_request::Identifier;
use kith_contracts::identity::v1::{
    AuthenticateRequest, ChangePasswordRequest, RefreshTokenRequest, RegisterRequest,
};
use kith_identity::{Limit, ThrottleSettings};
use kith_testkit::{AppOptions, Caller, Refusal, TestApp};
use tokio::task::JoinSet;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::support::{
    CREDENTIALS_INVALID, PASSWORD, Uncommitted, answer, authenticate, count, execute, issue, refresh,
    refusal, register, service_account, sign_in, through,
};

const THROTTLED: &str = "ResourceExhausted THROTTLED []";

fn limit(text: &str) -> Option<Limit> {
    Limit::parse(text).expect("a limit")
}

/// Identity with these limits and no others.
async fn start(throttles: ThrottleSettings) -> TestApp {
    let options = AppOptions {
        throttles,
        ..AppOptions::default()
    };
    TestApp::start_with(options).await
}

fn sign_in_limit(text: &str) -> ThrottleSettings {
    ThrottleSettings {
        sign_in: limit(text),
        ..ThrottleSettings::default()
    }
}

fn attempt(name: &str, password: &str) -> AuthenticateRequest {
    AuthenticateRequest {
        identifier: Some(Identifier::Username(name.to_owned())),
        password: password.to_owned(),
        device_label: String::new(),
    }
}

/// What comes of a wrong password.
async fn wrong(app: &TestApp, name: &str) -> Refusal {
    refusal(authenticate(app, name, "wrong horse").await)
}

async fn wrong_from(app: &TestApp, address: IpAddr, name: &str) -> Refusal {
    refusal(
        app.identity_from(address)
            .authenticate(attempt(name, "wrong horse"))
            .await,
    )
}

fn address(last: u8) -> IpAddr {
    [127, 0, 0, last].into()
}

/// When the next attempt is allowed.
fn retry_after(status: &Status) -> Duration {
    let details = status.get_error_details();
    details
        .retry_info()
        .and_then(|info| info.retry_delay)
        .expect("a RetryInfo")
}

// Control: `throttles_take` that decides by its look at the buckets, and writes afterwards; 62 of 64 passed.
#[tokio::test(flavor = "multi_thread")]
async fn of_attempts_at_the_same_time_as_many_pass_as_the_limit_says_over_all_replicas() {
    let mut app = start(sign_in_limit("10/1h")).await;
    register(&app, "alice").await;
    let replica = app.replica().await;
    for name in ["alice", "nobody"] {
        let mut calls = JoinSet::new();
        for _ in 0..32 {
            let (mut here, mut there) = (app.identity(&app.nobody()), replica.clone());
            calls.spawn(async move { here.authenticate(attempt(name, "wrong horse")).await });
            calls.spawn(async move { there.authenticate(attempt(name, "wrong horse")).await });
        }
        let outcomes = calls.join_all().await;
        let of = |summary: &str| {
            let outcomes = outcomes
                .iter()
                .map(|outcome| outcome.as_ref().expect_err("wrong"));
            outcomes
                .filter(|status| Refusal::of(status).summary() == summary)
                .count()
        };
        assert_eq!((of(CREDENTIALS_INVALID), of(THROTTLED)), (10, 54), "{name}");
    }
}

// Control: a refusal that takes from the buckets all the same; whoever had waited was refused again.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_as_long_as_it_is_told_may_try_again() {
    let app = start(sign_in_limit("2/1h")).await;
    for _ in 0..2 {
        assert_eq!(wrong(&app, "alice").await.summary(), CREDENTIALS_INVALID);
    }
    let refused = authenticate(&app, "alice", "wrong horse")
        .await
        .expect_err("wrong");
    assert_eq!(Refusal::of(&refused).summary(), THROTTLED);
    let wait = retry_after(&refused);
    assert!(wait <= Duration::from_secs(30 * 60), "{wait:?}");
    let_time_pass(&app, wait / 2).await;
    assert_eq!(wrong(&app, "alice").await.summary(), THROTTLED);
    let_time_pass(&app, wait - wait / 2).await;
    assert_eq!(wrong(&app, "alice").await.summary(), CREDENTIALS_INVALID);
}

/// As if so much time had passed since all that was tried.
async fn let_time_pass(app: &TestApp, time: Duration) {
    let sql = format!(
        "UPDATE identity.throttles SET full_at = full_at - {} * interval '1 microsecond'",
        time.as_micros()
    );
    execute(app, &sql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_whose_attempts_were_too_many_and_not_whether_there_is_an_account() {
    let app = start(sign_in_limit("1/1h")).await;
    register(&app, "alice").await;
    for name in ["alice", "nobody"] {
        wrong(&app, name).await;
    }
    let known = wrong(&app, "alice").await;
    assert_eq!(known.summary(), THROTTLED);
    assert_eq!(
        known.message,
        "THROTTLED: too many attempts for this account lately"
    );
    assert_eq!(known.metadata["limit"], "account");
    assert!(known.retry);
    for name in ["nobody", "NOBODY", "Alice"] {
        assert_eq!(wrong(&app, name).await, known, "{name}");
    }
    let status = authenticate(&app, "alice", PASSWORD)
        .await
        .expect_err("throttled");
    let details = status.get_error_details();
    let quota = details.quota_failure().expect("a QuotaFailure");
    assert_eq!(quota.violations[0].subject, "account");
}

/// Names that nobody can have count as well, each for itself.
#[tokio::test(flavor = "multi_thread")]
async fn each_name_has_its_own_attempts_whatever_it_looks_like() {
    let app = start(sign_in_limit("1/1h")).await;
    let over_long = "a".repeat(1000);
    for name in ["", "a b", "\u{e4}", "alice", &over_long] {
        assert_eq!(wrong(&app, name).await.summary(), CREDENTIALS_INVALID, "{name}");
        assert_eq!(wrong(&app, name).await.summary(), THROTTLED, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_attempt_is_refused_before_its_password_is_looked_at() {
    let app = start(sign_in_limit("1/1h")).await;
    register(&app, "alice").await;
    wrong(&app, "alice").await;
    let refused = refusal(authenticate(&app, "alice", PASSWORD).await);
    assert_eq!(refused.summary(), THROTTLED);
    assert_eq!(count(&app, "identity.sessions").await, 0);
    let failures = "identity.audit_events WHERE type = 'SIGN_IN_FAILED' AND count > 1";
    assert_eq!(count(&app, failures).await, 0);
}

// Control: `throttles_look` that is not called; the refusal waited for the sessions.
#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_attempt_is_refused_before_its_account_is_looked_at() {
    let app = start(sign_in_limit("1/1h")).await;
    register(&app, "alice").await;
    wrong(&app, "alice").await;
    let lock = "LOCK TABLE identity.sessions IN ACCESS EXCLUSIVE MODE";
    let lock = Uncommitted::begin(&app, lock).await;
    assert_eq!(wrong(&app, "alice").await.summary(), THROTTLED);
    lock.commit().await;
}

// Control: `throttles_fill` that is not called; the fourth was refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_success_gives_the_failures_back() {
    let app = start(sign_in_limit("2/1h")).await;
    register(&app, "alice").await;
    for _ in 0..3 {
        wrong(&app, "alice").await;
        answer(authenticate(&app, "alice", PASSWORD).await);
    }
}

// Control: a key without the origin; the owner was refused.
#[tokio::test(flavor = "multi_thread")]
async fn failures_elsewhere_do_not_count_here() {
    let app = start(sign_in_limit("1/1h")).await;
    register(&app, "alice").await;
    wrong_from(&app, address(2), "alice").await;
    assert_eq!(wrong_from(&app, address(2), "alice").await.summary(), THROTTLED);
    answer(authenticate(&app, "alice", PASSWORD).await);
}

fn guessed_by_many() -> ThrottleSettings {
    ThrottleSettings {
        sign_in: limit("2/1h"),
        sign_in_by_account: limit("6/1h"),
        ..ThrottleSettings::default()
    }
}

// Control: a refusal that takes from the buckets all the same; the last was refused.
#[tokio::test(flavor = "multi_thread")]
async fn one_address_alone_keeps_nobody_out() {
    let app = start(guessed_by_many()).await;
    register(&app, "alice").await;
    for _ in 0..20 {
        wrong_from(&app, address(2), "alice").await;
    }
    answer(
        app.identity_from(address(3))
            .authenticate(attempt("alice", PASSWORD))
            .await,
    );
}

// Controls: the account's bucket for familiar addresses too; the owner was refused at its own. None for anybody; the
// stranger was let in.
#[tokio::test(flavor = "multi_thread")]
async fn many_addresses_together_do_not_keep_the_owner_out_where_it_is_signed_in() {
    let app = start(guessed_by_many()).await;
    register(&app, "alice").await;
    sign_in(&app, "alice").await;
    // With the sign-in, as many as there are.
    for last in 2..7 {
        wrong_from(&app, address(last), "alice").await;
    }
    let stranger = app
        .identity_from(address(8))
        .authenticate(attempt("alice", PASSWORD))
        .await;
    assert_eq!(refusal(stranger).summary(), THROTTLED);
    answer(authenticate(&app, "alice", PASSWORD).await);
    // Once it is signed out everywhere, its address is one of many.
    execute(&app, "UPDATE identity.sessions SET expires_at = now()").await;
    assert_eq!(
        refusal(authenticate(&app, "alice", PASSWORD).await).summary(),
        THROTTLED
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_has_so_many_attempts_for_all_names() {
    let app = start(ThrottleSettings {
        sign_in_by_caller: limit("3/1h"),
        ..ThrottleSettings::default()
    })
    .await;
    for name in ["a", "b", "c"] {
        assert_eq!(wrong(&app, name).await.summary(), CREDENTIALS_INVALID);
    }
    let refused = wrong(&app, "d").await;
    assert_eq!(
        (refused.summary().as_str(), refused.metadata["limit"].as_str()),
        (THROTTLED, "caller")
    );
    assert_eq!(
        wrong_from(&app, address(2), "d").await.summary(),
        CREDENTIALS_INVALID
    );
}

// Control: buckets that are taken one after the other; the account's was empty after the caller's had refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_attempt_takes_from_none_of_its_buckets() {
    let app = start(ThrottleSettings {
        sign_in: limit("2/1h"),
        sign_in_by_caller: limit("1/1h"),
        ..ThrottleSettings::default()
    })
    .await;
    wrong(&app, "alice").await;
    for _ in 0..3 {
        assert_eq!(wrong(&app, "alice").await.metadata["limit"], "caller");
    }
    execute(&app, "DELETE FROM identity.throttles WHERE key LIKE 'caller/%'").await;
    assert_eq!(wrong(&app, "alice").await.summary(), CREDENTIALS_INVALID);
}

fn registration(username: &str) -> RegisterRequest {
    RegisterRequest {
        username: username.to_owned(),
        password: PASSWORD.to_owned(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_are_counted_by_caller_if_there_is_nothing_wrong_with_them() {
    let app = start(ThrottleSettings {
        register_by_caller: limit("2/1h"),
        ..ThrottleSettings::default()
    })
    .await;
    let mut client = app.identity(&app.nobody());
    for _ in 0..3 {
        assert_eq!(
            refusal(client.register(registration("")).await).code,
            Code::InvalidArgument
        );
    }
    answer(client.register(registration("alice")).await);
    assert_eq!(
        refusal(client.register(registration("alice")).await).reason,
        "USERNAME_TAKEN"
    );
    assert_eq!(
        refusal(client.register(registration("bob")).await).summary(),
        THROTTLED
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshes_are_counted_by_session_and_those_of_unknown_tokens_by_caller() {
    let app = start(ThrottleSettings {
        refresh_by_session: limit("2/1h"),
        refresh_by_caller: limit("6/1h"),
        ..ThrottleSettings::default()
    })
    .await;
    register(&app, "alice").await;
    let (mut laptop, phone) = (
        sign_in(&app, "alice").await.refresh_token,
        sign_in(&app, "alice").await,
    );
    for _ in 0..2 {
        laptop = answer(refresh(&app, &laptop).await).refresh_token;
    }
    let refused = refusal(refresh(&app, &laptop).await);
    assert_eq!(
        (refused.summary().as_str(), refused.metadata["limit"].as_str()),
        (THROTTLED, "session")
    );
    // The token is still good.
    execute(&app, "DELETE FROM identity.throttles WHERE key LIKE 'session/%'").await;
    answer(refresh(&app, &laptop).await);
    answer(refresh(&app, &phone.refresh_token).await);
    for _ in 0..2 {
        assert_eq!(
            refusal(refresh(&app, "unknown").await).reason,
            "REFRESH_TOKEN_INVALID"
        );
    }
    let refused = refusal(refresh(&app, "unknown").await);
    assert_eq!(
        (refused.summary().as_str(), refused.metadata["limit"].as_str()),
        (THROTTLED, "caller")
    );
}

async fn change_password(app: &TestApp, caller: &impl Caller, old: &str) -> Result<(), Refusal> {
    let request = ChangePasswordRequest {
        old_password: old.to_owned(),
        new_password: PASSWORD.to_owned(),
    };
    let changed = app.identity(caller).change_password(request).await;
    changed.map(|_| ()).map_err(|status| Refusal::of(&status))
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_old_passwords_are_counted_by_user() {
    let app = start(sign_in_limit("2/1h")).await;
    let id = register(&app, "alice").await;
    let (alice, bob) = (app.signed_in(id, "alice"), app.user("bob").await);
    let wrong = async |caller: &_| {
        change_password(&app, caller, "wrong horse")
            .await
            .expect_err("wrong")
            .summary()
    };
    assert_eq!(wrong(&alice).await, CREDENTIALS_INVALID);
    change_password(&app, &alice, PASSWORD)
        .await
        .expect("the right one");
    for _ in 0..2 {
        assert_eq!(wrong(&alice).await, CREDENTIALS_INVALID);
    }
    assert_eq!(wrong(&alice).await, THROTTLED);
    let right = change_password(&app, &alice, PASSWORD)
        .await
        .expect_err("throttled");
    assert_eq!(right.summary(), THROTTLED);
    assert_eq!(wrong(&bob).await, CREDENTIALS_INVALID);
}

fn passed_on<T>(app: &TestApp, message: T) -> Request<T> {
    through(&app.operator(&[]), message)
}

// Controls: an `authenticate` layer that ignores the second token; the third call was refused as its address's. A limit
// by service that is not asked; the fifth passed.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_signs_its_users_in_has_a_limit_of_its_own() {
    let app = start(ThrottleSettings {
        sign_in_by_caller: limit("1/1h"),
        register_by_caller: limit("1/1h"),
        refresh_by_caller: limit("1/1h"),
        by_service: limit("4/1h"),
        ..ThrottleSettings::default()
    })
    .await;
    let mut client = app.identity(&app.nobody());
    answer(client.register(passed_on(&app, registration("alice"))).await);
    answer(client.register(passed_on(&app, registration("bob"))).await);
    let signed_in = answer(
        client
            .authenticate(passed_on(&app, attempt("alice", PASSWORD)))
            .await,
    );
    let request = RefreshTokenRequest {
        refresh_token: signed_in.refresh_token,
    };
    answer(client.refresh_token(passed_on(&app, request)).await);
    let fifth = client
        .authenticate(passed_on(&app, attempt("bob", PASSWORD)))
        .await;
    assert_eq!(refusal(fifth).metadata["limit"], "caller");
    // What it took is not missing at its address.
    answer(client.authenticate(attempt("bob", PASSWORD)).await);
    assert_eq!(
        count(
            &app,
            "identity.audit_events WHERE type = 'SESSION_CREATED' AND service = 'service:1'"
        )
        .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_secrets_of_services_are_counted_as_wrong_passwords_are() {
    let app = start(sign_in_limit("2/1h")).await;
    let (account, secret) = service_account(&app, "mailer", &[]).await;
    for _ in 0..3 {
        refusal(issue(&app, "mailer", "wrong").await);
        answer(issue(&app, "mailer", &secret).await);
    }
    for name in ["mailer", "nobody"] {
        for _ in 0..2 {
            assert_eq!(
                refusal(issue(&app, name, "wrong").await).summary(),
                CREDENTIALS_INVALID
            );
        }
        assert_eq!(
            refusal(issue(&app, name, &secret).await).summary(),
            THROTTLED,
            "{name}"
        );
    }
    let failures = format!(
        "(SELECT sum(count) FROM identity.audit_events WHERE type = 'SERVICE_SIGN_IN_FAILED' GROUP BY subject
        HAVING (subject, sum(count)) IN (('serviceAccounts/{}', 5), ('', 2))) AS failures",
        account.id
    );
    assert_eq!(count(&app, &failures).await, 2);
}

/// An attempt that a service passes on for somebody at this address.
fn passed_on_from(app: &TestApp, address: &str, password: &str) -> Request<AuthenticateRequest> {
    let mut request = passed_on(app, attempt("alice", password));
    let address = address.parse().expect("ASCII");
    request.metadata_mut().insert("x-kith-client-address", address);
    request
}

// Control: a layer that does not read the address; the owner was refused for what others had tried.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_says_where_its_users_call_from_keeps_them_apart() {
    let app = start(guessed_by_many()).await;
    register(&app, "alice").await;
    let mut client = app.identity(&app.nobody());
    answer(
        client
            .authenticate(passed_on_from(&app, "2001:db8::1", PASSWORD))
            .await,
    );
    // With the sign-in, as many as there are.
    for guesser in 2..7 {
        let address = format!("192.0.2.{guesser}");
        refusal(
            client
                .authenticate(passed_on_from(&app, &address, "wrong horse"))
                .await,
        );
    }
    let stranger = client
        .authenticate(passed_on_from(&app, "192.0.2.8", PASSWORD))
        .await;
    assert_eq!(refusal(stranger).summary(), THROTTLED);
    // At home, if not at the very same address.
    answer(
        client
            .authenticate(passed_on_from(&app, "2001:db8::2", PASSWORD))
            .await,
    );
    let at_home = "identity.sessions WHERE address LIKE '2001:db8::%'";
    assert_eq!(count(&app, at_home).await, 2);
    let guesses = "identity.audit_events WHERE type = 'SIGN_IN_FAILED' AND address LIKE '192.0.2.%'";
    assert_eq!(count(&app, guesses).await, 5);
}

// Control: `of_caller` without a bucket for who is vouched for; the second attempt was taken, and the service's were used up.
#[tokio::test(flavor = "multi_thread")]
async fn one_user_of_a_service_cannot_use_up_what_is_for_all_of_them() {
    let app = start(ThrottleSettings {
        sign_in_by_caller: limit("1/1h"),
        by_service: limit("3/1h"),
        ..ThrottleSettings::default()
    })
    .await;
    register(&app, "alice").await;
    let mut client = app.identity(&app.nobody());
    refusal(
        client
            .authenticate(passed_on_from(&app, "192.0.2.1", "wrong horse"))
            .await,
    );
    for _ in 0..5 {
        let again = client
            .authenticate(passed_on_from(&app, "192.0.2.1", PASSWORD))
            .await;
        assert_eq!(refusal(again).summary(), THROTTLED);
    }
    answer(
        client
            .authenticate(passed_on_from(&app, "192.0.2.2", PASSWORD))
            .await,
    );
}

// Control: a key of counted events without the actor; both were the guesser's.
#[tokio::test(flavor = "multi_thread")]
async fn failures_of_the_user_and_of_guessers_are_told_apart() {
    let app = start(ThrottleSettings::default()).await;
    let alice = app.user("alice").await;
    for _ in 0..2 {
        wrong(&app, "alice").await;
        change_password(&app, &alice, "wrong horse")
            .await
            .expect_err("wrong");
    }
    let guesses = "identity.audit_events WHERE type = 'SIGN_IN_FAILED' AND actor = ''";
    let own = "identity.audit_events WHERE type = 'SIGN_IN_FAILED' AND actor LIKE 'user:%'";
    let rows = (count(&app, guesses).await, count(&app, own).await);
    // One more of each if a minute ended meanwhile.
    assert!((1..=2).contains(&rows.0) && (1..=2).contains(&rows.1), "{rows:?}");
}

/// Otherwise everybody could choose an address for each attempt.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_no_service_vouches_for_is_ignored() {
    let app = start(sign_in_limit("1/1h")).await;
    wrong(&app, "alice").await;
    let mut request = Request::new(attempt("alice", PASSWORD));
    request
        .metadata_mut()
        .insert("x-kith-client-address", "192.0.2.1".parse().expect("ASCII"));
    let refused = app.identity(&app.nobody()).authenticate(request).await;
    assert_eq!(refusal(refused).summary(), THROTTLED);
}
