//! What in a post's content names users and topics. Places are counted in Unicode characters, as callers count them.

use kith_rules::identity::USERNAME_MAX;
use kith_rules::posts::HASHTAG_MAX;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::Content;

/// A part of a post's content: from `start`, where the `@` or `#` is, up to `end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// What follows the sign, in lower case.
    pub(crate) name: String,
    pub(crate) start: i32,
    pub(crate) end: i32,
}

/// What a content names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entities {
    /// Usernames that may be meant. Of those that start at one place, the longest that somebody has is.
    pub(crate) usernames: Vec<Place>,
    /// The topics, in the order of their places.
    pub(crate) hashtags: Vec<Place>,
}

impl Entities {
    pub(crate) fn of(content: &Content) -> Self {
        let characters: Vec<char> = content.as_str().chars().collect();
        let mut entities = Self::default();
        for (start, sign) in characters.iter().enumerate() {
            let (before, behind) = (&characters[..start], &characters[start + 1..]);
            let follows = |is: fn(char) -> bool| before.last().is_some_and(|last| is(*last));
            match sign {
                // Behind a name, as in an email address, it is a part of that.
                '@' if !follows(is_of_username) => entities.usernames.extend(usernames(start, behind)),
                // `#` and `&` stand before those of links and of HTML.
                '#' if !follows(|last| is_of_tag(last) || matches!(last, '#' | '&')) => {
                    entities.hashtags.extend(hashtag(start, behind));
                }
                _ => {}
            }
        }
        entities
    }
}

/// The topic that `text` is, in lower case and composed (NFC), so that it is one however its accents were typed; `None` when a
/// hashtag cannot name it.
pub(crate) fn topic(text: &str) -> Option<String> {
    // A mark belongs to the letter before it; those behind digits make pictures of them.
    let is_nothing_more = |next: char| next.is_numeric() || is_combining_mark(next);
    let is_topic = text.chars().all(is_of_tag)
        && !text.starts_with(is_combining_mark)
        && !text.chars().all(is_nothing_more);
    // In lower case, the dot of this one letter would become a mark of its own.
    let folded = || text.replace('İ', "i").to_lowercase().nfc().collect::<String>();
    is_topic
        .then(folded)
        .filter(|folded| text.chars().count().max(folded.chars().count()) <= HASHTAG_MAX)
}

fn is_of_username(character: char) -> bool {
    character.is_ascii_alphanumeric() || "@.+-_".contains(character)
}

fn is_of_tag(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || is_combining_mark(character)
}

/// The longest name behind the `@` at `start`, and what is left of it without the signs at its end, which may be the
/// sentence's.
fn usernames(start: usize, behind: &[char]) -> Vec<Place> {
    let mut name: String = behind
        .iter()
        .copied()
        .take_while(|next| is_of_username(*next))
        .collect();
    let mut names = Vec::new();
    while let Some(last) = name.chars().last() {
        if name.len() <= USERNAME_MAX {
            names.push(place(start, name.to_ascii_lowercase(), name.len()));
        }
        if last.is_ascii_alphanumeric() {
            break;
        }
        name.pop();
    }
    names
}

fn hashtag(start: usize, behind: &[char]) -> Option<Place> {
    let name: String = behind
        .iter()
        .copied()
        .take_while(|next| is_of_tag(*next))
        .collect();
    let length = name.chars().count();
    topic(&name).map(|topic| place(start, topic, length))
}

