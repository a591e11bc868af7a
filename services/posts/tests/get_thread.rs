use kith_contracts::posts::v1::{GetThreadRequest, GetThreadResponse, ListRepliesRequest, Post, ThreadReply};
use kith_testkit::{Caller, TestApp};
use tonic::{Response, Status};

use crate::lists::{bearer, ids, write};
use crate::support::{answer, block, execute, post, refusal, reply};

async fn call(
    app: &TestApp,
    caller: &impl Caller,
    request: GetThreadRequest,
) -> Result<Response<GetThreadResponse>, Status> {
    app.posts(caller).get_thread(request).await
}

fn of(post_id: i64) -> GetThreadRequest {
    GetThreadRequest {
        post_id,
        ..Default::default()
    }
}

async fn thread(app: &TestApp, caller: &impl Caller, request: GetThreadRequest) -> ThreadReply {
    answer(call(app, caller, request).await).thread.expect("a thread")
}

fn seen(reply: &ThreadReply) -> &Post {
    reply.post.as_ref().expect("a post")
}

/// A thread as its contents: `post(reply reply)`, and `+` where there are more replies than here.
fn outline(reply: &ThreadReply) -> String {
    let replies: Vec<String> = reply.replies.iter().map(outline).collect();
    let more = if reply.has_more_replies { "+" } else { "" };
    match replies.as_slice() {
        [] => format!("{}{more}", seen(reply).content),
        _ => format!("{}({}){more}", seen(reply).content, replies.join(" ")),
    }
}

fn count(reply: &ThreadReply) -> usize {
    1 + reply.replies.iter().map(count).sum::<usize>()
}

