use std::collections::{BTreeSet, HashMap};

use kith_contracts::posts::v1::PostType;

use super::{Plan, PlannedPost, Recipe};

fn plan(seed: u64, users: usize) -> Plan {
    Plan::of(Recipe { seed, users })
}

fn usernames(plan: &Plan) -> BTreeSet<String> {
    (0..plan.users())
        .map(|index| plan.person(index).username)
        .collect()
}

fn posts(plan: &Plan) -> Vec<PlannedPost> {
    plan.bursts()
        .iter()
        .flat_map(|burst| plan.posts(*burst))
        .collect()
}

/// Everything that is made, as text.
fn everything(plan: &Plan) -> String {
    let users = 0..plan.users();
    let people = users.map(|index| {
        let (person, profile) = (plan.person(index), plan.profile(index));
        let edges = (
            plan.follows(index),
            plan.friends(index),
            plan.friend_request(index),
        );
        format!("{person:?} {profile:?} {edges:?}\n")
    });
    let posts = posts(plan).into_iter().enumerate().map(|(index, post)| {
        let (request_id, likers) = (plan.post_request_id(index), plan.likers(index, post.author));
        format!("{post:?} {request_id} {likers:?}\n")
    });
    let conversations = (0..plan.conversations_count()).map(|index| {
        let (conversation, request_id) = (plan.conversation(index), plan.message_request_id(index, 1));
        format!("{conversation:?} {request_id}\n")
    });
    people.chain(posts).chain(conversations).collect()
}

/// FNV-1a, which is the same for ever.
fn fingerprint(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

// Whoever changes this changes what a seed makes: a run that was killed then cannot be finished by the next build.
#[test]
fn a_seed_makes_the_same_for_ever() {
    let made = everything(&plan(7, 300));
    assert_eq!(
        fingerprint(&made),
        12_423_383_850_525_914_276,
        "{}",
        &made[..2000]
    );
    assert_eq!(made, everything(&plan(7, 300)));
    assert_ne!(made, everything(&plan(8, 300)));
}

#[test]
fn every_seed_makes_the_volumes_of_a_small_product() {
    for seed in 0..300 {
        let plan = plan(seed, 10);
        assert_eq!(usernames(&plan).len(), 10);
        let posts = posts(&plan);
        assert!((50..=100).contains(&posts.len()), "{seed}: {}", posts.len());
        let replies = posts.iter().filter(|post| post.parent.is_some()).count();
        assert!(replies >= 10, "{seed}: {replies}");
        for kind in [PostType::Thoughts, PostType::Media, PostType::Milestones] {
            assert!(posts.iter().any(|post| post.kind == kind), "{seed}: {kind:?}");
        }
        let likes: usize = (0..posts.len()).map(|index| plan.likes_count(index)).sum();
        let shares: usize = (0..posts.len()).map(|index| plan.shares_count(index)).sum();
        assert!(
            (100..=200).contains(&likes) && shares > 5,
            "{seed}: {likes} {shares}"
        );
        let friends: usize = (0..10).map(|index| plan.friends(index).len()).sum();
        assert!((20..=40).contains(&friends), "{seed}: {friends}");
        let requests = (0..10).filter_map(|index| plan.friend_request(index)).count();
        assert!((5..=10).contains(&requests), "{seed}: {requests}");
        let messages: usize = (0..plan.conversations_count())
            .map(|index| plan.messages_count(index))
            .sum();
        assert!((20..=50).contains(&messages), "{seed}: {messages}");
        assert!((0..10).all(|index| !plan.follows(index).is_empty()));
    }
}

#[test]
fn nobody_has_to_do_with_itself_and_nothing_is_there_twice() {
    for users in [2, 3, 4, 10, 120, 500] {
        let plan = plan(3, users);
        let (mut friendships, mut requests, mut talks) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for index in 0..users {
            let follows = plan.follows(index);
            assert_eq!(follows.len(), plan.follows_count(index));
            assert_eq!(follows.iter().collect::<BTreeSet<_>>().len(), follows.len());
            assert!(!follows.contains(&index) && follows.iter().all(|other| *other < users));
            for friend in plan.friends(index) {
                assert!(friend < index && friendships.insert((friend, index)));
            }
            if let Some(request) = plan.friend_request(index) {
                let pair = (request.from.min(request.to), request.from.max(request.to));
                assert!(pair.0 < pair.1 && requests.insert(pair));
            }
        }
        assert!(friendships.is_disjoint(&requests));
        for index in 0..plan.conversations_count() {
            let [user, friend] = plan.members(index);
            assert!(friendships.contains(&(friend, user)) && talks.insert((friend, user)));
        }
        for (index, post) in posts(&plan).iter().enumerate() {
            let likers = plan.likers(index, post.author);
            assert_eq!(
                likers.iter().collect::<BTreeSet<_>>().len(),
                plan.likes_count(index)
            );
            assert!(!likers.contains(&post.author) && likers.iter().all(|liker| *liker < users));
        }
    }
}

#[test]
fn replies_stand_behind_what_they_reply_to_and_are_by_others() {
    let plan = plan(1, 300);
    let mut next = 0;
    for burst in plan.bursts() {
        let posts = plan.posts(*burst);
        assert_eq!((burst.first, burst.len), (next, posts.len()));
        next += posts.len();
        for (place, post) in posts.iter().enumerate() {
            let parent = post.parent.map(|parent| (parent, posts[parent].author));
            assert!(parent.is_none_or(|(parent, author)| parent < place && author != post.author));
        }
    }
    assert_eq!(next, plan.posts_count());
}

#[test]
fn texts_vary_and_some_have_hashtags_and_mentions_of_users_who_are_there() {
    let plan = plan(1, 10);
    let (usernames, posts) = (usernames(&plan), posts(&plan));
    let texts: BTreeSet<&str> = posts.iter().map(|post| post.content.as_str()).collect();
    assert!(
        texts.len() * 10 >= posts.len() * 9,
        "{} of {}",
        texts.len(),
        posts.len()
    );
    assert!(texts.iter().any(|text| text.contains('#')));
    let words = texts.iter().flat_map(|text| text.split_whitespace());
    let mentions: Vec<_> = words
        .filter_map(|word| word.trim_start_matches('(').strip_prefix('@'))
        .collect();
    assert!(!mentions.is_empty());
    for mention in mentions {
        let name = mention.trim_end_matches(|c: char| !c.is_alphanumeric());
        assert!(usernames.contains(name), "{mention}");
    }
}

#[test]
fn a_large_network_has_few_who_are_known_to_many() {
    let plan = plan(1, 3000);
    assert_eq!(usernames(&plan).len(), 3000);
    let mut followers: HashMap<usize, usize> = HashMap::new();
    let all = (0..3000).flat_map(|index| plan.follows(index));
    all.for_each(|index| *followers.entry(index).or_default() += 1);
    let mut counts: Vec<usize> = followers.into_values().collect();
    counts.sort_unstable_by(|one, other| other.cmp(one));
    let (total, top): (usize, usize) = (counts.iter().sum(), counts.iter().take(30).sum());
    assert!((40_000..90_000).contains(&total), "{total}");
    assert!(
        top * 8 > total && counts[0] > 20 * counts[counts.len() / 2],
        "{top} {total} {}",
        counts[0]
    );
}

#[test]
fn two_seeds_have_hardly_a_name_in_common() {
    for users in [10, 1500] {
        let both = usernames(&plan(1, users))
            .intersection(&usernames(&plan(2, users)))
            .count();
        assert!(both <= 1, "{users}: {both}");
    }
}
