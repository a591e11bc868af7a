use kith_contracts::posts::v1::{ListPostsByAuthorRequest, PostType};
use kith_testkit::{Caller, TestApp};

use crate::lists::{FOREIGN_TOKEN, Page, assert_each_once, assert_sizes, bearer, listed, refused, write};
use crate::support::{answer, block, create, execute, number, post, reply_to, with_content};

async fn list(app: &TestApp, caller: &impl Caller, request: ListPostsByAuthorRequest) -> Page {
    let answer = app
        .posts(caller)
        .list_posts_by_author(request)
        .await?
        .into_inner();
    Ok((answer.posts, answer.next_page_token))
}

fn by(author_id: i64) -> ListPostsByAuthorRequest {
    ListPostsByAuthorRequest {
        author_id,
        ..Default::default()
    }
}

/// The four lists: of a type or of any, with replies or without.
fn lists(author_id: i64) -> [ListPostsByAuthorRequest; 4] {
    let list = |kind: PostType, include_replies| ListPostsByAuthorRequest {
        r#type: kind.into(),
        include_replies,
        ..by(author_id)
    };
    [
        list(PostType::Unspecified, false),
        list(PostType::Unspecified, true),
        list(PostType::Milestones, false),
        list(PostType::Milestones, true),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_the_type_and_the_replies_that_it_is_asked_for() {
    let app = TestApp::start().await;
    let [alice, bob] = app.users(&["alice", "bob"]).await.try_into().expect("two users");
    let others = post(&app, &bob, "of bob's").await;
    let thought = post(&app, &alice, "thought").await;
    let mut made = vec![thought.id];
    for (mut request, kind) in [
        (with_content("milestone"), PostType::Milestones),
        (reply_to(&others, "reply"), PostType::Thoughts),
        (reply_to(&others, "milestone and reply"), PostType::Milestones),
    ] {
        request.r#type = number(kind);
        made.push(
            answer(create(&app, &alice, request).await)
                .post
                .expect("a post")
                .id,
        );
    }
    let [thought, milestone, reply, both] = made.try_into().expect("four posts");
    let expected = [
        vec![milestone, thought],
        vec![both, reply, milestone, thought],
        vec![milestone],
        vec![both, milestone],
    ];
    for (request, expected) in lists(alice.id).into_iter().zip(expected) {
        assert_eq!(listed(list(&app, &bob, request).await).0, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_show_each_post_once_while_others_are_added() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for request in lists(alice.id) {
        execute(&app, "DELETE FROM posts.posts").await;
        let mut newest_first = write(&app, &alice, 3, ", type", ", 'milestones'").await;
        newest_first.splice(..0, write(&app, &alice, 2, ", type", ", 'milestones'").await);
        let page = async |page_size, page_token| {
            let request = ListPostsByAuthorRequest {
                page_size,
                page_token,
                ..request.clone()
            };
            list(&app, &alice, request).await
        };
        let mut new = with_content("new");
        new.r#type = number(PostType::Milestones);
        let add = async || {
            answer(create(&app, &alice, new.clone()).await)
                .post
                .expect("a post")
                .id
        };
        assert_each_once(newest_first, page, add).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_somebody_whom_the_caller_blocks_is_empty() {
    let app = TestApp::start().await;
    let [alice, bob, carol] = app
        .users(&["alice", "bob", "carol"])
        .await
        .try_into()
        .expect("three users");
    let newest_first = write(&app, &bob, 3, ", type", ", 'milestones'").await;
    block(&app, &alice, &bob).await;
    block(&app, &bob, &carol).await;
    for request in lists(bob.id) {
        assert_eq!(
            listed(list(&app, &alice, request.clone()).await),
            (vec![], String::new())
        );
        for caller in [bearer(&bob), bearer(&carol), app.operator(&[])] {
            assert_eq!(listed(list(&app, &caller, request.clone()).await).0, newest_first);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_viewer_is_told_what_it_likes_and_has_shared() {
    let app = TestApp::start().await;
    let [alice, bob] = app.users(&["alice", "bob"]).await.try_into().expect("two users");
    let ids = write(&app, &alice, 3, "", "").await;
    let react = format!(
        "INSERT INTO posts.likes (post_id, user_id) VALUES ({}, {bob}), ({}, {alice});
        INSERT INTO posts.shares (post_id, user_id) VALUES ({}, {bob}), ({}, {alice})",
        ids[0],
        ids[1],
        ids[1],
        ids[2],
        alice = alice.id,
        bob = bob.id
    );
    execute(&app, &react).await;
    let viewed = async |caller| {
        let (posts, _) = list(&app, &caller, by(alice.id)).await.expect("a page");
        let viewed = posts
            .iter()
            .map(|post| post.viewer.map(|viewer| (viewer.liked, viewer.shared)));
        viewed.collect::<Vec<_>>()
    };
    let of_bob = [(true, false), (false, true), (false, false)];
    let of_alice = [(false, false), (true, false), (false, true)];
    assert_eq!(viewed(bearer(&bob)).await, of_bob.map(Some));
    assert_eq!(viewed(bearer(&alice)).await, of_alice.map(Some));
    assert_eq!(viewed(app.operator(&[])).await, [None; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_fifty_when_nothing_is_said_and_a_hundred_at_most() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    write(&app, &alice, 102, "", "").await;
    let page = async |page_size, page_token| {
        let request = ListPostsByAuthorRequest {
            page_size,
            page_token,
            ..by(alice.id)
        };
        list(&app, &alice, request).await
    };
    assert_sizes(page).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_posts_has_an_empty_page_and_an_unknown_one_has_none() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for request in lists(alice.id) {
        assert_eq!(listed(list(&app, &alice, request).await), (vec![], String::new()));
    }
    for request in lists(4711) {
        assert_eq!(
            refused(list(&app, &alice, request).await),
            "NotFound USER_NOT_FOUND []"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_belongs_to_its_list() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let bob = app.user("bob").await;
    write(&app, &alice, 2, ", type", ", 'milestones'").await;
    let all = [lists(alice.id), lists(bob.id)].concat();
    for one in &all[..4] {
        let first = ListPostsByAuthorRequest {
            page_size: 1,
            ..one.clone()
        };
        let (_, page_token) = listed(list(&app, &alice, first).await);
        for other in all.iter().filter(|other| *other != one) {
            let request = ListPostsByAuthorRequest {
                page_token: page_token.clone(),
                ..other.clone()
            };
            assert_eq!(refused(list(&app, &alice, request).await), FOREIGN_TOKEN);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_in_field_order() {
    let app = TestApp::start().await;
    let request = ListPostsByAuthorRequest {
        author_id: -1,
        r#type: 4,
        page_size: -1,
        page_token: "x".to_owned(),
        include_replies: false,
    };
    assert_eq!(
        refused(list(&app, &app.operator(&[]), request).await),
        "InvalidArgument ID_INVALID [author_id ID_INVALID, type FIELD_MALFORMED, page_size PAGE_SIZE_INVALID, \
         page_token PAGE_TOKEN_INVALID]"
    );
}
