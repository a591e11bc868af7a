//! What users do, at random.

use kith_contracts::messaging::v1::AcceptedSenders;
use proptest::prelude::{Strategy, any};
use proptest::prop_oneof;
use proptest::sample::Index;
use proptest::strategy::Just;

pub(super) const PEOPLE: usize = 3;
/// How many steps a case has at most.
const STEPS: usize = 40;

/// What somebody does. A message, or a conversation, is picked from all that ever were, other people's too.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Send { from: usize, to: usize },
    Edit { by: usize, message: Index, content: u8 },
    Delete { by: usize, message: Index },
    Hide { by: usize, message: Index },
    Mark { by: usize, message: Index },
    MarkAll { by: usize, conversation: Option<Index> },
    Block { by: usize, who: usize },
    Unblock { by: usize, who: usize },
    Follow { by: usize, who: usize },
    Befriend { by: usize, who: usize },
    Set { by: usize, senders: AcceptedSenders },
    DeleteUser { who: usize },
}

/// Random steps. Messages are sent often enough for the others to mean something.
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let person = || 0..PEOPLE;
    let two = || (person(), 1..PEOPLE).prop_map(|(one, ahead)| (one, (one + ahead) % PEOPLE));
    let message = || (person(), any::<Index>());
    let senders = prop_oneof![
        Just(AcceptedSenders::Everyone),
        Just(AcceptedSenders::Followers),
        Just(AcceptedSenders::Friends),
    ];
    let step = prop_oneof![
        40 => two().prop_map(|(from, to)| Step::Send { from, to }),
        10 => (message(), 0..3_u8).prop_map(|((by, message), content)| Step::Edit { by, message, content }),
        8 => message().prop_map(|(by, message)| Step::Delete { by, message }),
        8 => message().prop_map(|(by, message)| Step::Hide { by, message }),
        16 => message().prop_map(|(by, message)| Step::Mark { by, message }),
        6 => (person(), proptest::option::of(any::<Index>()))
            .prop_map(|(by, conversation)| Step::MarkAll { by, conversation }),
        3 => two().prop_map(|(by, who)| Step::Block { by, who }),
        4 => two().prop_map(|(by, who)| Step::Unblock { by, who }),
        2 => two().prop_map(|(by, who)| Step::Follow { by, who }),
        2 => two().prop_map(|(by, who)| Step::Befriend { by, who }),
        3 => (person(), senders).prop_map(|(by, senders)| Step::Set { by, senders }),
        1 => person().prop_map(|who| Step::DeleteUser { who }),
    ];
    proptest::collection::vec(step, 1..=STEPS)
}
