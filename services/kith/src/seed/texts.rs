//! Texts like those that people write: sentences from `words`, with the words in braces filled in.

use super::random::Random;
use super::words::names::{CLOSINGS, LOVES, TRADES};
use super::words::posts::{MENTIONS, TAILS, Topic};
use super::words::slots::{BOOKS, CITIES, DAYS, FOODS, PEOPLE};

/// The text of `template`, with words of `random`'s choice; `who` is whom it is about.
pub(super) fn fill(template: &str, who: &str, random: &mut Random) -> String {
    let (mut text, mut rest) = (String::with_capacity(template.len() + 16), template);
    while let Some((before, after)) = rest.split_once('{') {
        let (slot, behind) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(before);
        text.push_str(word(slot, who, random).unwrap_or_default());
        rest = behind;
    }
    text.push_str(rest);
    if template.starts_with('{') {
        capitalised(&text)
    } else {
        text
    }
}

/// The word for a slot, if there is such a slot.
fn word<'a>(slot: &str, who: &'a str, random: &mut Random) -> Option<&'a str> {
    let words: &[&str] = match slot {
        "who" => return Some(who),
        "book" => &BOOKS,
        "city" => &CITIES,
        "day" => &DAYS,
        "food" => &FOODS,
        "person" => &PEOPLE,
        _ => return None,
    };
    Some(random.pick(words))
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next();
    first
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(chars)
        .collect()
}

/// What somebody says of itself.
pub(super) fn bio(random: &mut Random) -> String {
    let bio = format!("{}. I like {}.", random.pick(&TRADES), random.pick(&LOVES));
    if random.once_in(3) {
        return bio;
    }
    format!("{bio} {}", fill(random.pick(&CLOSINGS), "", random))
}

/// `sentence` as a whole post: sometimes with another behind it, a word to `who`, and hashtags.
pub(super) fn post(sentence: &str, topic: &Topic, who: &str, random: &mut Random) -> String {
    let mut text = fill(sentence, who, random);
    if random.once_in(5) {
        text = format!("{text} {}", fill(random.pick(&MENTIONS), who, random));
    } else if random.once_in(3) {
        text = format!("{text} {}", fill(random.pick(&TAILS), who, random));
    }
    if random.once_in(3) {
        let first = random.below(topic.hashtags.len());
        let hashtags = topic.hashtags.iter().cycle().skip(first);
        for hashtag in hashtags.take(1 + random.below(2)) {
            text = format!("{text} #{hashtag}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::random::Purpose;
    use crate::seed::words::messages::{CONVERSATIONS, NOTES};
    use crate::seed::words::posts::{REPLIES, TOPICS};

    fn random(index: usize) -> Random {
        Random::new(1, Purpose::Posts, index)
    }

    #[test]
    fn there_are_words_for_all_slots() {
        let of_topics = TOPICS
            .iter()
            .flat_map(|topic| [topic.thoughts, topic.media, topic.milestones]);
        let messages = CONVERSATIONS.iter().copied().flatten();
        let texts = [&TAILS[..], &MENTIONS, &REPLIES, &NOTES, &CLOSINGS]
            .into_iter()
            .chain(of_topics)
            .flatten();
        for text in texts.chain(messages) {
            let slots = text.split('{').skip(1);
            for slot in slots {
                let (slot, _) = slot
                    .split_once('}')
                    .unwrap_or_else(|| panic!("not closed: {text}"));
                assert!(word(slot, "who", &mut random(0)).is_some(), "{slot}: {text}");
            }
        }
    }

    #[test]
    fn texts_are_filled_and_fit() {
        let filled = fill("{person} reads {book}, @{who}.", "alice", &mut random(1));
        assert!(filled.ends_with(", @alice.") && !filled.contains('{'), "{filled}");
        assert!(filled.starts_with(char::is_uppercase), "{filled}");
        let who = "x".repeat(30);
        for index in 0..2000 {
            let (mut random, topic) = (random(index), &TOPICS[index % TOPICS.len()]);
            let sentence = random.pick(topic.thoughts);
            assert!(post(sentence, topic, &who, &mut random).chars().count() <= 500);
            assert!(bio(&mut random).chars().count() <= 500);
        }
    }
}
