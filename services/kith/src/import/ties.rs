//! What an edge list is imported as.

use kith_contracts::social_graph::v1::{
    BatchBefriendRequest, BatchFollowRequest, FollowPair, FriendPair, batch_befriend_result as befriended,
    batch_follow_result as followed,
};
use tonic::{Request, Status};

use crate::operator::{CALL_WITHIN, Operator};
use crate::retry::with_retries;

/// What an edge becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ties {
    /// The first follows the second.
    Follows,
    /// The two are friends, whoever stands first.
    Friendships,
}

/// What came of an edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tied {
    New,
    Existing,
    Refused(String),
}

impl Ties {
    /// Both, the default first.
    pub(crate) const NAMES: [&str; 2] = ["follows", "friendships"];

    /// The ties of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Ties::Follows, Ties::Friendships]
            .into_iter()
            .find(|ties| ties.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        let [follows, friendships] = Self::NAMES;
        match self {
            Ties::Follows => follows,
            Ties::Friendships => friendships,
        }
    }

    /// What the operator's token must allow.
    pub(crate) fn scopes(self) -> &'static [&'static str] {
        match self {
            Ties::Follows => &["identity.users.import", "social_graph.follows.import"],
            Ties::Friendships => &["identity.users.import", "social_graph.friendships.import"],
        }
    }

    /// Whether an edge and the same one turned round are two.
    pub(super) fn are_directed(self) -> bool {
        self == Ties::Follows
    }

    /// The most edges that one call takes.
    pub(crate) fn batch(self) -> usize {
        match self {
            Ties::Follows => 1000,
            Ties::Friendships => 500,
        }
    }

    /// Makes a tie of each pair of users. What is there already stays.
    pub(crate) async fn make(self, operator: &Operator, pairs: &[(i64, i64)]) -> Result<Vec<Tied>, Status> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        match self {
            Ties::Follows => follow(operator, pairs).await,
            Ties::Friendships => befriend(operator, pairs).await,
        }
    }
}

async fn follow(operator: &Operator, pairs: &[(i64, i64)]) -> Result<Vec<Tied>, Status> {
    let pair = |&(follower_id, followed_id): &(i64, i64)| FollowPair {
        follower_id,
        followed_id,
    };
    let answer = with_retries(async || {
        let mut request = Request::new(BatchFollowRequest {
            pairs: pairs.iter().map(pair).collect(),
            allow_existing: true,
        });
        request.set_timeout(CALL_WITHIN);
        operator.social_graph().batch_follow(request).await
    });
    let results = answer.await?.into_inner().results.into_iter();
    let tied = results.map(|result| match result.outcome {
        Some(followed::Outcome::Follow(_)) => Tied::made(result.existing),
        Some(followed::Outcome::Error(status)) => Tied::Refused(status.message),
        None => Tied::unanswered(),
    });
    Ok(tied.collect())
}

async fn befriend(operator: &Operator, pairs: &[(i64, i64)]) -> Result<Vec<Tied>, Status> {
    let pair = |&(user_id, friend_id): &(i64, i64)| FriendPair { user_id, friend_id };
    let answer = with_retries(async || {
        let mut request = Request::new(BatchBefriendRequest {
            pairs: pairs.iter().map(pair).collect(),
            allow_existing: true,
        });
        request.set_timeout(CALL_WITHIN);
        operator.social_graph().batch_befriend(request).await
    });
    let results = answer.await?.into_inner().results.into_iter();
    let tied = results.map(|result| match result.outcome {
        Some(befriended::Outcome::Friendship(_)) => Tied::made(result.existing),
        Some(befriended::Outcome::Error(status)) => Tied::Refused(status.message),
        None => Tied::unanswered(),
    });
    Ok(tied.collect())
}

impl Tied {
    fn made(existing: bool) -> Self {
        if existing { Tied::Existing } else { Tied::New }
    }

    fn unanswered() -> Self {
        Tied::Refused("social-graph answered neither success nor an error".to_owned())
    }
}
