//! Whether the time of a refused sign-in tells why it was refused.
//!
//! `cargo run --release -p kith-e2e --example sign_in_timing -- 1000` collects so many samples of each kind of refusal over
//! gRPC, in turns and in another order each time, and prints how well the best threshold tells each pair of kinds
//! apart: 0.5 is not at all, 1.0 always. Let nothing else run meanwhile: noise only hides a difference, and so the
//! medians stand beside it.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use kith_contracts::identity::v1::AuthenticateRequest;
use kith_contracts::identity::v1::authenticate_request::Identifier;
use kith_contracts::identity::v1::{DeactivateUserRequest, RegisterRequest};
use kith_identity::{Limit, ThrottleSettings};
use kith_testkit::{AppOptions, TestApp, answer};
use rand::seq::SliceRandom;
use tonic::Code;

const PASSWORD: &str = "correct horse";
/// What the issue asks for.
const AUC_MAX: f64 = 0.55;

struct Kind {
    label: &'static str,
    name: &'static str,
    password: String,
    samples: Vec<Duration>,
}

fn kinds() -> Vec<Kind> {
    let kind = |label, name, password: &str| Kind {
        label,
        name,
        password: password.to_owned(),
        samples: Vec::new(),
    };
    vec![
        kind("wrong password", "alice", "wrong horse"),
        kind("unknown", "nobody", PASSWORD),
        kind("inactive", "idle", PASSWORD),
        kind("none set", "imported", PASSWORD),
        kind("empty", "alice", ""),
        kind("over-long", "alice", &"a".repeat(257)),
    ]
}

/// As it ships, but that nothing is refused for being too much.
fn throttles() -> ThrottleSettings {
    let limit = Limit::parse("1000000/1s").expect("a limit");
    ThrottleSettings {
        sign_in: limit,
        sign_in_by_account: limit,
        sign_in_by_caller: limit,
        ..ThrottleSettings::default()
    }
}

async fn accounts(app: &TestApp) {
    let mut client = app.identity(&app.nobody());
    for username in ["alice", "idle"] {
        let request = RegisterRequest {
            username: username.to_owned(),
            password: PASSWORD.to_owned(),
            ..Default::default()
        };
        let account = answer(client.register(request).await).account;
        let user = account.and_then(|account| account.user).expect("a user");
        if username == "idle" {
            let request = DeactivateUserRequest { user_id: user.id };
            let mut operator = app.identity(&app.operator(&["identity.users.deactivate"]));
            answer(operator.deactivate_user(request).await);
        }
    }
    app.user("imported").await;
}

async fn sample(app: &TestApp, kind: &Kind) -> Duration {
    let request = AuthenticateRequest {
        identifier: Some(Identifier::Username(kind.name.to_owned())),
        password: kind.password.clone(),
        device_label: String::new(),
    };
    let mut client = app.identity(&app.nobody());
    let started = Instant::now();
    let refused = client.authenticate(request).await.expect_err("wrong");
    let took = started.elapsed();
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
    took
}

/// The share of pairs in which the left one takes longer, or the right one, whichever is more: the area under the curve of
/// the classifier that decides by a threshold.
fn auc(left: &[Duration], right: &[Duration]) -> f64 {
    let mut right = right.to_vec();
    right.sort_unstable();
    let wins: f64 = left
        .iter()
        .map(|sample| {
            let less = right.partition_point(|other| other < sample);
            let not_more = right.partition_point(|other| other <= sample);
            f64::midpoint(less as f64, not_more as f64)
        })
        .sum();
    let auc = wins / (left.len() as f64 * right.len() as f64);
    auc.max(1.0 - auc)
}

fn median(samples: &[Duration]) -> Duration {
    let mut samples = samples.to_vec();
    samples.sort_unstable();
    samples[samples.len() / 2]
}

#[tokio::main]
async fn main() -> ExitCode {
    let rounds = std::env::args()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .unwrap_or(1000);
    let options = AppOptions {
        throttles: throttles(),
        ..AppOptions::default()
    };
    let app = TestApp::start_with(options).await;
    accounts(&app).await;
    let mut kinds = kinds();
    let mut order: Vec<usize> = (0..kinds.len()).collect();
    for round in 0..rounds + 20 {
        order.shuffle(&mut rand::rng());
        for place in &order {
            let took = sample(&app, &kinds[*place]).await;
            // The first ones warm up.
            if round >= 20 {
                kinds[*place].samples.push(took);
            }
        }
    }
    report(&kinds)
}

fn report(kinds: &[Kind]) -> ExitCode {
    println!("{:16} {:>8} {:>12}", "kind", "samples", "median");
    for kind in kinds {
        let median = median(&kind.samples);
        println!(
            "{:16} {:>8} {:>9} us",
            kind.label,
            kind.samples.len(),
            median.as_micros()
        );
    }
    println!("\n{:34} AUC of the best threshold", "pair");
    let mut worst: f64 = 0.0;
    for (place, left) in kinds.iter().enumerate() {
        for right in &kinds[place + 1..] {
            let auc = auc(&left.samples, &right.samples);
            println!("{:16} {:16}  {auc:.3}", left.label, right.label);
            worst = worst.max(auc);
        }
    }
    println!("\nworst {worst:.3}, at most {AUC_MAX}");
    if worst <= AUC_MAX {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
