//! Every rule that a request can break, broken through its RPC and past it.

use std::collections::BTreeSet;

use diesel::sql_query;
use diesel_async::RunQueryDsl;
use kith_contracts::identity::v1::*;
use kith_contracts::social_graph::v1::*;
use kith_primitives::Failure;
use kith_rpc::status::to_rpc_status;
use kith_rules::Breaks;
use kith_testkit::{Refusal, TestApp};
use prost::Message;

use crate::raw::{call, method};
use crate::rows::World;

/// How to break a rule from either side.
struct Break {
    constraint: &'static str,
    method: &'static str,
    /// The request that breaks it; the caller is the owner.
    request: fn(&World) -> Vec<u8>,
    /// The statement that breaks it.
    sql: fn(&World) -> String,
}

const IDENTITY: &str = "kith.identity.v1.IdentityService";
const GRAPH: &str = "kith.social_graph.v1.SocialGraphService";

fn register(change: impl FnOnce(&mut RegisterRequest)) -> Vec<u8> {
    let mut request = RegisterRequest {
        username: "ada".to_owned(),
        password: "correct horse".to_owned(),
        ..Default::default()
    };
    change(&mut request);
    request.encode_to_vec()
}

fn profile(world: &World, change: impl FnOnce(&mut Profile)) -> Vec<u8> {
    let mut profile = Profile {
        user_id: world.owner.id,
        ..Default::default()
    };
    change(&mut profile);
    UpdateProfileRequest {
        profile: Some(profile),
        update_mask: None,
    }
    .encode_to_vec()
}

fn insert_user(column: &str, value: &str) -> String {
    if column == "username" {
        return format!("INSERT INTO identity.users (username) VALUES ('{value}')");
    }
    format!("INSERT INTO identity.users (username, {column}) VALUES ('ada', '{value}')")
}

fn update_profile(world: &World, column: &str, value: &str) -> String {
    format!(
        "UPDATE identity.profiles SET {column} = '{value}' WHERE user_id = {}",
        world.owner.id
    )
}

fn insert_follow(follower_id: i64, followed_id: i64) -> String {
    format!(
        "INSERT INTO social_graph.follows (follower_id, followed_id) VALUES ({follower_id}, {followed_id})"
    )
}

/// An id that no user has.
const NOBODY: i64 = i64::MAX;

fn long(length: usize) -> String {
    "😀".repeat(length)
}

fn long_url(length: usize) -> String {
    format!("https://{}", "a".repeat(length - 8))
}

