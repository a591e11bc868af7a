//! What is posted, and who likes it. Posts come in bursts: somebody who posts a few times in a row, or a post with its replies.

use std::collections::HashSet;

use kith_contracts::posts::v1::PostType;

use super::graph::distinct;
use super::{Plan, Recipe, octaves};
use crate::seed::random::{Purpose, Random};
use crate::seed::texts;
use crate::seed::words::posts::{REPLIES, TOPICS};

/// As many posts there are for each user.
const POSTS: usize = 8;
/// A post has 2^8 - 1 likes at most.
const LIKE_OCTAVES: u32 = 8;
/// One in so many threads is a long one, where there are enough users.
const LONG_THREADS: usize = 50;
const USERS_OF_LONG_THREADS: usize = 100;

/// Posts that come one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::seed) struct Burst {
    index: usize,
    /// The index of its first post.
    pub(in crate::seed) first: usize,
    pub(in crate::seed) len: usize,
}

/// A post to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::seed) struct PlannedPost {
    pub(in crate::seed) author: usize,
    pub(in crate::seed) content: String,
    pub(in crate::seed) kind: PostType,
    /// Empty for none.
    pub(in crate::seed) media_url: String,
    /// The post of the same burst that it replies to, by its place there.
    pub(in crate::seed) parent: Option<usize>,
}

/// All bursts, in order.
pub(super) fn bursts(recipe: Recipe) -> Vec<Burst> {
    let all = recipe.users * POSTS;
    let (mut bursts, mut first) = (Vec::new(), 0);
    while first < all {
        let index = bursts.len();
        let len = burst_len(recipe, index).min(all - first);
        bursts.push(Burst { index, first, len });
        first += len;
    }
    bursts
}

fn burst_len(Recipe { seed, users }: Recipe, index: usize) -> usize {
    let mut random = Random::new(seed, Purpose::Bursts, index);
    if !is_thread(index) {
        return 1 + random.below(3);
    }
    let is_long = users > USERS_OF_LONG_THREADS && random.once_in(LONG_THREADS);
    if is_long {
        10 + random.below(50)
    } else {
        2 + random.below(5)
    }
}

/// Whether a burst is a post with its replies.
fn is_thread(index: usize) -> bool {
    !index.is_multiple_of(3)
}

impl Plan {
    pub(in crate::seed) fn posts_count(&self) -> usize {
        self.users() * POSTS
    }

    pub(in crate::seed) fn bursts(&self) -> &[Burst] {
        &self.bursts
    }

    pub(in crate::seed) fn posts(&self, burst: Burst) -> Vec<PlannedPost> {
        let mut random = self.random(Purpose::Posts, burst.index);
        let author = random.skewed_below(self.users(), 2);
        let mut posts = Vec::with_capacity(burst.len);
        for place in 0..burst.len {
            let post = if place > 0 && is_thread(burst.index) {
                self.reply(burst, &posts, &mut random)
            } else {
                self.post(burst, place, author, &mut random)
            };
            posts.push(post);
        }
        posts
    }

    fn post(&self, burst: Burst, place: usize, author: usize, random: &mut Random) -> PlannedPost {
        let subject = burst.index + place;
        let topic = &TOPICS[subject % TOPICS.len()];
        let (kind, sentences) = match burst.index % 8 {
            3 => (PostType::Milestones, topic.milestones),
            1 | 5 => (PostType::Media, topic.media),
            _ => (PostType::Thoughts, topic.thoughts),
        };
        let sentence = sentences[(subject / TOPICS.len() + place) % sentences.len()];
        let who = self.person(self.somebody_but(author, random)).username;
        PlannedPost {
            author,
            content: texts::post(sentence, topic, &who, random),
            kind,
            media_url: match kind {
                PostType::Media => format!("https://images.example.com/photos/{:016x}.jpg", random.number()),
                _ => String::new(),
            },
            parent: None,
        }
    }

    /// A reply to the first of `posts`, or to the last one.
    fn reply(&self, burst: Burst, posts: &[PlannedPost], random: &mut Random) -> PlannedPost {
        let parent = if random.once_in(2) { 0 } else { posts.len() - 1 };
        let (asked, first) = (posts[parent].author, posts[0].author);
        let answers_back = asked != first && random.once_in(2);
        let author = if answers_back {
            first
        } else {
            self.somebody_but(asked, random)
        };
        let sentence = REPLIES[(burst.first + posts.len()) * 7 % REPLIES.len()];
        let mut content = texts::fill(sentence, "", random);
        if random.once_in(4) {
            content = format!("@{} {content}", self.person(asked).username);
        }
        PlannedPost {
            author,
            content,
            kind: PostType::Thoughts,
            media_url: String::new(),
            parent: Some(parent),
        }
    }

    /// Somebody else: a friend of the user's, or anybody.
    fn somebody_but(&self, index: usize, random: &mut Random) -> usize {
        let friends = self.friends(index);
        if !friends.is_empty() && random.once_in(2) {
            return random.pick(&friends);
        }
        match random.skewed_below(self.users() - 1, 2) {
            other if other < index => other,
            other => other + 1,
        }
    }

    pub(in crate::seed) fn post_request_id(&self, index: usize) -> String {
        self.request_id(Purpose::PostIds, index)
    }

    /// How many users like the post at `index`: by a power law.
    pub(in crate::seed) fn likes_count(&self, index: usize) -> usize {
        let likes = octaves(self.recipe.seed, index, self.posts_count(), LIKE_OCTAVES) - 1;
        likes.min(self.users() - 1)
    }

    /// How many of them share it.
    pub(in crate::seed) fn shares_count(&self, index: usize) -> usize {
        self.likes_count(index) / 4
    }

    /// Who likes the post at `index`, by `author`; the first of them share it.
    pub(in crate::seed) fn likers(&self, index: usize, author: usize) -> Vec<usize> {
        let mut random = self.random(Purpose::Likes, index);
        let but = HashSet::from([author]);
        distinct(self.likes_count(index), self.users(), 1, but, &mut random)
    }
}
