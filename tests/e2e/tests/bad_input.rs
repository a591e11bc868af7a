//! Every field of every request, set to what it must not be.

use std::collections::BTreeSet;

use kith_testkit::{Bearer, Caller, Refusal, TestApp};
use prost::Message;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, ReflectMessage, Value,
};
use tonic::Code;

use crate::raw::{call, dynamic, method};
use crate::rows::{self, Row, SCOPES, World};

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
    ("kith.social_graph.v1.SendFriendRequestRequest.note", Some(200)),
    ("kith.identity.v1.ChangePasswordRequest.old_password", None),
    ("kith.identity.v1.ChangePasswordRequest.new_password", Some(256)),
    ("kith.identity.v1.RemoveSigningKeyRequest.key_id", None),
    ("kith.identity.v1.ListAuditEventsRequest.subject", Some(200)),
    ("kith.identity.v1.CreateServiceAccountRequest.name", Some(100)),
    ("kith.identity.v1.CreateServiceAccountRequest.scopes", Some(100)),
    ("kith.identity.v1.IssueServiceTokenRequest.name", None),
    ("kith.posts.v1.CreatePostRequest.content", Some(500)),
    ("kith.posts.v1.CreatePostRequest.media_url", Some(500)),
    ("kith.posts.v1.CreatePostRequest.request_id", Some(36)),
    ("kith.posts.v1.UpdatePostRequest.content", Some(500)),
    ("kith.posts.v1.UpdatePostRequest.media_url", Some(500)),
    ("kith.posts.v1.ListPostsByHashtagRequest.tag", Some(101)),
    ("kith.posts.v1.SearchPostsRequest.query", Some(200)),
    ("kith.messaging.v1.SendMessageRequest.content", Some(4000)),
    ("kith.messaging.v1.SendMessageRequest.request_id", Some(36)),
    ("kith.messaging.v1.EditMessageRequest.content", Some(4000)),
    ("kith.messaging.v1.SearchMessagesRequest.query", Some(200)),
];

/// Texts whose only good values are those that the server gave out.
const OPAQUE: &[&str] = &["page_token", "etag"];

/// Texts that are hashed whatever they are: a made-up one is nobody's, and no rule is broken.
const HASHED: &[&str] = &["refresh_token", "secret"];

/// Fields that requests share with answers and that requests need not set.
const OUTPUT_ONLY: &[&str] = &["create_time", "update_time"];

/// Texts that must not be empty.
const REQUIRED: &[&str] = &[
    "kith.identity.v1.RegisterRequest.username",
    "kith.identity.v1.RegisterRequest.password",
    "kith.identity.v1.UserKey.username",
    "kith.identity.v1.ImportedUser.username",
    "kith.identity.v1.SearchUsersRequest.query",
    "kith.identity.v1.UpdateUserRequest.username",
    "kith.identity.v1.ChangePasswordRequest.new_password",
    "kith.identity.v1.RefreshTokenRequest.refresh_token",
    "kith.identity.v1.RemoveSigningKeyRequest.key_id",
    "kith.identity.v1.CreateServiceAccountRequest.name",
    "kith.identity.v1.CreateServiceAccountRequest.scopes",
    "kith.identity.v1.IssueServiceTokenRequest.name",
    "kith.posts.v1.CreatePostRequest.content",
    "kith.posts.v1.UpdatePostRequest.content",
    "kith.posts.v1.ListPostsByHashtagRequest.tag",
    "kith.posts.v1.SearchPostsRequest.query",
    "kith.messaging.v1.SendMessageRequest.content",
    "kith.messaging.v1.EditMessageRequest.content",
    "kith.messaging.v1.SearchMessagesRequest.query",
];

/// Numbers of which 0 stands for something.
const ZERO_IS_GOOD: &[&str] = &[
    "kith.posts.v1.CreatePostRequest.parent_id",
    "kith.messaging.v1.ListMessagesRequest.after_seq",
    "kith.messaging.v1.SearchMessagesRequest.conversation_id",
    "kith.messaging.v1.MarkAllReadRequest.conversation_id",
    "kith.messaging.v1.GetUnreadCountRequest.conversation_id",
];

/// Enums whose unspecified value stands for the default, or for any.
const MAY_BE_UNSPECIFIED: &[&str] = &[
    "kith.posts.v1.CreatePostRequest.type",
    "kith.posts.v1.UpdatePostRequest.type",
    "kith.posts.v1.ListPostsByAuthorRequest.type",
    "kith.posts.v1.SearchPostsRequest.order",
];

/// Numbers that are refused, and not cut, when they are too large.
const NOT_CUT: &[&str] = &["kith.posts.v1.GetThreadRequest.max_depth"];

/// Values of opaque fields that nobody was given. The second has the form of a good page token.
const MADE_UP: [&str; 5] = [
    "nonsense",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "v01",
    "a\0b",
    "😀",
];