const BREAKS: &[Break] = &[
    Break {
        constraint: "identity_users_username_required",
        method: "Register",
        request: |_| register(|request| request.username = String::new()),
        sql: |_| insert_user("username", ""),
    },
    Break {
        constraint: "identity_users_username_length",
        method: "Register",
        request: |_| register(|request| request.username = "a".repeat(151)),
        sql: |_| insert_user("username", &"a".repeat(151)),
    },
    Break {
        constraint: "identity_users_username_characters",
        method: "Register",
        request: |_| register(|request| request.username = "a b".to_owned()),
        sql: |_| insert_user("username", "a b"),
    },
    Break {
        constraint: "identity_users_email_length",
        method: "Register",
        request: |_| register(|request| request.email = format!("{}@b", long(253))),
        sql: |_| insert_user("email", &format!("{}@b", long(253))),
    },
    Break {
        constraint: "identity_users_email_format",
        method: "Register",
        request: |_| register(|request| request.email = "nobody".to_owned()),
        sql: |_| insert_user("email", "nobody"),
    },
    Break {
        constraint: "identity_users_first_name_length",
        method: "Register",
        request: |_| register(|request| request.first_name = long(151)),
        sql: |_| insert_user("first_name", &long(151)),
    },
    Break {
        constraint: "identity_users_last_name_length",
        method: "Register",
        request: |_| register(|request| request.last_name = long(151)),
        sql: |_| insert_user("last_name", &long(151)),
    },
    Break {
        constraint: "identity_profiles_bio_length",
        method: "UpdateProfile",
        request: |world| profile(world, |profile| profile.bio = Some(long(501))),
        sql: |world| update_profile(world, "bio", &long(501)),
    },
    Break {
        constraint: "identity_profiles_avatar_url_length",
        method: "UpdateProfile",
        request: |world| profile(world, |profile| profile.avatar_url = Some(long_url(501))),
        sql: |world| update_profile(world, "avatar_url", &long_url(501)),
    },
    Break {
        constraint: "identity_profiles_avatar_url_scheme",
        method: "UpdateProfile",
        request: |world| {
            profile(world, |profile| {
                profile.avatar_url = Some("ftp://example.org".to_owned());
            })
        },
        sql: |world| update_profile(world, "avatar_url", "ftp://example.org"),
    },
    Break {
        constraint: "identity_profiles_location_length",
        method: "UpdateProfile",
        request: |world| profile(world, |profile| profile.location = Some(long(101))),
        sql: |world| update_profile(world, "location", &long(101)),
    },
    Break {
        constraint: "identity_profiles_website_url_length",
        method: "UpdateProfile",
        request: |world| profile(world, |profile| profile.website_url = Some(long_url(201))),
        sql: |world| update_profile(world, "website_url", &long_url(201)),
    },
    Break {
        constraint: "identity_profiles_website_url_scheme",
        method: "UpdateProfile",
        request: |world| {
            profile(world, |profile| {
                profile.website_url = Some("example.org".to_owned());
            })
        },
        sql: |world| update_profile(world, "website_url", "example.org"),
    },
    Break {
        constraint: "identity_users_username_key",
        method: "Register",
        request: |world| register(|request| request.username = world.owner.username.to_uppercase()),
        sql: |world| insert_user("username", &world.owner.username.to_uppercase()),
    },
    Break {
        constraint: "identity_users_email_key",
        method: "Register",
        request: |_| register(|request| request.email = "TAKEN@example.org".to_owned()),
        sql: |_| insert_user("email", "TAKEN@example.org"),
    },
    Break {
        constraint: "identity_sessions_device_label_length",
        method: "Authenticate",
        request: |world| {
            let identifier = Some(authenticate_request::Identifier::Username(
                world.owner.username.clone(),
            ));
            AuthenticateRequest {
                identifier,
                password: "correct horse".to_owned(),
                device_label: long(101),
            }
            .encode_to_vec()
        },
        sql: |world| {
            let (user, label) = (world.owner.id, long(101));
            format!(
                "INSERT INTO identity.sessions (user_id, device_label, expires_at) VALUES ({user}, '{label}', now())"
            )
        },
    },
    Break {
        constraint: "social_graph_follows_pkey",
        method: "Follow",
        request: |world| {
            FollowRequest {
                user_id: world.other.id,
                allow_existing: false,
            }
            .encode_to_vec()
        },
        sql: |world| insert_follow(world.owner.id, world.other.id),
    },
    Break {
        constraint: "social_graph_follows_no_self_follow",
        method: "Follow",
        request: |world| {
            FollowRequest {
                user_id: world.owner.id,
                allow_existing: false,
            }
            .encode_to_vec()
        },
        sql: |world| insert_follow(world.owner.id, world.owner.id),
    },
    Break {
        constraint: "social_graph_follows_followed_id_fkey",
        method: "Follow",
        request: |_| {
            FollowRequest {
                user_id: NOBODY,
                allow_existing: false,
            }
            .encode_to_vec()
        },
        sql: |world| insert_follow(world.owner.id, NOBODY),
    },
    Break {
        constraint: "social_graph_follows_follower_id_fkey",
        method: "BatchFollow",
        request: |world| {
            let pair = FollowPair {
                follower_id: NOBODY,
                followed_id: world.owner.id,
            };
            BatchFollowRequest {
                pairs: vec![pair],
                allow_existing: false,
            }
            .encode_to_vec()
        },
        sql: |world| insert_follow(NOBODY, world.owner.id),
    },
];

#[test]
fn every_rule_that_a_request_can_break_has_its_row() {
    let breakable = kith_rules::all().filter(|rule| !matches!(rule.breaks, Breaks::Never { .. }));
    let breakable: BTreeSet<&str> = breakable.map(|rule| rule.constraint).collect();
    assert_eq!(breakable, BREAKS.iter().map(|row| row.constraint).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_rule_gives_the_same_error_from_either_side() {
    let app = TestApp::start().await;
    taken_email(&app).await;
    for row in BREAKS {
        let world = World::new(&app).await;
        sql(&app, &insert_follow(world.owner.id, world.other.id))
            .await
            .expect("a follow");
        let declared = sql(&app, &(row.sql)(&world))
            .await
            .expect_err("the database refuses");
        let declared = Refusal::of_item(&to_rpc_status(&declared));
        let parsed = through_rpc(&app, &world, row).await;
        assert_eq!(
            declared.metadata.get("constraint").map(String::as_str),
            Some(row.constraint)
        );
        assert_eq!(parsed, declared, "{}", row.constraint);
    }
}

async fn through_rpc(app: &TestApp, world: &World, row: &Break) -> Refusal {
    let service = if row.method.contains("Follow") {
        GRAPH
    } else {
        IDENTITY
    };
    let rpc = method(&format!("{service}/{}", row.method));
    let request = (row.request)(world);
    let answer = match row.method {
        "BatchFollow" => {
            call(
                app,
                &rpc,
                &app.operator(&["social_graph.follows.import"]),
                request,
            )
            .await
        }
        _ => call(app, &rpc, &world.owner, request).await,
    };
    answer.expect_err("the RPC refuses")
}

async fn taken_email(app: &TestApp) {
    let request = register(|request| {
        request.username = "taken".to_owned();
        request.email = "taken@example.org".to_owned();
    });
    call(
        app,
        &method(&format!("{IDENTITY}/Register")),
        &app.nobody(),
        request,
    )
    .await
    .expect("a registration");
}

/// Runs a statement as the owner of the database, and maps its error as the stores' errors are.
async fn sql(app: &TestApp, statement: &str) -> Result<usize, Failure> {
    let mut conn = app.database.owner().await;
    Ok(kith_postgres::run("direct", sql_query(statement).execute(&mut conn)).await?)
}
