//! Every field of every request, set to what it must not be.

use std::collections::BTreeMap;

use kith_testkit::{Bearer, Caller, Refusal, TestApp};
use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MethodDescriptor, ReflectMessage, Value};
use tonic::Code;

use crate::raw::{call, dynamic, method};
use crate::rows::{ROWS, Row, SCOPES, World};

/// The most characters of each text, by message and field. `None` where an over-long one is simply not known.
const BOUNDS: &[(&str, Option<usize>)] = &[
    ("kith.identity.v1.RegisterRequest.username", Some(150)),
    ("kith.identity.v1.RegisterRequest.email", Some(254)),
    ("kith.identity.v1.RegisterRequest.password", Some(256)),
    ("kith.identity.v1.RegisterRequest.first_name", Some(150)),
    ("kith.identity.v1.RegisterRequest.last_name", Some(150)),
    ("kith.identity.v1.AuthenticateRequest.username", None),
    ("kith.identity.v1.AuthenticateRequest.email", None),
    ("kith.identity.v1.AuthenticateRequest.password", None),
    ("kith.identity.v1.AuthenticateRequest.device_label", Some(100)),
    ("kith.identity.v1.UserKey.username", Some(150)),
    ("kith.identity.v1.Profile.bio", Some(500)),
    ("kith.identity.v1.Profile.avatar_url", Some(500)),
    ("kith.identity.v1.Profile.location", Some(100)),
    ("kith.identity.v1.Profile.website_url", Some(200)),
    ("kith.identity.v1.ImportedUser.username", Some(150)),
    ("kith.identity.v1.ImportedUser.first_name", Some(150)),
    ("kith.identity.v1.ImportedUser.last_name", Some(150)),
    ("kith.identity.v1.SearchUsersRequest.query", Some(150)),
    ("kith.identity.v1.UpdateUserRequest.username", Some(150)),
    ("kith.identity.v1.UpdateUserRequest.email", Some(254)),
    ("kith.identity.v1.UpdateUserRequest.first_name", Some(150)),
    ("kith.identity.v1.UpdateUserRequest.last_name", Some(150)),
    ("kith.identity.v1.ChangePasswordRequest.old_password", None),
    ("kith.identity.v1.ChangePasswordRequest.new_password", Some(256)),
];

/// Texts whose only good values are those that the server gave out.
const OPAQUE: &[&str] = &["page_token", "etag"];

/// Texts that are hashed whatever they are: a made-up one is nobody's, and no rule is broken.
const HASHED: &[&str] = &["refresh_token"];

/// Fields that requests share with answers and that requests need not set.
const OUTPUT_ONLY: &[&str] = &["create_time", "update_time"];

/// Values of opaque fields that nobody was given. The second has the form of a good page token.
const MADE_UP: [&str; 5] = [
    "nonsense",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "v01",
    "a\0b",
    "😀",
];

/// More items than any batch takes.
const TOO_MANY: usize = 1001;

/// What a bad value must lead to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expect {
    /// INVALID_ARGUMENT with a violation of this very field.
    Violation,
    /// Success or NOT_FOUND.
    Unknown,
    /// Any answer that is not a defect.
    NoDefect,
}

