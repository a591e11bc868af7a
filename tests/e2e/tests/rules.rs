//! Every rule that a request can break, broken through its RPC and past it.

use std::collections::BTreeSet;

use diesel::sql_query;
use diesel_async::RunQueryDsl;
use kith_contracts::identity::v1::*;
use kith_contracts::messaging::v1::*;
use kith_contracts::posts::v1::*;
use kith_contracts::social_graph::v1::*;
use kith_primitives::Failure;
use kith_rpc::status::to_rpc_status;
use kith_rules::{Breaks, Rule};
use kith_testkit::{Refusal, TestApp};
use prost::Message;
use prost_reflect::Value;

use crate::raw::{call, dynamic, method};
use crate::rows::{SCOPES, World};

/// What is made for the users of a world.
type Made<T> = Box<dyn Fn(&World) -> T + Send + Sync>;

/// How to break a rule from either side.
struct Break {
    constraint: &'static str,
    method: &'static str,
    /// The statement that makes what must be there before.
    before: Made<String>,
    /// The request that breaks it; the caller is the owner, or an operator for what only operators may do.
    request: Made<Vec<u8>>,
    /// The statement that breaks it.
    sql: Made<String>,
}

const IDENTITY: &str = "kith.identity.v1.IdentityService";
const GRAPH: &str = "kith.social_graph.v1.SocialGraphService";
const MESSAGING: &str = "kith.messaging.v1.MessagingService";
const POSTS: &str = "kith.posts.v1.PostsService";

/// An id that no user has.
const NOBODY: i64 = i64::MAX;

/// For a rule that is broken in an empty world.
fn nothing() -> Made<String> {
    Box::new(|_| "SELECT".to_owned())
}

/// A rule of `identity.users`, broken by one value in a registration.
fn register(constraint: &'static str, field: &'static str, value: &str) -> Break {
    let request = RegisterRequest {
        username: "ada".to_owned(),
        password: "correct horse".to_owned(),
        ..Default::default()
    };
    let request = with_text(
        &format!("{IDENTITY}/Register"),
        &request.encode_to_vec(),
        field,
        value,
    );
    let sql = if field == "username" {
        format!("INSERT INTO identity.users (username) VALUES ('{value}')")
    } else {
        format!("INSERT INTO identity.users (username, {field}) VALUES ('ada', '{value}')")
    };
    Break {
        constraint,
        method: "Register",
        before: nothing(),
        request: Box::new(move |_| request.clone()),
        sql: Box::new(move |_| sql.clone()),
    }
}

/// A rule of `identity.profiles`, broken by one value in an update.
fn profile(constraint: &'static str, field: &'static str, value: String) -> Break {
    let text = value.clone();
    Break {
        constraint,
        method: "UpdateProfile",
        before: nothing(),
        request: Box::new(move |world| {
            let profile = Profile {
                user_id: world.owner.id,
                ..Default::default()
            };
            let request = UpdateProfileRequest {
                profile: Some(profile),
                update_mask: None,
            }
            .encode_to_vec();
            let mut request = dynamic(&method(&format!("{IDENTITY}/UpdateProfile")), &request);
            let profile = request
                .get_field_by_name_mut("profile")
                .and_then(Value::as_message_mut);
            profile
                .expect("a profile")
                .set_field_by_name(field, Value::String(text.clone()));
            request.encode_to_vec()
        }),
        sql: Box::new(move |world| {
            format!(
                "UPDATE identity.profiles SET {field} = '{value}' WHERE user_id = {}",
                world.owner.id
            )
        }),
    }
}

/// A rule of `identity.sessions`, broken by the label of a sign-in.
fn device_label(constraint: &'static str, label: String) -> Break {
    let device_label = label.clone();
    Break {
        constraint,
        method: "Authenticate",
        before: nothing(),
        request: Box::new(move |world| {
            let username = world.owner.username.clone();
            AuthenticateRequest {
                identifier: Some(authenticate_request::Identifier::Username(username)),
                password: "correct horse".to_owned(),
                device_label: device_label.clone(),
            }
            .encode_to_vec()
        }),
        sql: Box::new(move |world| {
            let user = world.owner.id;
            format!(
                "INSERT INTO identity.sessions (user_id, device_label, expires_at) VALUES ({user}, '{label}', now())"
            )
        }),
    }
}

