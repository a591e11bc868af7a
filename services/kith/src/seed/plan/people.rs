//! Who there is.

use super::{Plan, Recipe};
use crate::seed::random::{Purpose, Random};
use crate::seed::texts;
use crate::seed::words::names::{FIRST_NAMES, LAST_NAMES};
use crate::seed::words::slots::CITIES;

/// Above so many users, all usernames end in a number: with names alone, two seeds would often have some in common.
const NAMES_ALONE: usize = 100;

/// A user to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::seed) struct Person {
    pub(in crate::seed) username: String,
    pub(in crate::seed) first_name: &'static str,
    pub(in crate::seed) last_name: &'static str,
}

/// What a user tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::seed) struct PlannedProfile {
    pub(in crate::seed) bio: String,
    pub(in crate::seed) avatar_url: String,
    pub(in crate::seed) location: &'static str,
    pub(in crate::seed) website_url: String,
}

/// All names, in the order of a seed.
#[derive(Clone, Debug)]
pub(super) struct Names {
    first: [&'static str; FIRST_NAMES.len()],
    last: [&'static str; LAST_NAMES.len()],
    /// The number behind the first usernames; 0 for none.
    number: usize,
}

impl Names {
    pub(super) fn of(recipe: Recipe) -> Self {
        let mut random = Random::new(recipe.seed, Purpose::Names, 0);
        let (mut first, mut last) = (FIRST_NAMES, LAST_NAMES);
        random.shuffle(&mut first);
        random.shuffle(&mut last);
        let number = 10 + random.below(9_990);
        let number = if recipe.users > NAMES_ALONE { number } else { 0 };
        Self { first, last, number }
    }
}

impl Plan {
    /// The user with this index. No two have the same username.
    pub(in crate::seed) fn person(&self, index: usize) -> Person {
        let Names { first, last, number } = &self.names;
        let (round, pair) = (
            index / (first.len() * last.len()),
            index % (first.len() * last.len()),
        );
        let (row, column) = (pair / first.len(), pair % first.len());
        let (first_name, last_name) = (first[column], last[(row + column) % last.len()]);
        let mut username = format!("{}.{}", ascii(first_name), ascii(last_name));
        if *number > 0 {
            username = format!("{username}{}", number + round);
        }
        Person {
            username,
            first_name,
            last_name,
        }
    }

    pub(in crate::seed) fn profile(&self, index: usize) -> PlannedProfile {
        let mut random = self.random(Purpose::Profiles, index);
        let username = self.person(index).username;
        PlannedProfile {
            bio: texts::bio(&mut random),
            avatar_url: format!("https://images.example.com/avatars/{username}.jpg"),
            location: random.pick(&CITIES),
            website_url: format!("https://{username}.example.com"),
        }
    }
}

/// As it stands in a username.
fn ascii(name: &str) -> String {
    let plain = |letter| match letter {
        'ã' | 'á' => 'a',
        'é' | 'ë' => 'e',
        'ö' => 'o',
        'ü' => 'u',
        letter => letter,
    };
    name.to_lowercase().chars().map(plain).collect()
}
