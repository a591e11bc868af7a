//! Every text of every request, one at a time and all at once, and every token.

use std::collections::BTreeSet;

use kith_testkit::{Caller, TestApp};
use prost::Message;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use secrecy::ExposeSecret;
use tonic::metadata::MetadataMap;

use crate::fields::{Leaf, leaves, planted};
use crate::raw::{dynamic, method, send};
use crate::rows::{self, Row, SCOPES, World};
use crate::{PERSONAL, QUOTED, SECRET, capture, database, forms, has, told};

const AUTHORIZATION: &str = "authorization";
const SERVICE_AUTHORIZATION: &str = "x-kith-service-authorization";

/// What the walk met where it must not be, and what it did.
#[derive(Default)]
struct Met {
    calls: usize,
    answered: usize,
    wrong: Vec<String>,
    quoted: BTreeSet<String>,
}

/// A text that no other call has.
fn canary(secret: bool, number: usize) -> String {
    let kind = if secret { SECRET } else { PERSONAL };
    // Long enough for a password; a name may have it, too.
    format!("{kind}{number:05}")
}

/// The token of whoever may make the row's call.
fn token(app: &TestApp, world: &World, row: &Row) -> String {
    let operator = app.operator(SCOPES);
    let caller: &dyn Caller = match row.owner.contains("CALLER_NOT_ALLOWED") {
        true => &operator,
        false => &world.owner,
    };
    caller.token().expect("a token").expose_secret().to_owned()
}