/// A rule of `identity.service_accounts`, broken by the creation of one.
fn service_account(constraint: &'static str, name: String, scopes: usize) -> Break {
    let sql = format!(
        "INSERT INTO identity.service_accounts (name, scopes, secret_hash)
        VALUES ('{name}', array_fill('identity.users.import'::text, '{{{scopes}}}'), sha256(''))"
    );
    let request = CreateServiceAccountRequest {
        name,
        scopes: vec!["identity.users.import".to_owned(); scopes],
    };
    Break {
        constraint,
        method: "CreateServiceAccount",
        before: nothing(),
        request: Box::new(move |_| request.encode_to_vec()),
        sql: Box::new(move |_| sql.clone()),
    }
}

/// A rule of `social_graph.follows`, broken by a follow.
fn follow(constraint: &'static str, follower: fn(&World) -> i64, followed: fn(&World) -> i64) -> Break {
    let is_owners = constraint != "social_graph_follows_follower_id_fkey";
    Break {
        constraint,
        method: if is_owners { "Follow" } else { "BatchFollow" },
        before: Box::new(|world| insert_follow(world.owner.id, world.other.id)),
        request: Box::new(move |world| {
            let (follower_id, followed_id) = (follower(world), followed(world));
            if is_owners {
                return FollowRequest {
                    user_id: followed_id,
                    allow_existing: false,
                }
                .encode_to_vec();
            }
            let pairs = vec![FollowPair {
                follower_id,
                followed_id,
            }];
            BatchFollowRequest {
                pairs,
                allow_existing: false,
            }
            .encode_to_vec()
        }),
        sql: Box::new(move |world| insert_follow(follower(world), followed(world))),
    }
}

fn insert_follow(follower_id: i64, followed_id: i64) -> String {
    format!(
        "INSERT INTO social_graph.follows (follower_id, followed_id) VALUES ({follower_id}, {followed_id})"
    )
}

/// A rule of `social_graph.friendships`, broken by a friendship.
fn friendship(constraint: &'static str, before: Made<String>, friend: fn(&World) -> i64) -> Break {
    Break {
        constraint,
        method: "BatchBefriend",
        before,
        request: Box::new(move |world| {
            let pairs = vec![FriendPair {
                user_id: world.owner.id,
                friend_id: friend(world),
            }];
            BatchBefriendRequest {
                pairs,
                allow_existing: false,
            }
            .encode_to_vec()
        }),
        sql: Box::new(move |world| insert_friendship(world.owner.id, friend(world))),
    }
}

fn insert_friendship(one: i64, other: i64) -> String {
    format!(
        "INSERT INTO social_graph.friendships (user_id, friend_id) VALUES ({one}, {other}), ({other}, {one})"
    )
}

fn insert_block(blocker_id: i64, blocked_id: i64) -> String {
    format!("INSERT INTO social_graph.blocks (blocker_id, blocked_id) VALUES ({blocker_id}, {blocked_id})")
}

/// A rule of what one user does to another, broken by the other being who it is.
fn deed<R: Message + 'static>(
    constraint: &'static str,
    method: &'static str,
    before: Made<String>,
    request: impl Fn(&World) -> R + Send + Sync + 'static,
    sql: impl Fn(&World) -> String + Send + Sync + 'static,
) -> Break {
    Break {
        constraint,
        method,
        before,
        request: Box::new(move |world| request(world).encode_to_vec()),
        sql: Box::new(sql),
    }
}

fn insert_mute(muter_id: i64, muted_id: i64, expires_at: &str) -> String {
    format!(
        "INSERT INTO social_graph.mutes (muter_id, muted_id, expires_at) VALUES ({muter_id}, {muted_id}, {expires_at})"
    )
}

fn insert_request(from_user_id: i64, to_user_id: i64, note: &str) -> String {
    format!(
        "INSERT INTO social_graph.friend_requests (from_user_id, to_user_id, note)
        VALUES ({from_user_id}, {to_user_id}, '{note}')"
    )
}

