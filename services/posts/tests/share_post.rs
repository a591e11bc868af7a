use crate::reactions::{Reaction, tests_of};

tests_of!(
    making,
    Reaction::Share,
    [
        it_is_answered_and_counted_and_seen,
        authors_may_too,
        a_repetition_exists_already_unless_it_is_allowed,
        what_is_there_is_told_before_any_policy,
        a_block_in_either_direction_forbids_it,
        nobody_who_is_deactivated_does_it_or_has_it_done,
        what_is_missing_is_named,
        an_id_is_greater_than_zero,
        of_many_at_once_one_makes_it,
        one_that_comes_in_between_is_found,
        a_post_or_user_that_goes_meanwhile_is_missed_as_one_that_never_was,
    ]
);