/// One request with one bad field.
struct Case {
    /// The field's path, as violations name it.
    path: String,
    what: String,
    request: DynamicMessage,
    expect: Expect,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_field_is_named_and_nothing_is_a_defect() {
    let app = TestApp::start().await;
    let (mut wrong, mut tried) = (Vec::new(), BTreeMap::<&str, usize>::new());
    for row in ROWS {
        let world = World::new(&app).await;
        let rpc = method(row.method);
        let caller = caller(&app, &world, row);
        for case in cases(&dynamic(&rpc, &(row.request)(&world))) {
            *tried.entry(row.method).or_default() += 1;
            let answer = call(&app, &rpc, &caller, case.request.encode_to_vec())
                .await
                .map(|_| ());
            if !fits(&case, &answer) {
                wrong.push(format!(
                    "{} {} = {}: {:?}, got {answer:?}",
                    row.method, case.path, case.what, case.expect
                ));
            }
        }
    }
    println!("{tried:#?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The row's owner, or an operator where the RPC is not for users.
fn caller(app: &TestApp, world: &World, row: &Row) -> Bearer {
    if row.owner.contains("CALLER_NOT_ALLOWED") {
        return app.operator(SCOPES);
    }
    Bearer(world.owner.token().cloned())
}

fn fits(case: &Case, answer: &Result<(), Refusal>) -> bool {
    match (case.expect, answer) {
        (Expect::Violation, Err(refusal)) => {
            refusal.code == Code::InvalidArgument
                && refusal.fields.iter().any(|(field, _)| *field == case.path)
        }
        (Expect::Violation, Ok(())) => false,
        (_, Ok(())) => true,
        (Expect::Unknown, Err(refusal)) => refusal.code == Code::NotFound,
        (Expect::NoDefect, Err(refusal)) => {
            !matches!(refusal.code, Code::Internal | Code::Unknown | Code::Unavailable)
        }
    }
}

/// Every case of a request and of the messages in it.
fn cases(request: &DynamicMessage) -> Vec<Case> {
    let fields: Vec<FieldDescriptor> = request.descriptor().fields().collect();
    fields
        .iter()
        .flat_map(|field| field_cases(request, field))
        .collect()
}

fn field_cases(message: &DynamicMessage, field: &FieldDescriptor) -> Vec<Case> {
    if OUTPUT_ONLY.contains(&field.name()) {
        return Vec::new();
    }
    if field.is_list() {
        return list_cases(message, field);
    }
    match field.kind() {
        Kind::Message(inner) if inner.full_name() == "google.protobuf.FieldMask" => {
            let mut mask = DynamicMessage::new(inner);
            mask.set_field_by_name("paths", Value::List(vec![Value::String("nothing".to_owned())]));
            vec![case(
                message,
                field,
                Value::Message(mask),
                "a mask of an unknown path",
                Expect::Violation,
            )]
        }
        Kind::Message(_) => nested_cases(message, field),
        Kind::String => text_cases(message, field),
        Kind::Int64 => id_cases(message, field),
        Kind::Int32 => page_size_cases(message, field),
        Kind::Bool => [true, false]
            .map(|value| case(message, field, Value::Bool(value), "a bool", Expect::NoDefect))
            .into(),
        other => panic!(
            "teach this test what is bad for {} of kind {other:?}",
            field.full_name()
        ),
    }
}

fn text_cases(message: &DynamicMessage, field: &FieldDescriptor) -> Vec<Case> {
    let text = |text: String, what: &str, expect| case(message, field, Value::String(text), what, expect);
    let mut cases = vec![text(String::new(), "empty", Expect::NoDefect)];
    if OPAQUE.contains(&field.name()) {
        cases.extend(MADE_UP.map(|made_up| text(made_up.to_owned(), made_up, Expect::Violation)));
        return cases;
    }
    if HASHED.contains(&field.name()) {
        cases.extend(MADE_UP.map(|made_up| text(made_up.to_owned(), made_up, Expect::NoDefect)));
        cases.push(text("😀".repeat(10_000), "far too long", Expect::NoDefect));
        return cases;
    }
    cases.push(text("a\0b".to_owned(), "NUL", Expect::Violation));
    let bound = BOUNDS.iter().find(|(name, _)| *name == field.full_name());
    let (_, bound) = bound.unwrap_or_else(|| panic!("{} has no bound in this test", field.full_name()));
    match bound {
        Some(bound) => cases.push(text("😀".repeat(bound + 1), "one too long", Expect::Violation)),
        None => cases.push(text("😀".repeat(10_000), "far too long", Expect::NoDefect)),
    }
    if field.name().ends_with("_url") {
        let bad = [
            "example.org",
            "ftp://example.org",
            "https://",
            "javascript:alert(1)",
            "http://[",
            " ",
        ];
        cases.extend(bad.map(|bad| text(bad.to_owned(), bad, Expect::Violation)));
    }
    cases
}

fn id_cases(message: &DynamicMessage, field: &FieldDescriptor) -> Vec<Case> {
    let id = |id: i64, expect| case(message, field, Value::I64(id), &id.to_string(), expect);
    vec![
        id(0, Expect::Violation),
        id(-1, Expect::Violation),
        id(i64::MIN, Expect::Violation),
        id(i64::MAX, Expect::Unknown),
    ]
}

fn page_size_cases(message: &DynamicMessage, field: &FieldDescriptor) -> Vec<Case> {
    let size = |size: i32, expect| case(message, field, Value::I32(size), &size.to_string(), expect);
    vec![
        size(-1, Expect::Violation),
        size(i32::MIN, Expect::Violation),
        size(i32::MAX, Expect::Unknown),
    ]
}

/// Too many items, none, and every case of the first one.
fn list_cases(message: &DynamicMessage, field: &FieldDescriptor) -> Vec<Case> {
    let value = message.get_field(field).into_owned();
    let items = value.as_list().unwrap_or_default();
    let first = items
        .first()
        .unwrap_or_else(|| panic!("the row's request has no item in {}", field.full_name()));
    let many = Value::List(vec![first.clone(); TOO_MANY]);
    let mut all = vec![
        case(message, field, many, "too many", Expect::Violation),
        case(message, field, Value::List(Vec::new()), "none", Expect::NoDefect),
    ];
    let first = first.as_message().expect("batches are of messages");
    all.extend(cases(first).into_iter().map(|inner| {
        let request = with(message, field, Value::List(vec![Value::Message(inner.request)]));
        Case {
            path: format!("{}[0].{}", field.name(), inner.path),
            what: inner.what,
            request,
            expect: inner.expect,
        }
    }));
    all
}

/// None at all, and every case of the message within.
fn nested_cases(message: &DynamicMessage, field: &FieldDescriptor) -> Vec<Case> {
    let mut absent = message.clone();
    absent.clear_field(field);
    let path = field.name().to_owned();
    let mut all = vec![Case {
        path,
        what: "absent".to_owned(),
        request: absent,
        expect: Expect::Violation,
    }];
    let value = message.get_field(field).into_owned();
    all.extend(
        cases(value.as_message().expect("a message"))
            .into_iter()
            .map(|inner| {
                let request = with(message, field, Value::Message(inner.request));
                Case {
                    path: format!("{}.{}", field.name(), inner.path),
                    what: inner.what,
                    request,
                    expect: inner.expect,
                }
            }),
    );
    all
}

fn case(message: &DynamicMessage, field: &FieldDescriptor, value: Value, what: &str, expect: Expect) -> Case {
    Case {
        path: field.name().to_owned(),
        what: what.to_owned(),
        request: with(message, field, value),
        expect,
    }
}

fn with(message: &DynamicMessage, field: &FieldDescriptor, value: Value) -> DynamicMessage {
    let mut changed = message.clone();
    changed.set_field(field, value);
    changed
}

/// The walk itself must find every field, or it shows nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_walk_reaches_nested_fields_and_items() {
    let app = TestApp::start().await;
    let world = World::new(&app).await;
    let paths = |name: &str| -> Vec<String> {
        let rpc: MethodDescriptor = method(name);
        cases(&dynamic(&rpc, &(crate::rows::of(name).request)(&world)))
            .into_iter()
            .map(|case| case.path)
            .collect()
    };
    let update = paths("kith.identity.v1.IdentityService/UpdateProfile");
    assert!(update.contains(&"profile.website_url".to_owned()) && update.contains(&"update_mask".to_owned()));
    let import = paths("kith.identity.v1.IdentityService/BatchImportUsers");
    assert!(import.contains(&"users[0].last_name".to_owned()) && import.contains(&"users".to_owned()));
    let sign_in = paths("kith.identity.v1.IdentityService/Authenticate");
    assert!(sign_in.contains(&"email".to_owned()) && sign_in.contains(&"username".to_owned()));
}