impl Met {
    async fn call(
        &mut self,
        app: &TestApp,
        rpc: &MethodDescriptor,
        headers: &[(&'static str, String)],
        request: &DynamicMessage,
        planted: &[(String, String, bool)],
    ) {
        let mut metadata = MetadataMap::new();
        for (key, value) in headers {
            metadata.insert(*key, value.parse().expect("ASCII"));
        }
        let outcome = send(app, rpc, metadata, request.encode_to_vec()).await;
        self.calls += 1;
        self.answered += usize::from(outcome.is_ok());
        let (failed, said) = match &outcome {
            // A text stands in a message as it is.
            Ok(answer) => (false, String::from_utf8_lossy(answer.get_ref()).into_owned()),
            Err(status) => (true, told(status)),
        };
        let of_others = planted
            .iter()
            .fold(said.clone(), |said, (_, canary, _)| said.replace(canary, ""));
        if failed && has(&of_others, PERSONAL) {
            self.wrong
                .push(format!("{}: another call's text: {said}", rpc.name()));
        }
        for (field, canary, secret) in planted {
            if !has(&said, canary) {
                continue;
            }
            match (secret, failed) {
                (true, _) => self
                    .wrong
                    .push(format!("{}: {field} comes back: {said}", rpc.name())),
                (false, true) => drop(self.quoted.insert(field.clone())),
                (false, false) => {}
            }
        }
    }
}

/// The good text, and bad ones that have it in them.
fn variants(leaf: &Leaf, canary: &str) -> [String; 5] {
    let good = leaf.shaped(canary);
    [
        format!("{good}{}{canary}", "x".repeat(600)),
        format!("{good}\0{canary}"),
        format!("{canary}\n\u{1b}[31m {canary}"),
        good.clone(),
        // Names that are taken.
        good,
    ]
}

// Control: a line with the request in Register, where the rule of over-long passwords quotes them, and a first name that
// is the password; each was found, and the password not in the line.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_planted_in_a_request_is_logged_and_no_secret_told_or_stored() {
    capture::start();
    let mut app = TestApp::start().await;
    let (mut met, mut fields, mut number) = (Met::default(), 0, 0);
    for row in rows::all() {
        let (rpc, world) = (method(row.method), World::new(&app).await);
        let good = dynamic(&rpc, &(row.request)(&world));
        let headers = [(AUTHORIZATION, format!("Bearer {}", token(&app, &world, row)))];
        let leaves = leaves(&rpc.input());
        fields += leaves.len();
        for leaf in &leaves {
            number += 1;
            let canary = canary(leaf.is_secret(), number);
            for text in variants(leaf, &canary) {
                let fresh = dynamic(&rpc, &(row.request)(&world));
                let plants = [(leaf.name(), canary.clone(), leaf.is_secret())];
                met.call(&app, &rpc, &headers, &planted(&fresh, leaf, &text), &plants)
                    .await;
            }
        }
        let (mut all, mut plants) = (good.clone(), Vec::new());
        for leaf in leaves.iter().filter(|leaf| !leaf.is_alternative(&good)) {
            number += 1;
            let canary = canary(leaf.is_secret(), number);
            all = planted(&all, leaf, &leaf.shaped(&canary));
            plants.push((leaf.name(), canary, leaf.is_secret()));
        }
        met.call(&app, &rpc, &headers, &all, &plants).await;
    }
    app.shut_down().await;
    println!(
        "{fields} texts in {} RPCs, {} calls, {} of them answered; {} lines of h2, {} of hyper, {} of tonic, {} of Kith",
        rows::all().count(),
        met.calls,
        met.answered,
        capture::count("h2"),
        capture::count("hyper"),
        capture::count("tonic"),
        capture::count("kith"),
    );
    assert!(met.wrong.is_empty(), "{:#?}", met.wrong);
    let quoted: Vec<&str> = met.quoted.iter().map(String::as_str).collect();
    assert_eq!(quoted, QUOTED);
    assert_eq!(capture::lines_with(&forms(SECRET)), [""; 0]);
    assert_eq!(capture::lines_with(&forms(PERSONAL)), [""; 0]);
    assert_eq!(database::tables_with(&app, &forms(SECRET)).await, []);
    // Personal texts are there, and so they would have been found in the other places.
    let tables: Vec<String> = database::tables_with(&app, &forms(PERSONAL))
        .await
        .into_iter()
        .map(|(table, _)| table)
        .collect();
    for table in ["identity.profiles", "identity.user_names", "identity.users"] {
        assert!(tables.contains(&table.to_owned()), "{tables:?}");
    }
    assert!(met.answered > rows::all().count(), "{}", met.answered);
}

// Control: a line with the token at TRACE, in the layer that verifies it.
#[tokio::test(flavor = "multi_thread")]
async fn no_token_and_no_metadata_is_logged_or_told() {
    capture::start();
    let mut app = TestApp::start().await;
    let mut met = Met::default();
    for (index, row) in rows::all().enumerate() {
        let (rpc, world) = (method(row.method), World::new(&app).await);
        let request = dynamic(&rpc, &(row.request)(&world));
        let good = format!("Bearer {}", token(&app, &world, row));
        let canary = canary(true, 50_000 + index);
        let plants = [("a token".to_owned(), canary.clone(), true)];
        let with = |value: String| [(AUTHORIZATION, value)];
        for value in [
            format!("Bearer {canary}"),
            format!("Basic {canary}"),
            canary.clone(),
            format!("Bearer {canary}.{canary}.{canary}"),
            format!("{good}{canary}"),
        ] {
            met.call(&app, &rpc, &with(value), &request, &plants).await;
        }
        let passed_on = [
            (AUTHORIZATION, good.clone()),
            (SERVICE_AUTHORIZATION, format!("Bearer {canary}")),
        ];
        met.call(&app, &rpc, &passed_on, &request, &plants).await;
        let others = [
            (AUTHORIZATION, good.clone()),
            ("cookie", canary.clone()),
            ("x-api-key", canary.clone()),
            ("tracestate", format!("kith={canary}")),
            ("traceparent", canary.clone()),
        ];
        met.call(&app, &rpc, &others, &request, &plants).await;
    }
    app.shut_down().await;
    println!("{} calls, {} of them answered", met.calls, met.answered);
    assert!(met.wrong.is_empty(), "{:#?}", met.wrong);
    assert_eq!(capture::lines_with(&forms(SECRET)), [""; 0]);
    assert_eq!(database::tables_with(&app, &forms(SECRET)).await, []);
}
