use kith_contracts::posts::v1::{
    LikePostRequest, ListPostEditsRequest, Post, PostEdit, PostType, UpdatePostRequest, UpdatePostResponse,
};
use kith_testkit::{Caller, Refusal, TestApp, TestUser};
use prost_types::FieldMask;
use tokio::task::JoinSet;
use tonic::{Response, Status};

use crate::support::{
    Uncommitted, answer, block, count, create, deactivate, execute, hashtags, instant, mentions, number,
    refusal, reply, seen, wide, with_content,
};

type Called = Result<Response<UpdatePostResponse>, Status>;

async fn call(app: &TestApp, caller: &impl Caller, request: UpdatePostRequest) -> Called {
    app.posts(caller).update_post(request).await
}

async fn update(app: &TestApp, author: &TestUser, request: UpdatePostRequest) -> Post {
    answer(call(app, author, request).await).post.expect("a post")
}

async fn refused(app: &TestApp, caller: &impl Caller, request: UpdatePostRequest) -> Refusal {
    refusal(call(app, caller, request).await)
}

/// Names the post and sets nothing.
fn of(post: &Post) -> UpdatePostRequest {
    UpdatePostRequest {
        post_id: post.id,
        ..Default::default()
    }
}

fn saying(post: &Post, content: &str) -> UpdatePostRequest {
    UpdatePostRequest {
        content: Some(content.to_owned()),
        ..of(post)
    }
}

fn masked(paths: &[&str], request: UpdatePostRequest) -> UpdatePostRequest {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    UpdatePostRequest {
        update_mask: Some(FieldMask { paths }),
        ..request
    }
}

async fn edits(app: &TestApp, post: &Post) -> Vec<PostEdit> {
    let request = ListPostEditsRequest {
        post_id: post.id,
        ..Default::default()
    };
    let operator = app.operator(&[]);
    answer(app.posts(&operator).list_post_edits(request).await).edits
}

