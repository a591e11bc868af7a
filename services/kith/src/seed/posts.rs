//! Posts with their replies, likes and shares.

use kith_contracts::posts::v1::{CreatePostRequest, LikePostRequest, SharePostRequest};
use kith_rpc::process::AnyError;
use tonic::Status;

use super::flow::{Progress, Tally, each};
use super::kith::{IN_FLIGHT, Kith, Made, ask};
use super::plan::{Burst, Plan, PlannedPost};

/// A post that is there, or was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Posted {
    /// 0 for one that was deleted since, or could not be made.
    id: i64,
    author: usize,
}

/// Makes the posts of the plan. Within a burst, one after the other.
pub(super) async fn post(kith: &Kith, plan: &Plan, ids: &[i64]) -> Result<(Tally, Vec<Posted>), AnyError> {
    let mut progress = Progress::new("posts", plan.posts_count());
    let mut posted = vec![Posted { id: 0, author: 0 }; plan.posts_count()];
    // Few of them, lest a burst of a small network drowns in others.
    let in_flight = (plan.bursts().len() / 100).clamp(1, IN_FLIGHT);
    let work = async |burst: Burst| Ok((burst, post_burst(kith, plan, ids, burst).await?));
    each(
        plan.bursts().iter().copied(),
        in_flight,
        work,
        |(burst, results)| {
            for (place, (post, made)) in results.into_iter().enumerate() {
                posted[burst.first + place] = post;
                progress.note(&made);
            }
            Ok(())
        },
    )
    .await?;
    Ok((progress.end(), posted))
}

async fn post_burst(
    kith: &Kith,
    plan: &Plan,
    ids: &[i64],
    burst: Burst,
) -> Result<Vec<(Posted, Made)>, AnyError> {
    let mut results: Vec<(Posted, Made)> = Vec::with_capacity(burst.len);
    for (place, planned) in plan.posts(burst).into_iter().enumerate() {
        let author = planned.author;
        let parent_id = planned.parent.map_or(0, |parent| results[parent].0.id);
        let (id, made) = if planned.parent.is_some() && parent_id == 0 {
            // It went with the one that it replies to.
            (0, Made::Existing)
        } else {
            let request_id = plan.post_request_id(burst.first + place);
            create(kith, ids[author], planned, parent_id, request_id).await?
        };
        results.push((Posted { id, author }, made));
    }
    Ok(results)
}

async fn create(
    kith: &Kith,
    author_id: i64,
    planned: PlannedPost,
    parent_id: i64,
    request_id: String,
) -> Result<(i64, Made), AnyError> {
    let message = CreatePostRequest {
        content: planned.content,
        r#type: planned.kind.into(),
        media_url: planned.media_url,
        parent_id,
        request_id,
    };
    let answer = ask(message, |request| {
        let mut posts = kith.posts(author_id);
        async move { posts.create_post(request).await }
    });
    match answer.await {
        Ok(answer) => {
            let id = answer.post.ok_or("posts answered no post")?.id;
            Ok((id, Made::new_unless(answer.replayed)))
        }
        Err(status) => Ok((0, Made::of_failure("posts", &status)?)),
    }
}

/// Makes the likes of these posts. Those of one post one after the other.
pub(super) async fn like(
    kith: &Kith,
    plan: &Plan,
    ids: &[i64],
    posted: &[Posted],
) -> Result<Tally, AnyError> {
    let count = |index| plan.likes_count(index);
    react(plan, posted, "likes", count, async |index, post_id| {
        let message = LikePostRequest {
            post_id,
            allow_existing: true,
        };
        let answer = ask(message, |request| {
            let mut posts = kith.posts(ids[index]);
            async move { posts.like_post(request).await }
        });
        Ok(answer.await?.existing)
    })
    .await
}

/// Makes the shares of these posts.
pub(super) async fn share(
    kith: &Kith,
    plan: &Plan,
    ids: &[i64],
    posted: &[Posted],
) -> Result<Tally, AnyError> {
    let count = |index| plan.shares_count(index);
    react(plan, posted, "shares", count, async |index, post_id| {
        let message = SharePostRequest {
            post_id,
            allow_existing: true,
        };
        let answer = ask(message, |request| {
            let mut posts = kith.posts(ids[index]);
            async move { posts.share_post(request).await }
        });
        Ok(answer.await?.existing)
    })
    .await
}

/// Has the first `count` of each post's likers do something to it, which answers whether it was done before.
async fn react(
    plan: &Plan,
    posted: &[Posted],
    unit: &'static str,
    count: impl Fn(usize) -> usize,
    call: impl AsyncFn(usize, i64) -> Result<bool, Status>,
) -> Result<Tally, AnyError> {
    let is_there = |(index, post): &(usize, Posted)| post.id > 0 && count(*index) > 0;
    let posts = || posted.iter().copied().enumerate().filter(is_there);
    let mut progress = Progress::new(unit, posts().map(|(index, _)| count(index)).sum());
    let work = async |(index, post): (usize, Posted)| {
        let mut results = Vec::new();
        for liker in plan.likers(index, post.author).into_iter().take(count(index)) {
            results.push(match call(liker, post.id).await {
                Ok(existing) => Made::new_unless(existing),
                Err(status) => Made::of_failure("posts", &status)?,
            });
        }
        Ok(results)
    };
    each(posts(), IN_FLIGHT, work, |results| {
        results.iter().for_each(|made| progress.note(made));
        Ok(())
    })
    .await?;
    Ok(progress.end())
}
