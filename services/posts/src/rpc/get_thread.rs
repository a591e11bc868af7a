use std::collections::HashMap;

use kith_contracts::posts::v1::{GetThreadRequest, GetThreadResponse, Post, ThreadAncestor, ThreadReply};
use kith_postgres::cursor;
use kith_primitives::{Caller, Cursor, Failure, Invalid, PostId, Reason, Violations};
use prost::Message;

use super::{convert, list_replies};
use crate::App;
use crate::store::{ThreadBounds, ThreadRow, thread_find};

const DEFAULT_PAGE_SIZE: i32 = 10;
const MAX_PAGE_SIZE: i32 = 50;
const MAX_DEPTH: i32 = 6;
const MAX_ANCESTORS: usize = 80;
/// How many bytes of replies an answer has at most, so that with ancestors and all it stays within one message.
const MAX_REPLIES_BYTES: usize = 3 * 1024 * 1024;

/// INVALID_ARGUMENT (ID_INVALID, PAGE_SIZE_INVALID, FIELD_MALFORMED); NOT_FOUND (POST_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: GetThreadRequest,
) -> Result<GetThreadResponse, Failure> {
    let (post_id, bounds) = parse(&request)?;
    let mut above = thread_find(&app.database, caller.user_id(), post_id, bounds).await?;
    let beneath = above.split_off(above.partition_point(|row| row.depth < 0));
    let surplus = above.len().saturating_sub(MAX_ANCESTORS);
    let ancestors = above.into_iter().skip(surplus).map(|row| ancestor(&caller, row));
    Ok(GetThreadResponse {
        ancestors: ancestors.collect::<Result<_, _>>()?,
        has_more_ancestors: surplus > 0,
        thread: thread(&caller, beneath)?,
    })
}

fn parse(request: &GetThreadRequest) -> Result<(PostId, ThreadBounds), Failure> {
    let mut violations = Violations::new();
    let post_id = violations.check("post_id", PostId::parse(request.post_id));
    let page_size = violations.check("page_size", page_size(request.page_size));
    let max_depth = violations.check("max_depth", max_depth(request.max_depth));
    match (post_id, page_size, max_depth) {
        (Some(post_id), Some(page_size), Some(max_depth)) => Ok((
            post_id,
            ThreadBounds {
                page_size: page_size.into(),
                max_depth,
            },
        )),
        _ => Err(violations.into_failure()),
    }
}

fn page_size(size: i32) -> Result<i32, Invalid> {
    match size {
        0 => Ok(DEFAULT_PAGE_SIZE),
        size if size < 0 => Err(Invalid::new(Reason::PageSizeInvalid, "must not be negative")),
        size => Ok(size.min(MAX_PAGE_SIZE)),
    }
}

fn max_depth(depth: Option<i32>) -> Result<i32, Invalid> {
    match depth.unwrap_or(MAX_DEPTH) {
        depth @ 0..=MAX_DEPTH => Ok(depth),
        _ => Err(Invalid::new(Reason::FieldMalformed, "must be from 0 to 6")),
    }
}

fn ancestor(caller: &Caller, row: ThreadRow) -> Result<ThreadAncestor, Failure> {
    let post_id = row.post.id;
    let post = (!row.is_hidden)
        .then(|| convert::post(caller, row.post))
        .transpose()?;
    Ok(ThreadAncestor { post_id, post })
}

/// A post of the thread, not yet with what is beneath it.
struct Node {
    post: Post,
    place: Cursor,
    siblings: i64,
    has_replies: bool,
}

/// The post, which is the first of `rows`, with what is beneath it.
fn thread(caller: &Caller, rows: Vec<ThreadRow>) -> Result<Option<ThreadReply>, Failure> {
    let mut nodes = nodes(caller, rows)?.into_iter();
    let root = nodes.next();
    let mut beneath: HashMap<i64, Replies> = HashMap::new();
    // From the deepest on, so that whatever is beneath a post is there before it.
    for node in nodes.rev() {
        let (place, siblings, parent_id) = (node.place, node.siblings, node.post.parent_id);
        let message = message(node, &mut beneath);
        let replies = beneath.entry(parent_id).or_insert_with(|| Replies {
            messages: Vec::new(),
            oldest: place,
            count: siblings,
        });
        replies.messages.push(message);
    }
    Ok(root.map(|root| message(root, &mut beneath)))
}

/// As many of `rows` as fit into the answer. Those that do not are the deepest, and the oldest of these.
fn nodes(caller: &Caller, rows: Vec<ThreadRow>) -> Result<Vec<Node>, Failure> {
    let mut nodes = Vec::with_capacity(rows.len());
    let mut bytes = 0;
    for row in rows {
        let place = cursor(row.post.created_at, row.post.id);
        let post = convert::post(caller, row.post)?;
        bytes += post.encoded_len();
        if bytes > MAX_REPLIES_BYTES {
            break;
        }
        nodes.push(Node {
            post,
            place,
            siblings: row.siblings,
            has_replies: row.has_replies,
        });
    }
    Ok(nodes)
}

/// The replies to one post that are answered, oldest first.
struct Replies {
    messages: Vec<ThreadReply>,
    oldest: Cursor,
    /// As [`ThreadRow::siblings`].
    count: i64,
}

fn message(node: Node, beneath: &mut HashMap<i64, Replies>) -> ThreadReply {
    let replies = beneath.remove(&node.post.id);
    let Some(Replies {
        mut messages,
        oldest,
        count,
    }) = replies
    else {
        return ThreadReply {
            post: Some(node.post),
            has_more_replies: node.has_replies,
            ..ThreadReply::default()
        };
    };
    messages.reverse();
    let has_more_replies = i64::try_from(messages.len()).is_ok_and(|answered| answered < count);
    let next_page_token = match has_more_replies {
        true => list_replies::scope(node.post.id).token(&oldest),
        false => String::new(),
    };
    ThreadReply {
        post: Some(node.post),
        replies: messages,
        next_page_token,
        has_more_replies,
    }
}
