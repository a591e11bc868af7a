//! What one user may do to another: the one decision, which writes make and checks foretell.

use std::time::Duration;

use kith_primitives::{Failure, Reason, UserId};
use kith_rules::identity::{user_inactive, user_not_found};
use kith_rules::messaging::{CONVERSATIONS_NOT_WITH_ONESELF, no_such_user};
use kith_rules::social_graph::{
    FOLLOWS_FOLLOWED_ID_FKEY, FOLLOWS_FOLLOWER_ID_FKEY, FOLLOWS_NO_SELF_FOLLOW, FOLLOWS_PKEY,
    FRIEND_REQUESTS_FROM_USER_ID_FKEY, FRIEND_REQUESTS_NO_SELF_REQUEST, FRIEND_REQUESTS_NOT_FRIENDS,
    FRIEND_REQUESTS_PAIR_KEY, FRIEND_REQUESTS_TO_USER_ID_FKEY,
};
use kith_rules::{Rule, interaction_not_allowed};

/// What one user may want to do to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Follow,
    Befriend,
    Message,
    Like,
    Reply,
    Mention,
}

/// Who wants to do what to whom. The two may be the same user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interaction {
    pub(crate) actor_id: UserId,
    pub(crate) target_id: UserId,
    pub(crate) action: Action,
}

/// What is between two users, as far as it decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// `None` when there is no such user.
    pub(crate) actor_active: Option<bool>,
    /// `None` when there is no such user.
    pub(crate) target_active: Option<bool>,
    /// In either direction.
    pub(crate) is_blocked: bool,
    /// The actor follows the target.
    pub(crate) follows: bool,
    pub(crate) are_friends: bool,
    /// A request of the actor's to the target is open.
    pub(crate) has_asked: bool,
    /// A request of the target's to the actor is open.
    pub(crate) was_asked: bool,
    /// How long the actor cannot ask again, since the target declined.
    pub(crate) declined_for: Option<Duration>,
    /// How many requests of the actor's are open, at most as many as there may be.
    pub(crate) sent_requests: u32,
    /// Whose messages the target accepts.
    pub(crate) accepted_senders: AcceptedSenders,
}

/// Whose messages a user accepts. Messaging decides the same in the statement that sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AcceptedSenders {
    #[default]
    Everyone,
    /// Friends too.
    Followers,
    Friends,
}

impl AcceptedSenders {
    /// Of what messaging publishes. What a later version may publish lets in nobody else than the narrowest does.
    pub(crate) fn from_database(text: &str) -> Self {
        match text {
            "everyone" => Self::Everyone,
            "followers" => Self::Followers,
            _ => Self::Friends,
        }
    }
}

/// Why the interaction is refused, if it is.
pub(crate) fn decide(interaction: Interaction, facts: &Facts, max_open_requests: u32) -> Result<(), Failure> {
    let Interaction {
        actor_id,
        target_id,
        action,
    } = interaction;
    if actor_id == target_id {
        action.with_oneself()?;
    }
    if facts.actor_active.is_none() {
        return Err(action.missing(
            actor_id,
            target_id,
            &FOLLOWS_FOLLOWER_ID_FKEY,
            &FRIEND_REQUESTS_FROM_USER_ID_FKEY,
        ));
    }
    if facts.target_active.is_none() {
        return Err(action.missing(
            target_id,
            actor_id,
            &FOLLOWS_FOLLOWED_ID_FKEY,
            &FRIEND_REQUESTS_TO_USER_ID_FKEY,
        ));
    }
    action.existing(facts)?;
    for (id, active) in [(actor_id, facts.actor_active), (target_id, facts.target_active)] {
        if active == Some(false) {
            return Err(user_inactive(id));
        }
    }
    if facts.is_blocked {
        return Err(interaction_not_allowed());
    }
    match action {
        Action::Befriend => may_ask(actor_id, facts, max_open_requests),
        Action::Message => may_write(facts),
        _ => Ok(()),
    }
}

impl Action {
    fn with_oneself(self) -> Result<(), Failure> {
        match self {
            Action::Follow => Err(FOLLOWS_NO_SELF_FOLLOW.failure()),
            Action::Befriend => Err(FRIEND_REQUESTS_NO_SELF_REQUEST.failure()),
            Action::Message => Err(CONVERSATIONS_NOT_WITH_ONESELF.failure()),
            Action::Like | Action::Reply | Action::Mention => Ok(()),
        }
    }

    /// Why the user `id` cannot take part who is not there, and who is the actor or the target.
    fn missing(self, id: UserId, other: UserId, follow: &Rule, request: &Rule) -> Failure {
        match self {
            Action::Follow => follow.failure(),
            Action::Befriend => request.failure(),
            Action::Message => no_such_user(id, other).failure(),
            Action::Like | Action::Reply | Action::Mention => user_not_found(id),
        }
    }

    /// What is there already is told before anything else, so that a repetition meets it whatever came since.
    fn existing(self, facts: &Facts) -> Result<(), Failure> {
        match self {
            Action::Follow if facts.follows => Err(FOLLOWS_PKEY.failure()),
            Action::Befriend if facts.are_friends => Err(FRIEND_REQUESTS_NOT_FRIENDS.failure()),
            Action::Befriend if facts.has_asked => Err(FRIEND_REQUESTS_PAIR_KEY.failure()),
            _ => Ok(()),
        }
    }
}