fn place(start: usize, name: String, length: usize) -> Place {
    // A content is much shorter than what would not fit.
    let number = |place: usize| i32::try_from(place).unwrap_or(i32::MAX);
    Place {
        name,
        start: number(start),
        end: number(start + 1 + length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entities(content: &str) -> Entities {
        Entities::of(&Content::parse(content).expect("a content"))
    }

    fn listed(places: &[Place]) -> Vec<(&str, i32, i32)> {
        let list = places.iter();
        list.map(|place| (place.name.as_str(), place.start, place.end))
            .collect()
    }

    #[track_caller]
    fn assert_usernames(content: &str, expected: &[(&str, i32, i32)]) {
        assert_eq!(listed(&entities(content).usernames), expected, "{content}");
    }

    #[track_caller]
    fn assert_hashtags(content: &str, expected: &[(&str, i32, i32)]) {
        assert_eq!(listed(&entities(content).hashtags), expected, "{content}");
    }

    #[test]
    fn a_name_behind_an_at_sign_may_be_meant_in_lower_case() {
        assert_usernames("@Alice", &[("alice", 0, 6)]);
        assert_usernames("hi @bob, hi (@carol)", &[("bob", 3, 7), ("carol", 13, 19)]);
        assert_usernames(
            "@bob's @bob\n@bob",
            &[("bob", 0, 4), ("bob", 7, 11), ("bob", 12, 16)],
        );
    }

    #[test]
    fn places_are_counted_in_characters_whatever_stands_before() {
        assert_usernames("😀@bob", &[("bob", 1, 5)]);
        // A family, of five characters that are one to the eye, and an e with its accent apart.
        assert_usernames("👩\u{200d}👩\u{200d}👧 e\u{301} @bob", &[("bob", 9, 13)]);
        assert_usernames("ß@bob😀 #ä", &[("bob", 1, 5)]);
        assert_hashtags("ß@bob😀 #ä", &[("ä", 7, 9)]);
    }

    #[test]
    fn signs_at_the_end_may_be_the_names_or_the_sentences() {
        assert_usernames("@alice.", &[("alice.", 0, 7), ("alice", 0, 6)]);
        assert_usernames("@a.b-_! ", &[("a.b-_", 0, 6), ("a.b-", 0, 5), ("a.b", 0, 4)]);
        assert_usernames("@.+", &[(".+", 0, 3), (".", 0, 2)]);
        assert_usernames("@", &[]);
        assert_usernames("@ @!", &[]);
    }

    #[test]
    fn an_at_sign_behind_a_name_is_a_part_of_it() {
        assert_usernames("a@b.c", &[]);
        assert_usernames("_@b", &[]);
        assert_usernames("mail a.b@example.org.", &[]);
        // Names may have the sign themselves.
        assert_usernames("@a@b.c", &[("a@b.c", 0, 6)]);
        assert_usernames("@@a", &[("@a", 0, 3)]);
    }

    #[test]
    fn what_is_longer_than_a_name_can_be_is_none() {
        let long = "a".repeat(USERNAME_MAX);
        assert_usernames(&format!("@{long}"), &[(&long, 0, 151)]);
        assert_usernames(&format!("@{long}."), &[(&long, 0, 151)]);
        assert_usernames(&format!("@{long}b"), &[]);
    }

    #[test]
    fn a_hashtag_has_letters_and_digits_of_any_script() {
        assert_hashtags("#Rust #rust_2026", &[("rust", 0, 5), ("rust_2026", 6, 16)]);
        assert_hashtags(
            "(#ÄÖ) #日本語, #١٢a!",
            &[("äö", 1, 4), ("日本語", 6, 10), ("١٢a", 12, 16)],
        );
        assert_hashtags("#a-b", &[("a", 0, 2)]);
    }

    // A tag that was answered and then asked for was refused.
    #[test]
    fn a_topic_names_itself_whatever_character_it_is_made_of() {
        assert_hashtags("#İzmir", &[("izmir", 0, 6)]);
        for character in char::MIN..=char::MAX {
            let Some(topic) = topic(&format!("a{character}")) else {
                continue;
            };
            assert_eq!(super::topic(&topic).as_ref(), Some(&topic));
        }
    }

    #[test]
    fn marks_belong_to_the_letters_before_them() {
        assert_hashtags(
            "#हिन्दी #ไม้ #cafe\u{301} #café",
            &[("हिन्दी", 0, 7), ("ไม้", 8, 12), ("café", 13, 19), ("café", 20, 25)],
        );
        for content in [
            "#\u{fe0f}\u{20e3}",
            "#1\u{fe0f}\u{20e3}",
            "#\u{301}a",
            "e\u{301}#b",
        ] {
            assert_hashtags(content, &[]);
        }
        // Composed, this one letter is three: what is written may be short enough and what it means too long.
        assert_hashtags(&format!("#{}", "\u{fb2c}".repeat(HASHTAG_MAX)), &[]);
    }

    #[test]
    fn digits_alone_links_and_entities_of_html_are_no_hashtags() {
        for content in [
            "#1",
            "#٣",
            "#",
            "# a",
            "a#b",
            "1#b",
            "_#b",
            "##b",
            "&#b39;",
            "#-",
            "😀 #😀",
        ] {
            assert_hashtags(content, &[]);
        }
        assert_hashtags("😀#b", &[("b", 1, 3)]);
    }

    #[test]
    fn what_is_longer_than_a_hashtag_can_be_is_none() {
        let long = "ä".repeat(HASHTAG_MAX);
        assert_hashtags(&format!("#{long}"), &[(&long, 0, 101)]);
        assert_hashtags(&format!("#{long}b"), &[]);
    }

    // Each candidate is a row of the write's statement.
    #[test]
    fn no_content_names_more_candidates_than_it_has_characters() {
        for content in ["@.".repeat(250), "@. ".repeat(166), ".".repeat(499)] {
            let content = format!("@{}", &content[1..]);
            assert!(entities(&content).usernames.len() <= 500);
        }
    }
}
