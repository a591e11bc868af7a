//! Secrets and personal texts, planted in every field and every token, and looked for wherever they must not be.
//!
//! | what | which | in logs | in errors | in the database |
//! |---|---|---|---|---|
//! | secrets | fields that the contract marks by `debug_redact`; access tokens in metadata; the key that signs | never | never | never in clear |
//! | personal texts | all other texts and bytes of requests | never | only to whoever sent it, from the fields in [`QUOTED`] | yes |
//!
//! Logs are all that this process logs: every target at every level, whatever the settings say, with the clients that
//! are in it. A process of its own, since so much is logged. So no filter has to keep anybody from h2 at TRACE: it names
//! frames and their sizes, and an upgrade that shows more is noticed here. What a caller calls its request
//! (`x-request-id`) is in the logs, for that is what it is for.

mod capture;
mod database;
mod fields;
mod journey;
#[path = "../raw.rs"]
#[expect(dead_code, reason = "other binaries call in other ways, too")]
mod raw;
#[path = "../rows/mod.rs"]
#[expect(
    dead_code,
    reason = "the matrix of callers, which has rows too, is in another binary"
)]
mod rows;
mod walk;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use tonic::Status;

/// What every planted secret begins with.
const SECRET: &str = "zq7secret";
/// What every planted personal text begins with.
const PERSONAL: &str = "zq7personal";

/// A text in every form in which somebody could write it down.
fn forms(text: &str) -> Vec<String> {
    [vec![text.to_owned()], forms_of(text.as_bytes())].concat()
}

/// Bytes as a list, in hex, and within base64.
fn forms_of(bytes: &[u8]) -> Vec<String> {
    let decimal: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![decimal.join(", "), hex.to_uppercase(), hex];
    for skipped in 0..3 {
        // Where it begins in the middle of three bytes, the first characters belong to what is before, too.
        let padded = [vec![0; skipped], bytes.to_vec()].concat();
        let whole = padded.len() / 3 * 3;
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let spelt = engine.encode(&padded[..whole]);
            forms.push(spelt[if skipped == 0 { 0 } else { 4 }..].to_owned());
        }
    }
    forms
}

/// All that a failed call tells: message, details and metadata.
fn told(status: &Status) -> String {
    let details = String::from_utf8_lossy(status.details());
    format!(
        "{status:?} {} {details} {:?}",
        status.message(),
        status.metadata()
    )
}

fn has(text: &str, canary: &str) -> bool {
    forms(canary).iter().any(|form| text.contains(form.as_str()))
}

/// The fields whose values come back in errors, to whoever sent them.
const QUOTED: &[&str] = &["key_id", "scopes", "update_mask.paths"];

/// Every field that holds a secret says so in the contract.
#[test]
fn what_sounds_like_a_secret_is_marked_as_one() {
    let sounds = [
        "password",
        "secret",
        "access_token",
        "refresh_token",
        "private_key",
    ];
    let sounding = |name: &str| sounds.iter().any(|sound| name.contains(sound));
    let (mut marked, mut wrong) = (0, Vec::new());
    for field in fields::all_fields() {
        let is_text = matches!(
            field.kind(),
            prost_reflect::Kind::String | prost_reflect::Kind::Bytes
        );
        marked += usize::from(fields::is_secret(&field));
        if is_text && sounding(field.name()) != fields::is_secret(&field) {
            wrong.push(field.full_name().to_owned());
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(marked >= 13, "{marked}");
}

/// The driver of the database hands the parameters of every statement to the crate `log`, to which nobody listens here.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens_to_the_other_kind_of_logs() {
    capture::start();
    let app = kith_testkit::TestApp::start().await;
    app.user("alice").await;
    assert_eq!(log::max_level(), log::LevelFilter::Off);
}

/// Else nothing that the other tests do not find would mean anything.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_looked_for_would_be_found() {
    capture::start();
    let (text, bytes) = ("zq7control", "zq7control".as_bytes());
    let encoded = STANDARD_NO_PAD.encode(format!("Bearer {text}"));
    tracing::trace!(target: "h2::codec", frame = ?bytes, "as bytes");
    tracing::debug!(text, "as text");
    tracing::trace_span!("a span", token = text).in_scope(|| tracing::info!("{encoded}"));
    assert_eq!(capture::lines_with(&forms(text)).len(), 4);

    assert!(has(&told(&Status::internal(text)), text));
    assert!(has(
        &told(&Status::with_details(tonic::Code::Internal, "", bytes.into())),
        text
    ));

    let app = kith_testkit::TestApp::start().await;
    assert_eq!(database::tables_with(&app, &forms(text)).await, []);
    let insert = format!(
        "INSERT INTO identity.users (username, first_name) VALUES ('zQ7coNtrol', '');
        INSERT INTO identity.refresh_tokens SELECT convert_to('{text}' || repeat(' ', 22), 'UTF8'), id FROM made"
    );
    let sessions = "WITH made AS (INSERT INTO identity.sessions (user_id, expires_at)
        SELECT id, now() FROM identity.users RETURNING id)";
    let insert = insert.replace(
        "INSERT INTO identity.refresh_tokens",
        &format!("{sessions} INSERT INTO identity.refresh_tokens"),
    );
    kith_testkit::execute(&app, &insert).await;
    let tables: Vec<String> = database::tables_with(&app, &forms(text))
        .await
        .into_iter()
        .map(|(table, _)| table)
        .collect();
    assert_eq!(
        tables,
        ["identity.refresh_tokens", "identity.user_names", "identity.users"]
    );
}
