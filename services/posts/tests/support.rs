//! What the tests of several RPCs need.

use kith_contracts::posts::v1::{
    CreatePostRequest, CreatePostResponse, GetPostRequest, GetPostResponse, Post, PostType,
};
use kith_contracts::social_graph::v1::BlockUserRequest;
use kith_testkit::{Caller, TestApp, TestUser};
pub(crate) use kith_testkit::{Uncommitted, answer, count, execute, refusal};
use prost_types::Timestamp;
use tonic::{Response, Status};

/// Held by whoever reads plans in the server's log, which all tests of this process share.
pub(crate) static LOG: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Tries to post something.
pub(crate) async fn create(
    app: &TestApp,
    author: &impl Caller,
    request: CreatePostRequest,
) -> Result<Response<CreatePostResponse>, Status> {
    app.posts(author).create_post(request).await
}

/// A request to post `content`.
pub(crate) fn with_content(content: &str) -> CreatePostRequest {
    CreatePostRequest {
        content: content.to_owned(),
        ..Default::default()
    }
}

/// A request to reply to a post.
pub(crate) fn reply_to(parent: &Post, content: &str) -> CreatePostRequest {
    CreatePostRequest {
        parent_id: parent.id,
        ..with_content(content)
    }
}

/// Posts something.
pub(crate) async fn post(app: &TestApp, author: &TestUser, content: &str) -> Post {
    let made = answer(create(app, author, with_content(content)).await);
    made.post.expect("a post")
}

/// Replies to a post.
pub(crate) async fn reply(app: &TestApp, author: &TestUser, parent: &Post, content: &str) -> Post {
    let made = answer(create(app, author, reply_to(parent, content)).await);
    made.post.expect("a post")
}

/// Tries to read a post.
pub(crate) async fn get(
    app: &TestApp,
    caller: &impl Caller,
    post: &Post,
) -> Result<Response<GetPostResponse>, Status> {
    let request = GetPostRequest { post_id: post.id };
    app.posts(caller).get_post(request).await
}

/// A post as `caller` sees it now.
pub(crate) async fn seen(app: &TestApp, caller: &impl Caller, post: &Post) -> Post {
    answer(get(app, caller, post).await).post.expect("a post")
}

/// Whom a post mentions, and where.
pub(crate) fn mentions(post: &Post) -> Vec<(i64, i32, i32)> {
    let places = post.mentions.iter();
    places
        .map(|place| (place.user_id, place.start, place.end))
        .collect()
}

/// Which topics a post names, and where.
pub(crate) fn hashtags(post: &Post) -> Vec<(&str, i32, i32)> {
    let places = post.hashtags.iter();
    places
        .map(|place| (place.tag.as_str(), place.start, place.end))
        .collect()
}

/// The number that stands for a type in requests.
pub(crate) fn number(kind: PostType) -> i32 {
    kind.into()
}

/// Blocks for the first time.
pub(crate) async fn block(app: &TestApp, blocker: &TestUser, blocked: &TestUser) {
    let request = BlockUserRequest {
        user_id: blocked.id,
        allow_existing: false,
    };
    answer(app.social_graph(blocker).block_user(request).await);
}

/// Deactivates a user, past identity.
pub(crate) async fn deactivate(app: &TestApp, user: &TestUser) {
    let sql = format!(
        "UPDATE identity.users SET is_active = false WHERE id = {}",
        user.id
    );
    execute(app, &sql).await;
}

/// Deletes a user, past identity.
pub(crate) async fn delete_user(app: &TestApp, user: &TestUser) {
    execute(app, &format!("DELETE FROM identity.users WHERE id = {}", user.id)).await;
}

/// A time that can be compared.
pub(crate) fn instant(time: Option<Timestamp>) -> (i64, i32) {
    let time = time.expect("a time");
    (time.seconds, time.nanos)
}

/// The characters with Unicode's property White_Space.
pub(crate) const SPACES: &str = "\u{9}\u{a}\u{b}\u{c}\u{d}\u{20}\u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\
    \u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";

/// The longest text of `length` characters: four bytes each.
pub(crate) fn wide(length: usize) -> String {
    "😀".repeat(length)
}