/// Each setting lets in whom the narrower ones do.
fn may_write(facts: &Facts) -> Result<(), Failure> {
    let may = match facts.accepted_senders {
        AcceptedSenders::Everyone => true,
        AcceptedSenders::Followers => facts.follows || facts.are_friends,
        AcceptedSenders::Friends => facts.are_friends,
    };
    if may {
        Ok(())
    } else {
        Err(interaction_not_allowed())
    }
}

/// Who was asked need not ask: the two become friends.
fn may_ask(actor_id: UserId, facts: &Facts, max_open_requests: u32) -> Result<(), Failure> {
    if facts.was_asked {
        return Ok(());
    }
    if let Some(remaining) = facts.declined_for {
        let failure = Failure::new(
            Reason::FriendRequestDeclined,
            "this user declined a request and cannot be asked again yet",
        );
        return Err(failure.with_retry_after(remaining));
    }
    if facts.sent_requests >= max_open_requests {
        let failure = Failure::new(
            Reason::FriendRequestsExhausted,
            "too many friend requests are open; cancel some, or wait for answers",
        );
        let quota = format!("at most {max_open_requests} open friend requests of one user");
        return Err(failure.with_quota(format!("users/{actor_id}"), quota));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIONS: [Action; 6] = [
        Action::Follow,
        Action::Befriend,
        Action::Message,
        Action::Like,
        Action::Reply,
        Action::Mention,
    ];

    /// Two active users with nothing between them.
    fn strangers() -> Facts {
        Facts {
            actor_active: Some(true),
            target_active: Some(true),
            ..Facts::default()
        }
    }

    fn between(actor_id: i64, target_id: i64, action: Action, facts: &Facts) -> Option<Reason> {
        let interaction = Interaction {
            actor_id: UserId::from_database(actor_id),
            target_id: UserId::from_database(target_id),
            action,
        };
        decide(interaction, facts, 2)
            .err()
            .map(|failure| failure.reason())
    }

    /// For each action in turn.
    fn reasons(facts: &Facts) -> [Option<Reason>; 6] {
        ACTIONS.map(|action| between(1, 2, action, facts))
    }

    #[test]
    fn strangers_may_do_everything() {
        assert_eq!(reasons(&strangers()), [None; 6]);
    }

    #[test]
    fn a_block_forbids_everything_and_says_nothing() {
        let facts = Facts {
            is_blocked: true,
            ..strangers()
        };
        assert_eq!(reasons(&facts), [Some(Reason::InteractionNotAllowed); 6]);
    }

    #[test]
    fn a_deactivated_user_takes_part_in_nothing() {
        let (actor, target) = (
            Facts {
                actor_active: Some(false),
                ..strangers()
            },
            Facts {
                target_active: Some(false),
                is_blocked: true,
                ..strangers()
            },
        );
        assert_eq!(reasons(&actor), [Some(Reason::UserInactive); 6]);
        assert_eq!(reasons(&target), [Some(Reason::UserInactive); 6]);
    }

    #[test]
    fn a_user_who_is_not_there_is_not_found() {
        for facts in [
            Facts::default(),
            Facts {
                target_active: None,
                ..strangers()
            },
        ] {
            assert_eq!(reasons(&facts), [Some(Reason::UserNotFound); 6]);
        }
    }

    #[test]
    fn with_oneself_one_can_like_reply_and_mention() {
        let reasons = ACTIONS.map(|action| between(1, 1, action, &strangers()));
        let [follow, befriend, message] = [Reason::SelfFollow, Reason::SelfBefriend, Reason::SelfMessage];
        assert_eq!(
            reasons,
            [Some(follow), Some(befriend), Some(message), None, None, None]
        );
    }

    #[test]
    fn what_is_there_already_is_told_first() {
        let facts = Facts {
            follows: true,
            are_friends: true,
            target_active: Some(false),
            ..strangers()
        };
        assert_eq!(
            reasons(&facts)[..3],
            [
                Some(Reason::FollowExists),
                Some(Reason::FriendshipExists),
                Some(Reason::UserInactive)
            ]
        );
        let asked = Facts {
            has_asked: true,
            ..strangers()
        };
        assert_eq!(reasons(&asked)[1], Some(Reason::FriendRequestExists));
    }

    #[test]
    fn a_setting_lets_in_some_and_each_those_of_the_narrower_ones() {
        use AcceptedSenders::{Everyone, Followers, Friends};
        let may = |accepted_senders, follows, are_friends| {
            let facts = Facts {
                accepted_senders,
                follows,
                are_friends,
                ..strangers()
            };
            between(1, 2, Action::Message, &facts).is_none()
        };
        let of = |senders| {
            [
                may(senders, false, false),
                may(senders, true, false),
                may(senders, false, true),
            ]
        };
        assert_eq!(of(Everyone), [true, true, true]);
        assert_eq!(of(Followers), [false, true, true]);
        assert_eq!(of(Friends), [false, false, true]);
        assert_eq!(AcceptedSenders::from_database("nobody"), Friends);
    }

    #[test]
    fn a_decline_and_the_limit_keep_one_from_asking_but_not_from_answering() {
        let mut facts = Facts {
            declined_for: Some(Duration::from_secs(1)),
            sent_requests: 2,
            ..strangers()
        };
        assert_eq!(
            between(1, 2, Action::Befriend, &facts),
            Some(Reason::FriendRequestDeclined)
        );
        facts.declined_for = None;
        assert_eq!(
            between(1, 2, Action::Befriend, &facts),
            Some(Reason::FriendRequestsExhausted)
        );
        facts.was_asked = true;
        assert_eq!(reasons(&facts), [None; 6]);
    }
}