/// Requests in which a bad name or password is simply a wrong one.
const SIGN_IN: &[&str] = &[
    "kith.identity.v1.AuthenticateRequest",
    "kith.identity.v1.ChangePasswordRequest",
    "kith.identity.v1.IssueServiceTokenRequest",
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

/// One bad value of one field.
#[derive(Clone)]
struct Case {
    /// The field's path, as violations name it.
    path: String,
    what: String,
    /// `None` where the field is absent.
    value: Option<Value>,
    /// Whether it is of a oneof, and not its first field.
    alternative: bool,
    expect: Expect,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_field_is_named_and_nothing_is_a_defect() {
    let app = TestApp::start().await;
    let mut wrong = Vec::new();
    for row in rows::all() {
        let world = World::new(&app).await;
        let rpc = method(row.method);
        let caller = caller(&app, &world, row);
        let good = dynamic(&rpc, &(row.request)(&world));
        let cases = cases(&good);
        assert_eq!(
            cases.is_empty(),
            rpc.input().fields().len() == 0,
            "{} has fields without cases",
            row.method
        );
        for case in cases {
            // Another good request each time: the second registration of one name would fail for that.
            let good = dynamic(&rpc, &(row.request)(&world));
            let request = put(good, &case.path, case.value.clone());
            let answer = call(&app, &rpc, &caller, request.encode_to_vec())
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
        // This field, and no other: the rest of the request is good.
        (Expect::Violation, Err(refusal)) => {
            let fields: BTreeSet<&str> = refusal.fields.iter().map(|(field, _)| field.as_str()).collect();
            refusal.code == Code::InvalidArgument && fields == BTreeSet::from([case.path.as_str()])
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
    value_cases(message, field)
}

/// The cases of one value, be it a field's or an item's.
fn value_cases(message: &DynamicMessage, field: &FieldDescriptor) -> Vec<Case> {
    match field.kind() {
        Kind::Message(inner) if inner.full_name() == "google.protobuf.FieldMask" => {
            let mut mask = DynamicMessage::new(inner);
            mask.set_field_by_name("paths", Value::List(vec![Value::String("nothing".to_owned())]));
            vec![case(
                field,
                Value::Message(mask),
                "a mask of an unknown path",
                Expect::Violation,
            )]
        }
        Kind::Message(inner) if inner.full_name() == "google.protobuf.Duration" => {
            duration_cases(field, &inner)
        }
        Kind::Message(_) => nested_cases(message, field),
        Kind::Enum(_) => enum_cases(field),
        Kind::String => text_cases(field),
        Kind::Int64 => id_cases(field),
        Kind::Int32 => page_size_cases(field),
        Kind::Bool => [true, false]
            .map(|value| case(field, Value::Bool(value), "a bool", Expect::NoDefect))
            .into(),
        other => panic!(
            "teach this test what is bad for {} of kind {other:?}",
            field.full_name()
        ),
    }
}

fn text_cases(field: &FieldDescriptor) -> Vec<Case> {
    let text = |text: String, what: &str, expect| case(field, Value::String(text), what, expect);
    let empty = if REQUIRED.contains(&field.full_name()) {
        Expect::Violation
    } else if SIGN_IN.contains(&field.parent_message().full_name()) {
        Expect::NoDefect
    } else {
        Expect::Unknown
    };
    let mut cases = vec![text(String::new(), "empty", empty)];
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

fn id_cases(field: &FieldDescriptor) -> Vec<Case> {
    let id = |id: i64, expect| case(field, Value::I64(id), &id.to_string(), expect);
    let zero = if ZERO_IS_GOOD.contains(&field.full_name()) {
        Expect::Unknown
    } else {
        Expect::Violation
    };
    vec![
        id(0, zero),
        id(-1, Expect::Violation),
        id(i64::MIN, Expect::Violation),
        id(i64::MAX, Expect::Unknown),
    ]
}

/// None is a duration that the contract gives a meaning to, and those that there are have bounds.
fn duration_cases(field: &FieldDescriptor, duration: &MessageDescriptor) -> Vec<Case> {
    let seconds = |seconds: i64| {
        let mut message = DynamicMessage::new(duration.clone());
        message.set_field_by_name("seconds", Value::I64(seconds));
        case(
            field,
            Value::Message(message),
            &seconds.to_string(),
            Expect::Violation,
        )
    };
    [0, -1, i64::MIN, i64::MAX].map(seconds).into()
}

fn enum_cases(field: &FieldDescriptor) -> Vec<Case> {
    let number = |number: i32, expect| case(field, Value::EnumNumber(number), &number.to_string(), expect);
    let unspecified = if MAY_BE_UNSPECIFIED.contains(&field.full_name()) {
        Expect::Unknown
    } else {
        Expect::Violation
    };
    vec![
        number(0, unspecified),
        number(-1, Expect::Violation),
        number(4711, Expect::Violation),
    ]
}

fn page_size_cases(field: &FieldDescriptor) -> Vec<Case> {
    let size = |size: i32, expect| case(field, Value::I32(size), &size.to_string(), expect);
    let large = if NOT_CUT.contains(&field.full_name()) {
        Expect::Violation
    } else {
        Expect::Unknown
    };
    vec![
        size(-1, Expect::Violation),
        size(i32::MIN, Expect::Violation),
        size(i32::MAX, large),
    ]
}

/// Too many items, none, and every case of the first one.
fn list_cases(message: &DynamicMessage, field: &FieldDescriptor) -> Vec<Case> {
    let value = message.get_field(field).into_owned();
    let items = value.as_list().unwrap_or_default();
    let first = items
        .first()
        .unwrap_or_else(|| panic!("the row's request has no item in {}", field.full_name()));
    let mut all = vec![
        case(
            field,
            Value::List(vec![first.clone(); TOO_MANY]),
            "too many",
            Expect::Violation,
        ),
        case(field, Value::List(Vec::new()), "none", Expect::NoDefect),
    ];
    let place = format!("{}[0]", field.name());
    match first.as_message() {
        Some(first) => all.extend(within(&place, cases(first))),
        None => all.extend(value_cases(message, field).into_iter().map(|case| Case {
            path: place.clone(),
            ..case
        })),
    }
    all
}

/// None at all, and every case of the message within.
fn nested_cases(message: &DynamicMessage, field: &FieldDescriptor) -> Vec<Case> {
    let (path, what) = (field.name().to_owned(), "absent".to_owned());
    let absent = Case {
        path,
        what,
        value: None,
        alternative: false,
        expect: Expect::Violation,
    };
    let value = message.get_field(field).into_owned();
    let mut all = vec![absent];
    all.extend(within(
        field.name(),
        cases(value.as_message().expect("a message")),
    ));
    all
}

fn within(prefix: &str, cases: Vec<Case>) -> impl Iterator<Item = Case> {
    cases.into_iter().map(move |case| Case {
        path: format!("{prefix}.{}", case.path),
        ..case
    })
}

fn case(field: &FieldDescriptor, value: Value, what: &str, expect: Expect) -> Case {
    let oneof = field.containing_oneof();
    // proto3's `optional` is a oneof with one field.
    let alternative = oneof.is_some_and(|oneof| oneof.fields().next().is_some_and(|first| first != *field));
    Case {
        path: field.name().to_owned(),
        what: what.to_owned(),
        value: Some(value),
        alternative,
        expect,
    }
}

/// The request with the field at `path` set to `value`. `name[0]` leads into the first item of a list.
fn put(mut message: DynamicMessage, path: &str, value: Option<Value>) -> DynamicMessage {
    let Some((step, rest)) = path.split_once('.') else {
        match (path.strip_suffix("[0]"), value) {
            (Some(list), value) => message.set_field_by_name(list, Value::List(value.into_iter().collect())),
            (None, Some(value)) => message.set_field_by_name(path, value),
            (None, None) => message.clear_field_by_name(path),
        }
        return message;
    };
    let name = step.trim_end_matches("[0]");
    let inner = message.get_field_by_name(name).expect("a field").into_owned();
    let changed = match inner {
        Value::Message(inner) => Value::Message(put(inner, rest, value)),
        Value::List(items) => {
            let first = items[0].as_message().expect("batches are of messages").clone();
            Value::List(vec![Value::Message(put(first, rest, value))])
        }
        other => panic!("{path} leads into {other:?}"),
    };
    message.set_field_by_name(name, changed);
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn when_every_field_is_bad_each_is_named() {
    let app = TestApp::start().await;
    for row in rows::all() {
        let world = World::new(&app).await;
        let (rpc, caller) = (method(row.method), caller(&app, &world, row));
        let good = dynamic(&rpc, &(row.request)(&world));
        let (mut request, mut paths) = (good.clone(), BTreeSet::new());
        for case in cases(&good) {
            let leaf = !matches!(case.value, None | Some(Value::List(_)));
            let first = case.expect == Expect::Violation && leaf && !paths.contains(&case.path);
            // Of the alternatives of a oneof, the request holds only one.
            if first && !case.alternative {
                paths.insert(case.path.clone());
                request = put(request, &case.path, case.value);
            }
        }
        if paths.is_empty() {
            continue;
        }
        let refusal = call(&app, &rpc, &caller, request.encode_to_vec())
            .await
            .expect_err(row.method);
        let named: BTreeSet<String> = refusal.fields.iter().map(|(field, _)| field.clone()).collect();
        assert_eq!(
            (refusal.code, named),
            (Code::InvalidArgument, paths),
            "{}",
            row.method
        );
    }
}

/// The walk itself must find every field, or it shows nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_walk_reaches_nested_fields_and_items() {
    let app = TestApp::start().await;
    let world = World::new(&app).await;
    let paths = |name: &str| -> Vec<String> {
        let rpc: MethodDescriptor = method(name);
        cases(&dynamic(&rpc, &(rows::of(name).request)(&world)))
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
