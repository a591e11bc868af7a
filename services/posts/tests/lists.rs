//! What is true of every list of posts.

use kith_contracts::posts::v1::{Post, PostViewer};
use kith_testkit::{Bearer, Caller, Refusal, TestApp, TestUser};
use tonic::Status;

use crate::support::{block, execute};

/// A page of posts, or why there is none.
pub(crate) type Page = Result<(Vec<Post>, String), Status>;

/// The refusal of a page token that belongs to another list.
pub(crate) const FOREIGN_TOKEN: &str = "InvalidArgument PAGE_TOKEN_INVALID [page_token PAGE_TOKEN_INVALID]";

/// Anybody, as a list is asked for by.
pub(crate) fn bearer(caller: &impl Caller) -> Bearer {
    Bearer(caller.token().cloned())
}

pub(crate) fn ids(posts: &[Post]) -> Vec<i64> {
    posts.iter().map(|post| post.id).collect()
}

/// The ids on a page that must be there, and the token of the next.
pub(crate) fn listed(page: Page) -> (Vec<i64>, String) {
    let (posts, token) = page.expect("a page");
    (ids(&posts), token)
}

/// What refuses to answer a page.
pub(crate) fn refused(page: Page) -> String {
    Refusal::of(&page.expect_err("a refusal")).summary()
}

/// Writes so many posts past the service, all at the same moment, and answers their ids, newest first. `columns` are set to
/// `values` beside author and content.
pub(crate) async fn write(
    app: &TestApp,
    author: &TestUser,
    count: i64,
    columns: &str,
    values: &str,
) -> Vec<i64> {
    let insert = format!(
        "INSERT INTO posts.posts (author_id, content{columns})
            SELECT {}, 'post ' || number{values} FROM generate_series(1, {count}) AS number",
        author.id
    );
    execute(app, &insert).await;
    let newest = newest_id(app).await;
    (newest - count + 1..=newest).rev().collect()
}

async fn newest_id(app: &TestApp) -> i64 {
    let anybody = app.operator(&[]);
    let request = kith_contracts::posts::v1::ListPostsRequest {
        page_size: 1,
        ..Default::default()
    };
    let answer = app.posts(&anybody).list_posts(request).await;
    answer.expect("posts").into_inner().posts[0].id
}

/// Asserts that pages of every size show each post of `newest_first` exactly once, although `add` puts another one before
/// them after each page.
pub(crate) async fn assert_each_once(
    mut newest_first: Vec<i64>,
    list: impl AsyncFn(i32, String) -> Page,
    add: impl AsyncFn() -> i64,
) {
    for size in [1, 2, 3, 100] {
        let expected = newest_first.clone();
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let (ids, next) = listed(list(size, token).await);
            assert!(ids.len() <= size.try_into().expect("a size"), "a page of {size}");
            assert_eq!(
                next.is_empty(),
                seen.len() + ids.len() == expected.len(),
                "pages of {size}"
            );
            seen.extend(ids);
            newest_first.insert(0, add().await);
            if next.is_empty() {
                break;
            }
            token = next;
        }
        assert_eq!(seen, expected, "pages of {size}");
    }
}

/// Asserts that a list of these posts shows to each who reads it what it may see: `viewer` not those of `unloved`, once it
/// blocks that author; others and services all; and only to `viewer` what `viewer` likes and has shared.
pub(crate) async fn assert_seen_by(
    app: &TestApp,
    viewer: &TestUser,
    unloved: &TestUser,
    newest_first: &[i64],
    list: impl AsyncFn(Bearer) -> Page,
) {
    let (liked, shared) = (newest_first[0], newest_first[1]);
    let react = format!(
        "INSERT INTO posts.likes (post_id, user_id) SELECT {liked}, id FROM identity.users WHERE id <= {user};
        INSERT INTO posts.shares (post_id, user_id) SELECT {shared}, id FROM identity.users WHERE id <= {user};
        INSERT INTO posts.likes (post_id, user_id) SELECT id, {other} FROM posts.posts WHERE id <> {liked}",
        user = viewer.id,
        other = unloved.id,
    );
    execute(app, &react).await;
    let seen = |posts: &[Post]| -> Vec<Option<PostViewer>> { posts.iter().map(|post| post.viewer).collect() };

    let (posts, _) = list(bearer(viewer)).await.expect("a page");
    assert_eq!(ids(&posts), newest_first);
    let expected = newest_first.iter().map(|id| {
        Some(PostViewer {
            liked: *id == liked,
            shared: *id == shared,
        })
    });
    assert_eq!(seen(&posts), expected.collect::<Vec<_>>());

    block(app, viewer, unloved).await;
    let (posts, _) = list(bearer(viewer)).await.expect("a page");
    let others: Vec<i64> = posts.iter().map(|post| post.author_id).collect();
    assert!(!others.is_empty() && !others.contains(&unloved.id), "{others:?}");
    for (caller, has_viewer) in [(bearer(unloved), true), (app.operator(&[]), false)] {
        let (posts, _) = list(caller).await.expect("a page");
        assert_eq!(ids(&posts), newest_first);
        assert!(posts.iter().all(|post| post.viewer.is_some() == has_viewer));
    }
}

/// Asserts that a page has 50 posts where nothing is said, and 100 at most.
pub(crate) async fn assert_sizes(list: impl AsyncFn(i32, String) -> Page) {
    for (size, length) in [(0, 50), (100, 100), (101, 100), (i32::MAX, 100)] {
        assert_eq!(listed(list(size, String::new()).await).0.len(), length, "{size}");
    }
}