/// The replies that `reply`'s token leads to.
async fn rest(app: &TestApp, caller: &impl Caller, reply: &ThreadReply) -> Vec<i64> {
    let request = ListRepliesRequest {
        post_id: seen(reply).id,
        page_size: 100,
        page_token: reply.next_page_token.clone(),
    };
    ids(&answer(app.posts(caller).list_replies(request).await).posts)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_is_what_is_above_a_post_and_what_is_beneath_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let top = post(&app, &alice, "top").await;
    let middle = reply(&app, &alice, &top, "middle").await;
    reply(&app, &alice, &top, "beside").await;
    let asked = reply(&app, &alice, &middle, "asked").await;
    let one = reply(&app, &alice, &asked, "1").await;
    let two = reply(&app, &alice, &asked, "2").await;
    reply(&app, &alice, &one, "1.1").await;
    reply(&app, &alice, &two, "2.1").await;
    reply(&app, &alice, &one, "1.2").await;
    let answer = answer(call(&app, &alice, of(asked.id)).await);
    let above: Vec<_> = answer
        .ancestors
        .iter()
        .map(|above| {
            (
                above.post_id,
                above.post.as_ref().map(|post| post.content.as_str()),
            )
        })
        .collect();
    assert_eq!(above, [(top.id, Some("top")), (middle.id, Some("middle"))]);
    assert!(!answer.has_more_ancestors);
    assert_eq!(
        outline(&answer.thread.expect("a thread")),
        "asked(2(2.1) 1(1.2 1.1))"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_wrote_whom_the_caller_blocks_is_left_out_with_all_beneath() {
    let app = TestApp::start().await;
    let [alice, bob] = app.users(&["alice", "bob"]).await.try_into().expect("two users");
    let top = post(&app, &bob, "top").await;
    let asked = reply(&app, &alice, &top, "asked").await;
    let hidden = reply(&app, &bob, &asked, "hidden").await;
    reply(&app, &alice, &hidden, "beneath").await;
    let leaf = reply(&app, &alice, &asked, "leaf").await;
    reply(&app, &bob, &leaf, "hidden leaf").await;
    block(&app, &alice, &bob).await;

    let request = GetThreadRequest {
        max_depth: Some(1),
        ..of(asked.id)
    };
    let as_alice = answer(call(&app, &alice, request).await);
    assert_eq!(as_alice.ancestors[0].post_id, top.id);
    assert_eq!(as_alice.ancestors[0].post, None);
    // Beneath the leaf is nothing that alice could read.
    assert_eq!(outline(&as_alice.thread.expect("a thread")), "asked(leaf)");
    for caller in [bearer(&bob), app.operator(&[])] {
        let answer = answer(call(&app, &caller, request).await);
        assert_eq!(
            answer.ancestors[0].post.as_ref().map(|post| post.id),
            Some(top.id)
        );
        assert_eq!(outline(&answer.thread.expect("a thread")), "asked(leaf+ hidden+)");
    }
    let refused = refusal(call(&app, &alice, of(hidden.id)).await);
    assert_eq!(refused.summary(), "NotFound POST_NOT_FOUND []");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_each_post_there_is_a_page_whose_token_leads_on_by_list_replies() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    write(&app, &alice, 1, "", "").await;
    let firsts = write(&app, &alice, 5, ", parent_id", ", 1").await;
    let seconds = write(&app, &alice, 3, ", parent_id", &format!(", {}", firsts[0])).await;
    let request = GetThreadRequest {
        page_size: 2,
        ..of(1)
    };
    let thread = thread(&app, &alice, request).await;
    assert_eq!(outline(&thread), "post 1(post 5(post 3 post 2)+ post 4)+");
    assert_eq!(rest(&app, &alice, &thread).await, firsts[2..]);
    assert_eq!(rest(&app, &alice, &thread.replies[0]).await, seconds[2..]);
    assert_eq!(thread.replies[1].next_page_token, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_ten_replies_when_nothing_is_said_and_fifty_at_most() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    write(&app, &alice, 1, "", "").await;
    write(&app, &alice, 50, ", parent_id", ", 1").await;
    for (page_size, length, has_more) in [
        (0, 10, true),
        (49, 49, true),
        (50, 50, false),
        (i32::MAX, 50, false),
    ] {
        let request = GetThreadRequest { page_size, ..of(1) };
        let thread = thread(&app, &alice, request).await;
        assert_eq!(
            (thread.replies.len(), thread.has_more_replies),
            (length, has_more),
            "{page_size}"
        );
    }
    write(&app, &alice, 1, ", parent_id", ", 1").await;
    let request = GetThreadRequest {
        page_size: 51,
        ..of(1)
    };
    let thread = thread(&app, &alice, request).await;
    assert_eq!((thread.replies.len(), thread.has_more_replies), (50, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn six_levels_are_read_or_fewer() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    // The second replies to the first, and so on.
    write(&app, &alice, 8, ", parent_id", ", nullif(number - 1, 0)").await;
    let all = "post 1(post 2(post 3(post 4(post 5(post 6(post 7+))))))";
    for (max_depth, expected) in [
        (None, all),
        (Some(6), all),
        (Some(2), "post 1(post 2(post 3+))"),
        (Some(0), "post 1+"),
    ] {
        let request = GetThreadRequest { max_depth, ..of(1) };
        assert_eq!(outline(&thread(&app, &alice, request).await), expected);
    }
    assert_eq!(outline(&thread(&app, &alice, of(8)).await), "post 8");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nearest_eighty_ancestors_are_read() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    write(&app, &alice, 83, ", parent_id", ", nullif(number - 1, 0)").await;
    for (post_id, first, has_more) in [(81, 1, false), (82, 2, true), (83, 3, true)] {
        let answer = answer(call(&app, &alice, of(post_id)).await);
        let above: Vec<i64> = answer.ancestors.iter().map(|above| above.post_id).collect();
        assert_eq!(above, (first..post_id).collect::<Vec<_>>());
        assert_eq!((above.len(), answer.has_more_ancestors), (80, has_more));
    }
}

// Control: with one more row of the recursive step, 1,001 replies are answered.
#[tokio::test(flavor = "multi_thread")]
async fn of_more_than_a_thousand_replies_the_nearest_are_read() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    write(&app, &alice, 1, "", "").await;
    write(&app, &alice, 50, ", parent_id", ", 1").await;
    // Each of the 50, which are 2 to 51, has 30 replies.
    write(&app, &alice, 1500, ", parent_id", ", 2 + number % 50").await;
    let request = GetThreadRequest {
        page_size: 50,
        ..of(1)
    };
    let thread = thread(&app, &alice, request).await;
    assert_eq!(count(&thread), 1001);
    assert_eq!((thread.replies.len(), thread.has_more_replies), (50, false));
    let lengths: Vec<usize> = thread.replies.iter().map(|reply| reply.replies.len()).collect();
    assert_eq!(lengths, [vec![30; 31], vec![20], vec![0; 18]].concat());
    for reply in &thread.replies {
        assert_eq!(reply.has_more_replies, reply.replies.len() < 30);
        let mut all: Vec<i64> = reply.replies.iter().map(|reply| seen(reply).id).collect();
        if reply.has_more_replies {
            all.extend(rest(&app, &alice, reply).await);
        }
        assert_eq!(all.len(), 30);
        assert!(all.is_sorted_by(|one, next| one > next), "{all:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_of_the_longest_posts_fits_into_a_message() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    write(&app, &alice, 1, "", "").await;
    write(&app, &alice, 25, ", parent_id", ", 1").await;
    write(&app, &alice, 1000, ", parent_id", ", 2 + number % 25").await;
    let longest =
        "UPDATE posts.posts SET content = repeat('😀', 500), media_url = 'http://' || repeat('😀', 493)";
    execute(&app, longest).await;
    let request = GetThreadRequest {
        page_size: 50,
        ..of(1)
    };
    let thread = thread(&app, &alice, request).await;
    assert_eq!((thread.replies.len(), thread.has_more_replies), (25, false));
    let count = count(&thread);
    assert!(count > 500 && count < 1000, "{count}");
    for reply in &thread.replies {
        let left = if reply.has_more_replies {
            rest(&app, &alice, reply).await.len()
        } else {
            0
        };
        assert_eq!(reply.replies.len() + left, 40);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_in_field_order() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for max_depth in [-1, 7] {
        let request = GetThreadRequest {
            post_id: 0,
            page_size: -1,
            max_depth: Some(max_depth),
        };
        assert_eq!(
            refusal(call(&app, &alice, request).await).summary(),
            "InvalidArgument ID_INVALID [post_id ID_INVALID, page_size PAGE_SIZE_INVALID, max_depth FIELD_MALFORMED]"
        );
    }
    let refused = refusal(call(&app, &alice, of(4711)).await);
    assert_eq!(refused.summary(), "NotFound POST_NOT_FOUND []");
    assert_eq!(
        refused.resource,
        Some(("kith.posts.v1.Post".to_owned(), "posts/4711".to_owned()))
    );
}
