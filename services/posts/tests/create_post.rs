use kith_contracts::posts::v1::{CreatePostRequest, CreatePostResponse, Post, PostType, UpdatePostRequest};
use kith_testkit::{Caller, Refusal, TestApp, TestUser};
use tokio::task::JoinSet;

use crate::support::{
    SPACES, Uncommitted, answer, block, count, create, deactivate, delete_user, execute, hashtags, instant,
    mentions, number, post, refusal, reply, reply_to, seen, wide, with_content,
};

const REQUEST_ID: &str = "8c1f7f0e-6b0e-4bb6-9b5e-0a4c3c0f7d11";

async fn refused(app: &TestApp, author: &impl Caller, request: CreatePostRequest) -> Refusal {
    refusal(create(app, author, request).await)
}

/// A request that can be sent again.
fn keyed(content: &str) -> CreatePostRequest {
    CreatePostRequest {
        request_id: REQUEST_ID.to_owned(),
        ..with_content(content)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_has_what_was_asked_for_and_is_read_as_it_was_answered() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let request = CreatePostRequest {
        content: " Hello, #World!\n".to_owned(),
        r#type: number(PostType::Milestones),
        media_url: "https://example.org/ä?q#f".to_owned(),
        ..Default::default()
    };
    let made = answer(create(&app, &alice, request.clone()).await);
    let post = made.post.expect("a post");
    assert!(!made.replayed && post.id > 0);
    assert_eq!((post.author_id, post.parent_id), (alice.id, 0));
    assert_eq!(
        (&post.content, post.r#type(), &post.media_url),
        (&request.content, PostType::Milestones, &request.media_url)
    );
    assert_eq!(instant(post.create_time), instant(post.update_time));
    assert_eq!(
        (post.likes_count, post.comment_count, post.shares_count),
        (0, 0, 0)
    );
    assert!(post.viewer.is_some());
    assert_eq!(seen(&app, &alice, &post).await, post);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_said_is_thoughts_without_media() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let post = post(&app, &alice, "x").await;
    assert_eq!((post.r#type(), post.media_url.as_str()), (PostType::Thoughts, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_are_counted_by_what_they_reply_to_alone() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let top = post(&app, &alice, "top").await;
    let first = reply(&app, &bob, &top, "first").await;
    assert_eq!(first.parent_id, top.id);
    reply(&app, &alice, &top, "second").await;
    reply(&app, &alice, &first, "beneath").await;
    assert_eq!(seen(&app, &alice, &top).await.comment_count, 2);
    assert_eq!(seen(&app, &alice, &first).await.comment_count, 1);
    app.database.assert_invariants().await;
}

async fn two(app: &TestApp) -> (TestUser, TestUser) {
    let mut users = app.users(&["alice", "bob"]).await.into_iter();
    let pair = users.next().zip(users.next());
    pair.expect("two users")
}

#[tokio::test(flavor = "multi_thread")]
async fn mentions_and_hashtags_are_told_with_their_places() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let content = "😀 @BOB, #Tag: @alice @bob #tag @nobody a@bob.c";
    let made = post(&app, &alice, content).await;
    let expected = [(bob.id, 2, 6), (alice.id, 14, 20), (bob.id, 21, 25)];
    assert_eq!(mentions(&made), expected);
    assert_eq!(hashtags(&made), [("tag", 8, 12), ("tag", 26, 30)]);
    assert_eq!(seen(&app, &bob, &made).await.mentions, made.mentions);
    assert_eq!(seen(&app, &bob, &made).await.hashtags, made.hashtags);
    assert_eq!(count(&app, "posts.mentions").await, 2);
    assert_eq!(count(&app, "posts.hashtags").await, 1);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_name_that_somebody_has_is_meant() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "alice.", "carol"]).await;
    let [alice, dotted, carol] = users.as_slice() else {
        panic!("three users");
    };
    let content = "@alice. @alice, @alice.. @carol.";
    let expected = [
        (dotted.id, 0, 7),
        (alice.id, 8, 14),
        (dotted.id, 16, 23),
        (carol.id, 25, 31),
    ];
    assert_eq!(mentions(&post(&app, carol, content).await), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_goes_with_the_user_and_stays_with_another_name() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let made = post(&app, &alice, "@bob @bob").await;
    let rename = format!(
        "UPDATE identity.users SET username = 'robert' WHERE id = {}",
        bob.id
    );
    execute(&app, &rename).await;
    assert_eq!(seen(&app, &alice, &made).await.mentions, made.mentions);
    delete_user(&app, &bob).await;
    assert_eq!(seen(&app, &alice, &made).await.mentions, []);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn content_has_1_to_500_characters_and_more_than_white_space() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for content in [wide(500), "x".to_owned(), "\u{200b}".to_owned()] {
        assert_eq!(post(&app, &alice, &content).await.content, content);
    }
    let mut blank: Vec<String> = SPACES.chars().map(String::from).collect();
    assert_eq!(blank.len(), 25);
    blank.extend([SPACES.to_owned(), String::new()]);
    for content in blank {
        let refused = refused(&app, &alice, with_content(&content)).await;
        assert_eq!(
            refused.summary(),
            "InvalidArgument FIELD_REQUIRED [content FIELD_REQUIRED]",
            "{content:?}"
        );
        assert_eq!(refused.metadata["constraint"], "posts_posts_content_not_blank");
    }
    let long = refused(&app, &alice, with_content(&wide(501))).await;
    assert_eq!(
        long.summary(),
        "InvalidArgument FIELD_TOO_LONG [content FIELD_TOO_LONG]"
    );
    assert_eq!(long.metadata["constraint"], "posts_posts_content_length");
    let nul = refused(&app, &alice, with_content("a\0b")).await;
    assert_eq!(
        nul.summary(),
        "InvalidArgument FIELD_CONTAINS_NUL [content FIELD_CONTAINS_NUL]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_media_url_is_http_or_https_and_has_at_most_500_characters() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let with_url = |url: &str| CreatePostRequest {
        media_url: url.to_owned(),
        ..with_content("x")
    };
    let long = |length: usize| format!("https://a/{}", wide(length - 10));
    for url in ["", "http://a", "HTTPS://user@[::1]:8/?#", &long(500)] {
        let made = answer(create(&app, &alice, with_url(url)).await).post;
        assert_eq!(made.expect("a post").media_url, url);
    }
    let bad = [
        "a",
        "ftp://a",
        "https:a",
        "https://",
        "https:///a",
        " https://a",
        "https://a b",
        "//a",
        "javascript:alert(1)",
        "data:,a",
        "http://[",
    ];
    for url in bad {
        let refused = refused(&app, &alice, with_url(url)).await;
        let expected = "InvalidArgument URL_INVALID [media_url URL_INVALID]";
        assert_eq!(refused.summary(), expected, "{url}");
        assert_eq!(refused.metadata["constraint"], "posts_posts_media_url_scheme");
    }
    let long = refused(&app, &alice, with_url(&long(501))).await;
    assert_eq!(long.metadata["constraint"], "posts_posts_media_url_length");
    let nul = refused(&app, &alice, with_url("https://a/\0")).await;
    assert_eq!(nul.reason, "FIELD_CONTAINS_NUL");
}

#[tokio::test(flavor = "multi_thread")]
async fn types_are_known_by_number() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let with_type = |number| CreatePostRequest {
        r#type: number,
        ..with_content("x")
    };
    for (number, kind) in [
        (0, PostType::Thoughts),
        (1, PostType::Thoughts),
        (2, PostType::Media),
        (3, PostType::Milestones),
    ] {
        let made = answer(create(&app, &alice, with_type(number)).await).post;
        assert_eq!(made.expect("a post").r#type(), kind);
    }
    for number in [4, -1, i32::MAX, i32::MIN] {
        let refused = refused(&app, &alice, with_type(number)).await;
        assert_eq!(
            refused.summary(),
            "InvalidArgument FIELD_MALFORMED [type FIELD_MALFORMED]"
        );
        assert_eq!(refused.metadata["constraint"], "posts_posts_type_known");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_in_field_order() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let request = CreatePostRequest {
        content: " ".to_owned(),
        r#type: 9,
        media_url: "x".to_owned(),
        parent_id: -1,
        request_id: "1".to_owned(),
    };
    assert_eq!(
        refused(&app, &alice, request).await.summary(),
        "InvalidArgument FIELD_REQUIRED [content FIELD_REQUIRED, type FIELD_MALFORMED, media_url URL_INVALID, \
         parent_id ID_INVALID, request_id FIELD_MALFORMED]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_that_is_not_there_is_told_as_the_database_tells_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let nothing = Post {
        id: 4711,
        ..Default::default()
    };
    let refused = refused(&app, &alice, reply_to(&nothing, "x")).await;
    assert_eq!(refused.summary(), "NotFound POST_NOT_FOUND []");
    assert_eq!(refused.metadata["constraint"], "posts_posts_parent_id_fkey");
    assert_eq!(count(&app, "posts.posts").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_that_vanishes_during_the_call_is_told_the_same_by_the_lock_and_by_the_key() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let nothing = Post {
        id: 4711,
        ..Default::default()
    };
    let expected = refused(&app, &bob, reply_to(&nothing, "x")).await;
    let unlocked =
        "CREATE OR REPLACE FUNCTION posts.post_lock(wanted_id bigint) RETURNS bigint LANGUAGE sql VOLATILE
        AS 'SELECT author_id FROM posts.posts WHERE id = wanted_id'";
    for before in ["SELECT", unlocked] {
        execute(&app, before).await;
        let top = post(&app, &alice, "top").await;
        let delete = format!("DELETE FROM posts.posts WHERE id = {}", top.id);
        let other = Uncommitted::begin(&app, &delete).await;
        let request = CreatePostRequest {
            request_id: REQUEST_ID.to_owned(),
            ..reply_to(&top, "@alice #tag")
        };
        let (refused, ()) = tokio::join!(refused(&app, &bob, request), other.commit_under_a_waiting_call());
        assert_eq!(refused, expected);
        // The refusal has not used up the request.
        assert_eq!(count(&app, "posts.posts").await, 0);
        assert_eq!(count(&app, "posts.requests").await, 0);
    }
    assert_eq!(expected.summary(), "NotFound POST_NOT_FOUND []");
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_whose_deletion_does_not_happen_is_replied_to() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let top = post(&app, &alice, "top").await;
    let delete = format!("DELETE FROM posts.posts WHERE id = {}", top.id);
    let other = Uncommitted::begin(&app, &delete).await;
    let (made, ()) = tokio::join!(
        reply(&app, &bob, &top, "x"),
        other.end_under_a_waiting_call("ROLLBACK")
    );
    assert_eq!(made.parent_id, top.id);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_deleted_during_the_call_is_not_mentioned_and_the_name_is_text() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let delete = format!("DELETE FROM identity.users WHERE id = {}", bob.id);
    let other = Uncommitted::begin(&app, &delete).await;
    let (made, ()) = tokio::join!(
        post(&app, &alice, "@bob @alice"),
        other.commit_under_a_waiting_call()
    );
    assert_eq!(mentions(&made), [(alice.id, 5, 11)]);
    assert_eq!(count(&app, "posts.posts").await, 1);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_author_who_vanishes_is_told_the_same_as_one_who_is_gone() {
    let app = TestApp::start().await;
    let constraints = ["posts_posts_author_id_fkey", "posts_requests_user_id_fkey"];
    for (constraint, request) in constraints.into_iter().zip([with_content("x"), keyed("x")]) {
        let author = app.user("author").await;
        let delete = format!("DELETE FROM identity.users WHERE id = {}", author.id);
        let other = Uncommitted::begin(&app, &delete).await;
        let (vanished, ()) = tokio::join!(
            refused(&app, &author, request.clone()),
            other.commit_under_a_waiting_call()
        );
        assert_eq!(vanished.summary(), "NotFound USER_NOT_FOUND []");
        assert_eq!(vanished.metadata["constraint"], constraint);
        assert_eq!(refused(&app, &author, request).await, vanished);
    }
    assert_eq!(count(&app, "posts.posts").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_replies_to_or_mentions_whom_a_block_stands_between_and_nobody_is_told_why() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let carol = app.user("carol").await;
    let (of_alice, of_bob) = (post(&app, &alice, "a").await, post(&app, &bob, "b").await);
    block(&app, &alice, &bob).await;
    let refusals = [
        refused(&app, &bob, reply_to(&of_alice, "x")).await,
        refused(&app, &alice, reply_to(&of_bob, "x")).await,
        refused(&app, &bob, with_content("@alice")).await,
        refused(&app, &alice, with_content("@carol, @bob")).await,
    ];
    for refused in refusals {
        assert_eq!(refused.summary(), "PermissionDenied INTERACTION_NOT_ALLOWED []");
        assert!(refused.metadata.is_empty() && refused.resource.is_none());
    }
    // Between others it does not matter, and the blocked may post.
    reply(&app, &carol, &of_alice, "@bob").await;
    post(&app, &bob, "x").await;
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deactivated_users_neither_post_nor_are_replied_to_or_mentioned() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let of_bob = post(&app, &bob, "b").await;
    deactivate(&app, &bob).await;
    for (caller, request) in [
        (&bob, with_content("x")),
        (&alice, reply_to(&of_bob, "x")),
        (&alice, with_content("hi @bob")),
    ] {
        let refused = refused(&app, caller, request).await;
        assert_eq!(refused.summary(), "FailedPrecondition USER_INACTIVE []");
        let resource = ("kith.identity.v1.User".to_owned(), format!("users/{}", bob.id));
        assert_eq!(refused.resource, Some(resource));
    }
    assert_eq!(count(&app, "posts.posts").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replies_to_and_mentions_oneself() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let top = post(&app, &alice, "top").await;
    let beneath = reply(&app, &alice, &top, "@alice").await;
    assert_eq!(mentions(&beneath), [(alice.id, 0, 6)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_request_id_each_call_makes_a_post() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let first = post(&app, &alice, "x").await;
    assert_ne!(post(&app, &alice, "x").await.id, first.id);
    assert_eq!(count(&app, "posts.requests").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_again_is_answered_with_its_post() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let top = post(&app, &bob, "top").await;
    let request = CreatePostRequest {
        parent_id: top.id,
        ..keyed("@bob #tag")
    };
    let first = answer(create(&app, &alice, request.clone()).await);
    let same = CreatePostRequest {
        r#type: number(PostType::Thoughts),
        request_id: REQUEST_ID.to_uppercase(),
        ..request
    };
    let again = answer(create(&app, &alice, same).await);
    assert!(!first.replayed && again.replayed);
    assert_eq!(again.post, first.post);
    assert_eq!(seen(&app, &bob, &top).await.comment_count, 1);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_ids_are_each_users_own() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let first = answer(create(&app, &alice, keyed("x")).await);
    let other = answer(create(&app, &bob, keyed("y")).await);
    assert!(!other.replayed && other.post != first.post);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_request_under_the_same_id_is_told_whatever_differs() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let top = post(&app, &alice, "top").await;
    answer(create(&app, &alice, keyed("x")).await);
    let others = [
        keyed("y"),
        CreatePostRequest {
            r#type: number(PostType::Media),
            ..keyed("x")
        },
        CreatePostRequest {
            media_url: "https://a".to_owned(),
            ..keyed("x")
        },
        CreatePostRequest {
            parent_id: top.id,
            ..keyed("x")
        },
        // What is told first is that the id has been used, even of what could not be made.
        CreatePostRequest {
            parent_id: 4711,
            ..keyed("x")
        },
    ];
    for request in others {
        let refused = refused(&app, &alice, request).await;
        assert_eq!(refused.summary(), "FailedPrecondition REQUEST_ID_REUSED []");
    }
    assert_eq!(count(&app, "posts.posts").await, 2);
}

/// Replies to a post of bob's under a request id and mentions him, then lets `then` happen, and sends it again.
async fn again_after(then: impl AsyncFnOnce(&TestApp, &TestUser, &TestUser, &Post)) -> CreatedAgain {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let top = post(&app, &bob, "top").await;
    let request = CreatePostRequest {
        parent_id: top.id,
        ..keyed("hi @bob")
    };
    let first = answer(create(&app, &alice, request.clone()).await).post;
    let first = first.expect("a post");
    then(&app, &alice, &bob, &first).await;
    let again = create(&app, &alice, request).await;
    let again = again.map(tonic::Response::into_inner);
    app.database.assert_invariants().await;
    CreatedAgain { first, again }
}

struct CreatedAgain {
    first: Post,
    again: Result<CreatePostResponse, tonic::Status>,
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_block_a_replay_is_answered_before_any_policy() {
    let blocked = async |app: &TestApp, alice: &TestUser, bob: &TestUser, _: &Post| {
        block(app, bob, alice).await;
        block(app, alice, bob).await;
    };
    let CreatedAgain { first, again } = again_after(blocked).await;
    let again = again.expect("a replay");
    assert!(again.replayed);
    assert_eq!(again.post, Some(first));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_deactivations_a_replay_is_answered_too() {
    let deactivated = async |app: &TestApp, alice: &TestUser, bob: &TestUser, _: &Post| {
        deactivate(app, bob).await;
        deactivate(app, alice).await;
    };
    let CreatedAgain { first, again } = again_after(deactivated).await;
    assert_eq!(again.expect("a replay").post, Some(first));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_update_a_replay_is_answered_with_the_post_as_it_is_now() {
    let updated = async |app: &TestApp, alice: &TestUser, _: &TestUser, first: &Post| {
        let request = UpdatePostRequest {
            post_id: first.id,
            content: Some("hi #there".to_owned()),
            ..Default::default()
        };
        answer(app.posts(alice).update_post(request).await);
    };
    let CreatedAgain { first, again } = again_after(updated).await;
    let again = again.expect("a replay");
    let post = again.post.expect("a post");
    assert!(again.replayed && post.id == first.id && post.etag != first.etag);
    assert_eq!(post.content, "hi #there");
    assert_eq!(
        (mentions(&post), hashtags(&post)),
        (Vec::new(), vec![("there", 3, 9)])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_deletion_a_replay_is_told_so_and_nothing_is_made_again() {
    let deleted = async |app: &TestApp, _: &TestUser, _: &TestUser, first: &Post| {
        execute(app, &format!("DELETE FROM posts.posts WHERE id = {}", first.id)).await;
    };
    let parent_deleted = async |app: &TestApp, _: &TestUser, _: &TestUser, first: &Post| {
        let sql = format!("DELETE FROM posts.posts WHERE id = {}", first.parent_id);
        execute(app, &sql).await;
    };
    let refusals = [
        again_after(deleted).await.again,
        again_after(parent_deleted).await.again,
    ];
    for again in refusals {
        let refused = Refusal::of(&again.expect_err("a refusal"));
        assert_eq!(refused.summary(), "NotFound RESOURCE_DELETED []");
    }
}

// As if another call with the same id had made its post, and the parent had gone then, between this call's snapshot and
// the parent's lock.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_refused_looks_once_more_whether_it_has_been_answered_meanwhile() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let top = post(&app, &bob, "top").await;
    let request = CreatePostRequest {
        parent_id: top.id,
        ..keyed("x")
    };
    let made = answer(create(&app, &alice, request.clone()).await).post;
    let made = made.expect("a post");
    let stored = "CREATE TABLE public.stored AS SELECT * FROM posts.requests; DELETE FROM posts.requests;
        UPDATE posts.posts SET parent_id = NULL";
    execute(&app, &format!("{stored} WHERE id = {}", made.id)).await;
    let meanwhile = format!(
        "INSERT INTO posts.requests SELECT * FROM public.stored; DELETE FROM posts.posts WHERE id = {}",
        top.id
    );
    let other = Uncommitted::begin(&app, &meanwhile).await;
    let (again, ()) = tokio::join!(create(&app, &alice, request), other.commit_under_a_waiting_call());
    let again = answer(again);
    assert!(again.replayed);
    assert_eq!(again.post.map(|post| post.id), Some(made.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_requests_with_the_same_id_at_once_one_makes_the_post() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let top = post(&app, &bob, "top").await;
    let request = CreatePostRequest {
        parent_id: top.id,
        ..keyed("@bob #tag")
    };
    let mut calls = JoinSet::new();
    for _ in 0..32 {
        let (mut client, request) = (app.posts(&alice), request.clone());
        calls.spawn(async move { answer(client.create_post(request).await) });
    }
    let answers = calls.join_all().await;
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert!(answers.iter().all(|answer| answer.post == answers[0].post));
    assert_eq!(seen(&app, &bob, &top).await.comment_count, 1);
    app.database.assert_invariants().await;
}