fn block(user_id: i64) -> BlockUserRequest {
    BlockUserRequest {
        user_id,
        allow_existing: false,
    }
}

fn mute(user_id: i64) -> MuteUserRequest {
    MuteUserRequest {
        user_id,
        ..Default::default()
    }
}

fn ask(user_id: i64) -> SendFriendRequestRequest {
    SendFriendRequestRequest {
        user_id,
        ..Default::default()
    }
}

fn blocks_and_mutes() -> Vec<Break> {
    vec![
        deed(
            "social_graph_follows_not_blocked",
            "Follow",
            Box::new(|world| insert_block(world.other.id, world.owner.id)),
            |world| FollowRequest {
                user_id: world.other.id,
                allow_existing: true,
            },
            |world| insert_follow(world.owner.id, world.other.id),
        ),
        deed(
            "social_graph_blocks_pkey",
            "BlockUser",
            Box::new(|world| insert_block(world.owner.id, world.other.id)),
            |world| block(world.other.id),
            |world| insert_block(world.owner.id, world.other.id),
        ),
        deed(
            "social_graph_blocks_no_self_block",
            "BlockUser",
            nothing(),
            |world| block(world.owner.id),
            |world| insert_block(world.owner.id, world.owner.id),
        ),
        deed(
            "social_graph_blocks_blocker_id_fkey",
            "BlockUser",
            nothing(),
            |world| block(world.other.id),
            |world| insert_block(NOBODY, world.other.id),
        ),
        deed(
            "social_graph_blocks_blocked_id_fkey",
            "BlockUser",
            nothing(),
            |_| block(NOBODY),
            |world| insert_block(world.owner.id, NOBODY),
        ),
        deed(
            "social_graph_mutes_pkey",
            "MuteUser",
            Box::new(|world| insert_mute(world.owner.id, world.other.id, "NULL")),
            |world| mute(world.other.id),
            |world| insert_mute(world.owner.id, world.other.id, "NULL"),
        ),
        deed(
            "social_graph_mutes_no_self_mute",
            "MuteUser",
            nothing(),
            |world| mute(world.owner.id),
            |world| insert_mute(world.owner.id, world.owner.id, "NULL"),
        ),
        deed(
            "social_graph_mutes_muter_id_fkey",
            "MuteUser",
            nothing(),
            |world| mute(world.other.id),
            |world| insert_mute(NOBODY, world.other.id, "NULL"),
        ),
        deed(
            "social_graph_mutes_muted_id_fkey",
            "MuteUser",
            nothing(),
            |_| mute(NOBODY),
            |world| insert_mute(world.owner.id, NOBODY, "NULL"),
        ),
        deed(
            "social_graph_mutes_expires_later",
            "MuteUser",
            nothing(),
            |world| MuteUserRequest {
                ttl: Some(prost_types::Duration::default()),
                ..mute(world.other.id)
            },
            |world| insert_mute(world.owner.id, world.other.id, "now()"),
        ),
    ]
}

fn friend_requests() -> Vec<Break> {
    const METHOD: &str = "SendFriendRequest";
    let asks_the_other = |world: &World| insert_request(world.owner.id, world.other.id, "");
    vec![
        deed(
            "social_graph_friend_requests_pair_key",
            METHOD,
            Box::new(asks_the_other),
            |world| ask(world.other.id),
            asks_the_other,
        ),
        deed(
            "social_graph_friend_requests_not_friends",
            METHOD,
            Box::new(|world| insert_friendship(world.owner.id, world.other.id)),
            |world| ask(world.other.id),
            asks_the_other,
        ),
        deed(
            "social_graph_friend_requests_not_blocked",
            METHOD,
            Box::new(|world| insert_block(world.other.id, world.owner.id)),
            |world| ask(world.other.id),
            asks_the_other,
        ),
        deed(
            "social_graph_friend_requests_no_self_request",
            METHOD,
            nothing(),
            |world| ask(world.owner.id),
            |world| insert_request(world.owner.id, world.owner.id, ""),
        ),
        deed(
            "social_graph_friend_requests_from_user_id_fkey",
            METHOD,
            nothing(),
            |world| ask(world.other.id),
            |world| insert_request(NOBODY, world.other.id, ""),
        ),
        deed(
            "social_graph_friend_requests_to_user_id_fkey",
            METHOD,
            nothing(),
            |_| ask(NOBODY),
            |world| insert_request(world.owner.id, NOBODY, ""),
        ),
        deed(
            "social_graph_friend_requests_note_length",
            METHOD,
            nothing(),
            |world| SendFriendRequestRequest {
                note: long(201),
                ..ask(world.other.id)
            },
            |world| insert_request(world.owner.id, world.other.id, &long(201)),
        ),
    ]
}

