//! Paging through a home timeline while others post, share and like. `FULL_SIZE=1` makes 10,000 posts of 300.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kith_contracts::posts::v1::{LikePostRequest, Post, SharePostRequest};
use kith_contracts::social_graph::v1::FollowRequest;
use kith_testkit::{TestApp, TestUser};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::list_home_timeline::{call, id};
use crate::support::{answer, post};

const OLDER: usize = 120;
const PAGE_SIZE: i32 = 10;
const WRITERS: usize = 4;

fn arrivals() -> usize {
    if std::env::var_os("FULL_SIZE").is_some_and(|value| value == "1") {
        10_000
    } else {
        300
    }
}

/// The viewer follows the first three; the fourth is a stranger, of whom those share every post.
struct World {
    app: TestApp,
    viewer: TestUser,
    people: Vec<TestUser>,
    older: Vec<Post>,
    arrived: AtomicUsize,
    news: Notify,
}

async fn world() -> World {
    let app = TestApp::start().await;
    let viewer = app.user("viewer").await;
    let people = app.users(&["ann", "ben", "cem", "stranger"]).await;
    for followed in &people[..3] {
        let request = FollowRequest {
            user_id: followed.id,
            allow_existing: false,
        };
        answer(app.social_graph(&viewer).follow(request).await);
    }
    let mut world = World {
        app,
        viewer,
        people,
        older: Vec::new(),
        arrived: AtomicUsize::new(0),
        news: Notify::new(),
    };
    for number in 0..OLDER {
        let made = world.arrival(number).await;
        world.older.push(made);
    }
    world
}

impl World {
    /// Somebody posts; what the stranger posts, somebody shares.
    async fn arrival(&self, number: usize) -> Post {
        let author = &self.people[number % 4];
        let made = post(&self.app, author, "hello").await;
        if number % 4 == 3 {
            self.share(number, &made).await;
        }
        made
    }

    async fn share(&self, number: usize, post: &Post) {
        let request = SharePostRequest {
            post_id: post.id,
            allow_existing: true,
        };
        let sharer = &self.people[number % 3];
        answer(self.app.posts(sharer).share_post(request).await);
    }

    /// Each arrival, and what it does to an older post: somebody likes and shares it, which moves none that is there.
    async fn write(&self, number: usize) {
        self.arrival(number).await;
        let older = &self.older[number % OLDER];
        let request = LikePostRequest {
            post_id: older.id,
            allow_existing: true,
        };
        let liker = &self.people[number % 4];
        answer(self.app.posts(liker).like_post(request).await);
        self.share(number + 1, older).await;
        self.arrived.fetch_add(1, Ordering::Relaxed);
        self.news.notify_waiters();
    }

    async fn until_arrived(&self, number: usize) {
        loop {
            let news = self.news.notified();
            if self.arrived.load(Ordering::Relaxed) >= number {
                return;
            }
            news.await;
        }
    }
}

// Control: a statement by which shared posts stand where they were shared last, so that each share moves them.
#[tokio::test(flavor = "multi_thread")]
async fn paging_while_others_post_share_and_like_shows_each_older_post_once() {
    let world = Arc::new(world().await);
    let arrivals = arrivals();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let world = Arc::clone(&world);
        writers.spawn(async move {
            for number in (writer..arrivals).step_by(WRITERS) {
                world.write(number).await;
            }
        });
    }
    let (mut seen, mut token, mut pages) = (Vec::new(), String::new(), 0);
    let all_pages = OLDER / usize::try_from(PAGE_SIZE).expect("small");
    loop {
        // Between any two pages something arrives, and all of it before the last.
        world
            .until_arrived((arrivals * pages).div_ceil(all_pages).min(arrivals))
            .await;
        let page = answer(call(&world.app, &world.viewer, PAGE_SIZE, &token).await);
        seen.extend(page.items.iter().map(id));
        token = page.next_page_token;
        pages += 1;
        if token.is_empty() {
            break;
        }
    }
    while let Some(writer) = writers.join_next().await {
        writer.expect("a writer");
    }
    let older: BTreeSet<i64> = world.older.iter().map(|post| post.id).collect();
    seen.retain(|id| older.contains(id));
    let newest_first: Vec<i64> = older.into_iter().rev().collect();
    assert_eq!(seen, newest_first);
}