/// Content, type and media URL.
fn values(post: &Post) -> (&str, PostType, &str) {
    (&post.content, post.r#type(), &post.media_url)
}

const FULL: (&str, PostType, &str) = ("before", PostType::Media, "https://example.org/1");

/// An app with a post all of whose fields are set, its author, and somebody else.
async fn start() -> (TestApp, TestUser, TestUser, Post) {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let request = kith_contracts::posts::v1::CreatePostRequest {
        r#type: number(FULL.1),
        media_url: FULL.2.to_owned(),
        ..with_content(FULL.0)
    };
    let post = answer(create(&app, &users[0], request).await).post;
    (app, users[0].clone(), users[1].clone(), post.expect("a post"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_set_is_answered_and_read_again_and_what_it_said_is_kept() {
    let (app, alice, bob, before) = start().await;
    let after = update(&app, &alice, saying(&before, "after #tag @bob")).await;
    assert_eq!(values(&after), ("after #tag @bob", FULL.1, FULL.2));
    assert_eq!(hashtags(&after), [("tag", 6, 10)]);
    assert_eq!(mentions(&after), [(bob.id, 11, 15)]);
    assert!(after.etag != before.etag && instant(after.update_time) > instant(before.update_time));
    assert_eq!(instant(after.create_time), instant(before.create_time));
    assert_eq!(seen(&app, &alice, &before).await, after);
    let edit = PostEdit {
        post_id: before.id,
        content: before.content.clone(),
        r#type: before.r#type,
        media_url: before.media_url.clone(),
        start_time: before.create_time,
        end_time: after.update_time,
        etag: before.etag.clone(),
    };
    assert_eq!(edits(&app, &before).await, [edit]);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mask_what_is_absent_stays_and_what_is_empty_is_cleared() {
    let (app, alice, _, post) = start().await;
    let with_type = |kind| UpdatePostRequest {
        r#type: Some(number(kind)),
        ..of(&post)
    };
    let changed = update(&app, &alice, with_type(PostType::Milestones)).await;
    assert_eq!(values(&changed), (FULL.0, PostType::Milestones, FULL.2));
    let changed = update(&app, &alice, with_type(PostType::Unspecified)).await;
    assert_eq!(values(&changed), (FULL.0, PostType::Thoughts, FULL.2));
    let cleared = UpdatePostRequest {
        media_url: Some(String::new()),
        ..of(&post)
    };
    let changed = update(&app, &alice, cleared).await;
    assert_eq!(values(&changed), (FULL.0, PostType::Thoughts, ""));
    assert_eq!(edits(&app, &post).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_sets_what_it_names_and_clears_what_is_absent() {
    let (app, alice, _, post) = start().await;
    let request = masked(&["media_url", "type"], saying(&post, "not looked at\0"));
    let changed = update(&app, &alice, request).await;
    assert_eq!(values(&changed), (FULL.0, PostType::Thoughts, ""));
    let nothing = refused(&app, &alice, masked(&["*"], of(&post))).await;
    assert_eq!(
        nothing.summary(),
        "InvalidArgument FIELD_REQUIRED [content FIELD_REQUIRED]"
    );
    let all = masked(&["*"], saying(&post, "all"));
    assert_eq!(values(&update(&app, &alice, all).await).0, "all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_names_fields_that_can_be_set_and_at_least_one() {
    let (app, alice, _, post) = start().await;
    let wrong = ["id", "parent_id", "likes_count", "post.content", ""];
    let wrong = wrong.map(|path| masked(&["content", path], saying(&post, "x")));
    for request in wrong.into_iter().chain([of(&post), masked(&[], of(&post))]) {
        let mask = request.update_mask.clone();
        assert_eq!(
            refused(&app, &alice, request).await.summary(),
            "InvalidArgument FIELD_MASK_INVALID [update_mask FIELD_MASK_INVALID]",
            "{mask:?}"
        );
    }
    assert_eq!(seen(&app, &alice, &post).await, post);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_in_field_order() {
    let (app, alice, _, _) = start().await;
    let request = UpdatePostRequest {
        post_id: 0,
        content: Some(wide(501)),
        r#type: Some(17),
        media_url: Some("ftp://a".to_owned()),
        etag: "?".to_owned(),
        ..Default::default()
    };
    assert_eq!(
        refused(&app, &alice, masked(&["nothing"], request))
            .await
            .summary(),
        "InvalidArgument ID_INVALID [post_id ID_INVALID, content FIELD_TOO_LONG, type FIELD_MALFORMED, \
         media_url URL_INVALID, update_mask FIELD_MASK_INVALID, etag FIELD_MALFORMED]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_nothing_is_no_edit_and_no_version() {
    let (app, alice, _, post) = start().await;
    let same = UpdatePostRequest {
        content: Some(FULL.0.to_owned()),
        r#type: Some(number(FULL.1)),
        media_url: Some(FULL.2.to_owned()),
        etag: post.etag.clone(),
        ..of(&post)
    };
    assert_eq!(update(&app, &alice, same).await, post);
    assert_eq!(edits(&app, &post).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_with_the_current_etag_passes_and_with_an_old_one_does_not() {
    let (app, alice, _, post) = start().await;
    let wish = |content| UpdatePostRequest {
        etag: post.etag.clone(),
        ..saying(&post, content)
    };
    let first = update(&app, &alice, wish("first")).await;
    for content in ["second", "first"] {
        let refused = refused(&app, &alice, wish(content)).await;
        assert_eq!(refused.summary(), "Aborted ETAG_MISMATCH []");
    }
    assert_eq!(seen(&app, &alice, &post).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn likes_and_replies_leave_the_etag_alone_and_updates_leave_the_counters() {
    let (app, alice, bob, before) = start().await;
    let like = LikePostRequest {
        post_id: before.id,
        allow_existing: false,
    };
    answer(app.posts(&alice).like_post(like).await);
    reply(&app, &bob, &before, "x").await;
    let request = UpdatePostRequest {
        etag: before.etag.clone(),
        ..saying(&before, "after")
    };
    let after = update(&app, &alice, request).await;
    assert_eq!((after.likes_count, after.comment_count), (1, 1));
    assert!(after.viewer.expect("a viewer").liked);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mentions_and_hashtags_are_read_anew_where_the_content_changes() {
    let (app, alice, bob, post) = start().await;
    update(&app, &alice, saying(&post, "@bob #one #two")).await;
    let after = update(&app, &alice, saying(&post, "#two: @alice @bob #three")).await;
    assert_eq!(hashtags(&after), [("two", 0, 4), ("three", 18, 24)]);
    assert_eq!(mentions(&after), [(alice.id, 6, 12), (bob.id, 13, 17)]);
    assert_eq!(seen(&app, &bob, &post).await.mentions, after.mentions);
    assert_eq!(seen(&app, &bob, &post).await.hashtags, after.hashtags);
    // Whoever bob is meanwhile, the words have not changed.
    execute(
        &app,
        "UPDATE identity.users SET username = 'robert' WHERE username = 'bob'",
    )
    .await;
    let request = UpdatePostRequest {
        r#type: Some(number(PostType::Thoughts)),
        ..saying(&post, &after.content)
    };
    assert_eq!(update(&app, &alice, request).await.mentions, after.mentions);
    let without = update(&app, &alice, saying(&post, "@bob")).await;
    assert_eq!((mentions(&without), hashtags(&without)), (Vec::new(), Vec::new()));
    assert_eq!(count(&app, "posts.mentions").await, 0);
    assert_eq!(count(&app, "posts.hashtags").await, 0);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_is_mentioned_now_and_was_not_before_is_judged() {
    let (app, alice, bob, post) = start().await;
    let carol = app.user("carol").await;
    update(&app, &alice, saying(&post, "@bob")).await;
    block(&app, &bob, &alice).await;
    let kept = update(&app, &alice, saying(&post, "still @bob")).await;
    assert_eq!(mentions(&kept), [(bob.id, 6, 10)]);
    block(&app, &alice, &carol).await;
    let blocked = refused(&app, &alice, saying(&post, "@bob @carol")).await;
    assert_eq!(blocked.summary(), "PermissionDenied INTERACTION_NOT_ALLOWED []");
    update(&app, &alice, saying(&post, "nobody")).await;
    let again = refused(&app, &alice, saying(&post, "@bob")).await;
    assert_eq!(again, blocked);
    let dave = app.user("dave").await;
    deactivate(&app, &dave).await;
    let inactive = refused(&app, &alice, saying(&post, "@dave")).await;
    assert_eq!(inactive.summary(), "FailedPrecondition USER_INACTIVE []");
    assert_eq!(values(&seen(&app, &alice, &post).await).0, "nobody");
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_author_still_changes_what_names_nobody_new() {
    let (app, alice, _, post) = start().await;
    deactivate(&app, &alice).await;
    update(&app, &alice, saying(&post, "after")).await;
    let refused = refused(&app, &alice, saying(&post, "@bob")).await;
    assert_eq!(refused.summary(), "FailedPrecondition USER_INACTIVE []");
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_post_is_not_the_callers_to_change_and_a_blocked_users_is_not_there() {
    let (app, alice, bob, post) = start().await;
    let others = refused(&app, &bob, saying(&post, "x")).await;
    assert_eq!(others.summary(), "PermissionDenied NOT_OWNER []");
    block(&app, &bob, &alice).await;
    let hidden = refused(&app, &bob, saying(&post, "x")).await;
    assert_eq!(hidden.summary(), "NotFound POST_NOT_FOUND []");
    let nothing = Post {
        id: 4711,
        ..post.clone()
    };
    let missing = refused(&app, &alice, saying(&nothing, "x")).await;
    assert_eq!(missing.summary(), "NotFound POST_NOT_FOUND []");
    assert_eq!(seen(&app, &alice, &post).await, post);
}

// Control: without the comparison of versions, the mention that the other change made is there already, and the call fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_waited_for_another_begins_anew() {
    let (app, alice, bob, post) = start().await;
    let meanwhile = format!(
        "UPDATE posts.posts SET content = '@bob', version = version + 1 WHERE id = {id};
        INSERT INTO posts.post_edits (post_id, version, content, type, media_url, started_at)
            SELECT id, version - 1, 'before', type, media_url, created_at FROM posts.posts WHERE id = {id};
        INSERT INTO posts.mentions (post_id, user_id, created_at, starts, ends)
            SELECT id, {bob}, created_at, '{{0}}', '{{4}}' FROM posts.posts WHERE id = {id}",
        id = post.id,
        bob = bob.id
    );
    let other = Uncommitted::begin(&app, &meanwhile).await;
    let (after, ()) = tokio::join!(
        update(&app, &alice, saying(&post, "hi @bob")),
        other.commit_under_a_waiting_call()
    );
    assert_eq!(mentions(&after), [(bob.id, 3, 7)]);
    let said: Vec<String> = edits(&app, &post)
        .await
        .into_iter()
        .map(|edit| edit.content)
        .collect();
    assert_eq!(said, ["@bob", "before"]);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_deleted_during_the_call_is_not_mentioned_and_the_name_is_text() {
    let (app, alice, bob, post) = start().await;
    let delete = format!("DELETE FROM identity.users WHERE id = {}", bob.id);
    let other = Uncommitted::begin(&app, &delete).await;
    let (after, ()) = tokio::join!(
        update(&app, &alice, saying(&post, "@bob @alice")),
        other.commit_under_a_waiting_call()
    );
    assert_eq!(mentions(&after), [(alice.id, 5, 11)]);
    assert_eq!(edits(&app, &post).await.len(), 1);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_updates_with_one_etag_exactly_one_passes() {
    let (app, alice, _, post) = start().await;
    let calls = together(&app, &alice, &post, &post.etag).await;
    let (passed, refused): (Vec<_>, Vec<_>) = calls.into_iter().partition(Result::is_ok);
    assert_eq!(passed.len(), 1);
    for call in refused {
        assert_eq!(refusal(call).summary(), "Aborted ETAG_MISMATCH []");
    }
    assert_eq!(edits(&app, &post).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_updates_without_etag_each_is_an_edit_and_they_are_in_one_order() {
    let (app, alice, _, post) = start().await;
    let calls = together(&app, &alice, &post, "").await;
    assert!(calls.iter().all(Result::is_ok));
    let edits = edits(&app, &post).await;
    assert_eq!(edits.len(), calls.len());
    for pair in edits.windows(2) {
        assert_eq!(instant(pair[0].start_time), instant(pair[1].end_time));
        assert!(instant(pair[0].start_time) < instant(pair[0].end_time));
    }
    app.database.assert_invariants().await;
}

/// Changes a post in 16 ways at once.
async fn together(app: &TestApp, author: &TestUser, post: &Post, etag: &str) -> Vec<Called> {
    let mut calls = JoinSet::new();
    for wish in 0..16 {
        let mut client = app.posts(author);
        let request = UpdatePostRequest {
            etag: etag.to_owned(),
            ..saying(post, &format!("@bob #tag{wish} #all"))
        };
        calls.spawn(async move { client.update_post(request).await });
    }
    calls.join_all().await
}
