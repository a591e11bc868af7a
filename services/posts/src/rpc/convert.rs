use kith_contracts::posts::v1::{
    CounterDrift, Hashtag, Like, LikedPost, Mention, Post, PostCounts, PostEdit, PostType, PostViewer, Share,
    SharedPost, TimelineItem,
};
use kith_primitives::{Caller, Etag, Failure, Invalid};
use kith_rpc::timestamp;

use crate::domain::PostKind;
use crate::store::{DriftRow, EditRow, PostRow, ReactedPostRow, ReactionRow, TimelineRow};

/// A post as `caller` sees it.
pub(super) fn post(caller: &Caller, row: PostRow) -> Result<Post, Failure> {
    let mentions = row
        .mention_user_ids
        .into_iter()
        .zip(row.mention_starts)
        .zip(row.mention_ends);
    let hashtags = row
        .hashtags
        .into_iter()
        .zip(row.hashtag_starts)
        .zip(row.hashtag_ends);
    Ok(Post {
        id: row.id,
        author_id: row.author_id,
        content: row.content,
        r#type: post_type(PostKind::from_database(&row.kind)?).into(),
        media_url: row.media_url,
        parent_id: row.parent_id.unwrap_or_default(),
        create_time: Some(timestamp(row.created_at)),
        update_time: Some(timestamp(row.updated_at)),
        etag: Etag::of_version(row.version).to_wire(),
        likes_count: row.likes_count,
        comment_count: row.comment_count,
        shares_count: row.shares_count,
        mentions: mentions
            .map(|((user_id, start), end)| Mention { user_id, start, end })
            .collect(),
        hashtags: hashtags
            .map(|((tag, start), end)| Hashtag { tag, start, end })
            .collect(),
        viewer: caller.user().map(|_| PostViewer {
            liked: row.liked,
            shared: row.shared,
        }),
    })
}

/// Posts as `caller` sees them.
pub(super) fn posts(caller: &Caller, rows: Vec<PostRow>) -> Result<Vec<Post>, Failure> {
    rows.into_iter().map(|row| post(caller, row)).collect()
}

pub(super) fn post_edit(row: EditRow) -> Result<PostEdit, Failure> {
    Ok(PostEdit {
        post_id: row.post_id,
        content: row.content,
        r#type: post_type(PostKind::from_database(&row.kind)?).into(),
        media_url: row.media_url,
        start_time: Some(timestamp(row.started_at)),
        end_time: Some(timestamp(row.ended_at)),
        etag: Etag::of_version(row.version).to_wire(),
    })
}

pub(super) fn post_type(kind: PostKind) -> PostType {
    match kind {
        PostKind::Thoughts => PostType::Thoughts,
        PostKind::Media => PostType::Media,
        PostKind::Milestones => PostType::Milestones,
    }
}

/// The type that a request names; `None` where it names none.
pub(super) fn post_kind(number: i32) -> Result<Option<PostKind>, Invalid> {
    match PostType::try_from(number) {
        Ok(PostType::Unspecified) => Ok(None),
        Ok(PostType::Thoughts) => Ok(Some(PostKind::Thoughts)),
        Ok(PostType::Media) => Ok(Some(PostKind::Media)),
        Ok(PostType::Milestones) => Ok(Some(PostKind::Milestones)),
        Err(_) => Err(PostKind::unknown()),
    }
}

pub(super) fn like(row: ReactionRow) -> Like {
    Like {
        post_id: row.post_id,
        user_id: row.user_id,
        create_time: Some(timestamp(row.created_at)),
    }
}

pub(super) fn share(row: ReactionRow) -> Share {
    Share {
        post_id: row.post_id,
        user_id: row.user_id,
        create_time: Some(timestamp(row.created_at)),
    }
}

pub(super) fn liked_post(caller: &Caller, row: ReactedPostRow) -> Result<LikedPost, Failure> {
    Ok(LikedPost {
        like: Some(like(row.reaction())),
        post: Some(post(caller, row.post)?),
    })
}

pub(super) fn shared_post(caller: &Caller, row: ReactedPostRow) -> Result<SharedPost, Failure> {
    Ok(SharedPost {
        share: Some(share(row.reaction())),
        post: Some(post(caller, row.post)?),
    })
}

pub(super) fn timeline_item(caller: &Caller, row: TimelineRow) -> Result<TimelineItem, Failure> {
    Ok(TimelineItem {
        post: Some(post(caller, row.post)?),
        position_time: Some(timestamp(row.position)),
        sharer_ids: row.sharer_ids,
    })
}

pub(super) fn drift(row: DriftRow) -> CounterDrift {
    let counts = |likes_count, comment_count, shares_count| PostCounts {
        post_id: row.post_id,
        likes_count,
        comment_count,
        shares_count,
    };
    CounterDrift {
        counted: Some(counts(
            row.counted_likes,
            row.counted_comments,
            row.counted_shares,
        )),
        actual: Some(counts(row.actual_likes, row.actual_comments, row.actual_shares)),
    }
}