fn insert_message(world: &World, content: &str) -> String {
    let (conversation, owner, third) = (world.conversation_id, world.owner.id, world.third.id);
    format!(
        "INSERT INTO messaging.messages (conversation_id, seq, sender_id, receiver_id, content)
        VALUES ({conversation}, 2, {owner}, {third}, '{content}')"
    )
}

fn insert_conversation(low: i64, high: i64) -> String {
    format!("INSERT INTO messaging.conversations (low_user_id, high_user_id) VALUES ({low}, {high})")
}

fn write(receiver_id: i64, content: &str) -> SendMessageRequest {
    SendMessageRequest {
        receiver_id,
        content: content.to_owned(),
        request_id: String::new(),
    }
}

fn accept(senders: i32) -> UpdateMessagingSettingsRequest {
    UpdateMessagingSettingsRequest {
        accepted_senders: Some(senders),
        ..Default::default()
    }
}

fn messages() -> Vec<Break> {
    const SEND: &str = "SendMessage";
    const SETTINGS: &str = "UpdateMessagingSettings";
    vec![
        // Somebody has joined before the owner, and goes.
        deed(
            "messaging_conversations_low_user_id_fkey",
            SEND,
            Box::new(|world| format!("DELETE FROM identity.users WHERE id = {}", world.owner.id - 1)),
            |world| write(world.owner.id - 1, "hello"),
            |world| insert_conversation(world.owner.id - 1, world.owner.id),
        ),
        deed(
            "messaging_conversations_high_user_id_fkey",
            SEND,
            nothing(),
            |_| write(NOBODY, "hello"),
            |world| insert_conversation(world.owner.id, NOBODY),
        ),
        deed(
            "messaging_conversations_not_with_oneself",
            SEND,
            nothing(),
            |world| write(world.owner.id, "hello"),
            |world| insert_conversation(world.owner.id, world.owner.id),
        ),
        deed(
            "messaging_messages_content_length",
            SEND,
            nothing(),
            |world| write(world.third.id, &long(4001)),
            |world| insert_message(world, &long(4001)),
        ),
        deed(
            "messaging_messages_content_not_blank",
            SEND,
            nothing(),
            |world| write(world.third.id, "\u{2003}\t"),
            |world| insert_message(world, "\u{2003}\t"),
        ),
        deed(
            "messaging_members_mute_expires_later",
            "MuteConversation",
            nothing(),
            |world| MuteConversationRequest {
                conversation_id: world.conversation_id,
                ttl: Some(prost_types::Duration::default()),
            },
            |world| {
                let id = world.conversation_id;
                format!(
                    "UPDATE messaging.members SET muted_at = now(), mute_expires_at = now() WHERE conversation_id = {id}"
                )
            },
        ),
        deed(
            "messaging_settings_user_id_fkey",
            SETTINGS,
            nothing(),
            |_| accept(AcceptedSenders::Friends.into()),
            |_| format!("INSERT INTO messaging.settings (user_id) VALUES ({NOBODY})"),
        ),
        deed(
            "messaging_settings_accepted_senders_known",
            SETTINGS,
            nothing(),
            |_| accept(4711),
            |world| {
                format!(
                    "INSERT INTO messaging.settings VALUES ({}, 'nobody')",
                    world.owner.id
                )
            },
        ),
    ]
}

fn insert_post(world: &World, columns: &str, values: &str) -> String {
    format!(
        "INSERT INTO posts.posts (author_id{columns}) VALUES ({}{values})",
        world.owner.id
    )
}

