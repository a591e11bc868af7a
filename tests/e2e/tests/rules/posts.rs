//! The rules of schema `posts`.

use kith_contracts::posts::v1::*;

use super::{Break, NOBODY, deed, long, long_url, nothing};
use crate::rows::World;

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

pub(super) fn breaks() -> Vec<Break> {
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
