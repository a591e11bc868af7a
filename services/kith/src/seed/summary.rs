//! What is said at the end: what was made, and calls to try on it.

use std::fmt;

use super::flow::Tally;
use super::kith::Kith;
use super::people::WITH_PASSWORD;
use super::plan::Plan;
use crate::report::grouped;
use crate::up::{PASSWORD, address};

/// How many users are named.
const NAMED: usize = 10;

/// What was made.
#[derive(Debug)]
pub(crate) struct Summary {
    tallies: Vec<(&'static str, Tally)>,
    users: usize,
    /// Of the first users.
    usernames: Vec<String>,
    /// Two who write to each other.
    talkers: [String; 2],
    addresses: Addresses,
    /// The command that prints a token, less whose.
    token: String,
}

#[derive(Debug)]
struct Addresses {
    social_graph: String,
    posts: String,
    messaging: String,
}

impl Summary {
    pub(super) fn of(kith: &Kith, plan: &Plan, tallies: Vec<(&'static str, Tally)>, token: String) -> Self {
        let username = |index| plan.person(index).username;
        let facts = kith.local.facts();
        let [social_graph, posts, messaging] =
            [&facts.social_graph, &facts.posts, &facts.messaging].map(|url| address(url).to_owned());
        Self {
            tallies,
            users: plan.users(),
            usernames: (0..plan.users().min(NAMED)).map(username).collect(),
            talkers: plan.members(0).map(username),
            addresses: Addresses {
                social_graph,
                posts,
                messaging,
            },
            token,
        }
    }

    /// How many things somebody kept from being made.
    pub(crate) fn refused(&self) -> u64 {
        self.tallies.iter().map(|(_, tally)| tally.refused).sum()
    }

    fn calls(&self) -> [String; 3] {
        let Addresses {
            social_graph,
            posts,
            messaging,
        } = &self.addresses;
        let [talker, friend] = &self.talkers;
        let call = |caller: &str, service: &str, method: &str| {
            let header = format!(r#""authorization: Bearer $({} {caller})""#, self.token);
            format!(r#"grpcurl -plaintext -H {header} -d '{{"page_size": 5}}' {service} {method}"#)
        };
        [
            call(talker, posts, "kith.posts.v1.PostsService/ListHomeTimeline"),
            call(
                friend,
                messaging,
                "kith.messaging.v1.MessagingService/ListConversations",
            ),
            call(
                talker,
                social_graph,
                "kith.social_graph.v1.SocialGraphService/SuggestFriends",
            ),
        ]
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, tally) in &self.tallies {
            let [made, existing, refused] = [tally.made, tally.existing, tally.refused].map(grouped);
            write!(f, "{name:11}  {made} new, {existing} existing")?;
            if tally.refused > 0 {
                write!(f, ", {refused} refused")?;
            }
            writeln!(f)?;
        }
        if self
            .tallies
            .iter()
            .all(|(_, tally)| tally.made + tally.refused == 0)
        {
            writeln!(f, "nothing new was made: it was all there")?;
        }
        let names = self.usernames.join(", ");
        let others = if self.users > NAMED { ", …" } else { "" };
        writeln!(f, "\n{names}{others}")?;
        if self.users > WITH_PASSWORD {
            writeln!(f, "They have no passwords; kith token NAME signs them in.\n")?;
        } else {
            writeln!(f, "The password of each is: {PASSWORD}\n")?;
        }
        writeln!(f, "Calls to paste:\n")?;
        self.calls().iter().try_for_each(|call| writeln!(f, "{call}"))
    }
}