/// A rule of `posts.posts`, broken by one post.
fn new_post(
    constraint: &'static str,
    request: CreatePostRequest,
    columns: &'static str,
    values: String,
) -> Break {
    deed(
        constraint,
        "CreatePost",
        nothing(),
        move |_| request.clone(),
        move |world| insert_post(world, columns, &values),
    )
}

fn said(content: &str) -> CreatePostRequest {
    CreatePostRequest {
        content: content.to_owned(),
        ..Default::default()
    }
}

fn shows(media_url: &str) -> CreatePostRequest {
    CreatePostRequest {
        media_url: media_url.to_owned(),
        ..said("hello")
    }
}

fn posts() -> Vec<Break> {
    const REQUEST_ID: &str = "8c1f7f0e-6b0e-4bb6-9b5e-0a4c3c0f7d11";
    let (kind, parent, sent) = (said("hello"), said("hello"), said("hello"));
    let mut all = vec![
        new_post(
            "posts_posts_content_length",
            said(&long(501)),
            ", content",
            format!(", '{}'", long(501)),
        ),
        new_post(
            "posts_posts_content_not_blank",
            said("\u{2003}\t"),
            ", content",
            ", E'\\u2003\\t'".to_owned(),
        ),
        new_post(
            "posts_posts_type_known",
            CreatePostRequest { r#type: 4711, ..kind },
            ", content, type",
            ", 'hello', 'poem'".to_owned(),
        ),
        new_post(
            "posts_posts_media_url_length",
            shows(&long_url(501)),
            ", content, media_url",
            format!(", 'hello', '{}'", long_url(501)),
        ),
        new_post(
            "posts_posts_media_url_scheme",
            shows("ftp://example.org"),
            ", content, media_url",
            ", 'hello', 'ftp://example.org'".to_owned(),
        ),
        // An id that no post has, and that is lower than the next one, as the database wants it.
        deed(
            "posts_posts_parent_id_fkey",
            "CreatePost",
            Box::new(|_| {
                "SELECT setval('posts.posts_id_seq', nextval('posts.posts_id_seq') + 10)".to_owned()
            }),
            move |world| CreatePostRequest {
                parent_id: world.post_id + 5,
                ..parent.clone()
            },
            |world| {
                insert_post(
                    world,
                    ", content, parent_id",
                    &format!(", 'hello', {}", world.post_id + 5),
                )
            },
        ),
        deed(
            "posts_posts_author_id_fkey",
            "CreatePost",
            nothing(),
            |_| said("hello"),
            |_| format!("INSERT INTO posts.posts (author_id, content) VALUES ({NOBODY}, 'hello')"),
        ),
        deed(
            "posts_requests_user_id_fkey",
            "CreatePost",
            nothing(),
            move |_| CreatePostRequest {
                request_id: REQUEST_ID.to_owned(),
                ..sent.clone()
            },
            |_| {
                format!(
                    "INSERT INTO posts.requests (user_id, request_id, fingerprint, post_id)
                    VALUES ({NOBODY}, '{REQUEST_ID}', sha256(''), 1)"
                )
            },
        ),
    ];
    all.extend(likes());
    all.extend(shares());
    all
}

fn insert_reaction(table: &str, post_id: i64, user_id: i64) -> String {
    format!("INSERT INTO posts.{table} (post_id, user_id) VALUES ({post_id}, {user_id})")
}

fn likes() -> [Break; 3] {
    let like = |post_id| LikePostRequest {
        post_id,
        allow_existing: false,
    };
    [
        deed(
            "posts_likes_pkey",
            "LikePost",
            Box::new(|world| insert_reaction("likes", world.post_id, world.owner.id)),
            move |world| like(world.post_id),
            |world| insert_reaction("likes", world.post_id, world.owner.id),
        ),
        deed(
            "posts_likes_post_id_fkey",
            "LikePost",
            nothing(),
            move |_| like(NOBODY),
            |world| insert_reaction("likes", NOBODY, world.owner.id),
        ),
        deed(
            "posts_likes_user_id_fkey",
            "LikePost",
            nothing(),
            move |world| like(world.post_id),
            |world| insert_reaction("likes", world.post_id, NOBODY),
        ),
    ]
}

fn shares() -> [Break; 3] {
    let share = |post_id| SharePostRequest {
        post_id,
        allow_existing: false,
    };
    [
        deed(
            "posts_shares_pkey",
            "SharePost",
            Box::new(|world| insert_reaction("shares", world.post_id, world.owner.id)),
            move |world| share(world.post_id),
            |world| insert_reaction("shares", world.post_id, world.owner.id),
        ),
        deed(
            "posts_shares_post_id_fkey",
            "SharePost",
            nothing(),
            move |_| share(NOBODY),
            |world| insert_reaction("shares", NOBODY, world.owner.id),
        ),
        deed(
            "posts_shares_user_id_fkey",
            "SharePost",
            nothing(),
            move |world| share(world.post_id),
            |world| insert_reaction("shares", world.post_id, NOBODY),
        ),
    ]
}

/// The rules that only a caller breaks whose account has gone.
const OF_THE_CALLER: [&str; 8] = [
    "posts_posts_author_id_fkey",
    "posts_requests_user_id_fkey",
    "posts_likes_user_id_fkey",
    "posts_shares_user_id_fkey",
    "social_graph_blocks_blocker_id_fkey",
    "social_graph_mutes_muter_id_fkey",
    "social_graph_friend_requests_from_user_id_fkey",
    "messaging_settings_user_id_fkey",
];

fn with_text(rpc: &str, request: &[u8], field: &str, value: &str) -> Vec<u8> {
    let mut request = dynamic(&method(rpc), request);
    request.set_field_by_name(field, Value::String(value.to_owned()));
    request.encode_to_vec()
}

fn long(length: usize) -> String {
    "😀".repeat(length)
}

fn long_url(length: usize) -> String {
    format!("https://{}", "a".repeat(length - 8))
}

/// The names that [`taken`] takes.
const TAKEN: (&str, &str) = ("taken", "taken@example.org");

fn breaks() -> Vec<Break> {
    [
        accounts_follows_and_friendships(),
        blocks_and_mutes(),
        friend_requests(),
        posts(),
        messages(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn accounts_follows_and_friendships() -> Vec<Break> {
    vec![
        register("identity_users_username_required", "username", ""),
        register("identity_users_username_length", "username", &"a".repeat(151)),
        register("identity_users_username_characters", "username", "a b"),
        register("identity_users_username_key", "username", &TAKEN.0.to_uppercase()),
        register(
            "identity_users_email_length",
            "email",
            &format!("{}@b", long(253)),
        ),
        register("identity_users_email_format", "email", "nobody"),
        register("identity_users_email_key", "email", &TAKEN.1.to_uppercase()),
        register("identity_users_first_name_length", "first_name", &long(151)),
        register("identity_users_last_name_length", "last_name", &long(151)),
        profile("identity_profiles_bio_length", "bio", long(501)),
        profile("identity_profiles_avatar_url_length", "avatar_url", long_url(501)),
        profile(
            "identity_profiles_avatar_url_scheme",
            "avatar_url",
            "ftp://example.org".to_owned(),
        ),
        profile("identity_profiles_location_length", "location", long(101)),
        profile(
            "identity_profiles_website_url_length",
            "website_url",
            long_url(201),
        ),
        profile(
            "identity_profiles_website_url_scheme",
            "website_url",
            "example.org".to_owned(),
        ),
        device_label("identity_sessions_device_label_length", long(101)),
        service_account("identity_service_accounts_name_required", String::new(), 0),
        service_account("identity_service_accounts_name_length", "a".repeat(101), 0),
        service_account("identity_service_accounts_name_characters", "A".to_owned(), 0),
        service_account("identity_service_accounts_name_key", TAKEN.0.to_owned(), 0),
        service_account("identity_service_accounts_scopes_count", "new".to_owned(), 51),
        follow(
            "social_graph_follows_pkey",
            |world| world.owner.id,
            |world| world.other.id,
        ),
        follow(
            "social_graph_follows_no_self_follow",
            |world| world.owner.id,
            |world| world.owner.id,
        ),
        follow(
            "social_graph_follows_followed_id_fkey",
            |world| world.owner.id,
            |_| NOBODY,
        ),
        follow(
            "social_graph_follows_follower_id_fkey",
            |_| NOBODY,
            |world| world.owner.id,
        ),
        friendship(
            "social_graph_friendships_pkey",
            Box::new(|world| insert_friendship(world.owner.id, world.other.id)),
            |world| world.other.id,
        ),
        friendship(
            "social_graph_friendships_no_self_friendship",
            nothing(),
            |world| world.owner.id,
        ),
        friendship("social_graph_friendships_user_id_fkey", nothing(), |_| NOBODY),
        friendship(
            "social_graph_friendships_not_blocked",
            Box::new(|world| insert_block(world.other.id, world.owner.id)),
            |world| world.other.id,
        ),
    ]
}

#[test]
fn every_rule_that_a_request_can_break_has_its_row() {
    let breakable = kith_rules::all().filter(|rule| !matches!(rule.breaks, Breaks::Never { .. }));
    let breakable: BTreeSet<&str> = breakable.map(|rule| rule.constraint).collect();
    assert_eq!(breakable, breaks().iter().map(|row| row.constraint).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_rule_gives_the_same_error_from_either_side() {
    let app = TestApp::start().await;
    taken(&app).await;
    for row in &breaks() {
        let world = World::new(&app).await;
        sql(&app, &(row.before)(&world)).await.expect(row.constraint);
        let declared = sql(&app, &(row.sql)(&world))
            .await
            .expect_err("the database refuses");
        let declared = Refusal::of_item(&to_rpc_status(&declared));
        let parsed = through_rpc(&app, &world, row).await;
        let rule = kith_rules::find(row.constraint).expect("a rule");
        let named = declared.metadata.get("constraint").map(String::as_str);
        assert_eq!(named, is_named(rule).then_some(row.constraint));
        assert_eq!(parsed, declared, "{}", row.constraint);
    }
}

/// A block is never told.
fn is_named(rule: &Rule) -> bool {
    !matches!(rule.breaks, Breaks::NotAllowed)
}

async fn through_rpc(app: &TestApp, world: &World, row: &Break) -> Refusal {
    let service = match row.method {
        "Register" | "UpdateProfile" | "Authenticate" | "CreateServiceAccount" => IDENTITY,
        "CreatePost" | "LikePost" | "SharePost" => POSTS,
        "SendMessage" | "MuteConversation" | "UpdateMessagingSettings" => MESSAGING,
        _ => GRAPH,
    };
    let rpc = method(&format!("{service}/{}", row.method));
    let request = (row.request)(world);
    let answer = if row.method.starts_with("Batch") || row.method == "CreateServiceAccount" {
        call(app, &rpc, &app.operator(SCOPES), request).await
    } else if OF_THE_CALLER.contains(&row.constraint) {
        call(app, &rpc, &app.signed_in(NOBODY, "gone"), request).await
    } else {
        call(app, &rpc, &world.owner, request).await
    };
    without_place(answer.expect_err("the RPC refuses"))
}

/// The refusal of a batch's first item, as if it were the whole request.
fn without_place(refusal: Refusal) -> Refusal {
    let without = |text: &str| text.replace("pairs[0].", "");
    Refusal {
        message: without(&refusal.message),
        fields: refusal
            .fields
            .iter()
            .map(|(field, reason)| (without(field), reason.clone()))
            .collect(),
        ..refusal
    }
}

/// Takes a username, an email address and the name of a service account.
async fn taken(app: &TestApp) {
    let request = RegisterRequest {
        username: TAKEN.0.to_owned(),
        email: TAKEN.1.to_owned(),
        password: "correct horse".to_owned(),
        ..Default::default()
    };
    app.identity(&app.nobody())
        .register(request)
        .await
        .expect("a registration");
    let request = CreateServiceAccountRequest {
        name: TAKEN.0.to_owned(),
        scopes: Vec::new(),
    };
    app.identity(&app.operator(SCOPES))
        .create_service_account(request)
        .await
        .expect("a service account");
}

/// Runs a statement as the owner of the database, and maps its error as the stores' errors are.
async fn sql(app: &TestApp, statement: &str) -> Result<usize, Failure> {
    let mut conn = app.database.owner().await;
    Ok(kith_postgres::run("direct", sql_query(statement).execute(&mut conn)).await?)
}
