use crate::reactions::{Reaction, tests_of};

tests_of!(
    undoing,
    Reaction::Like,
    [
        it_is_answered_as_it_was_and_gone,
        only_the_callers_own_ends,
        one_that_is_not_there_is_named,
        with_allow_missing_a_repeat_is_a_success_without_it,
        neither_blocks_nor_deactivation_keep_it,
        an_id_is_greater_than_zero,
        a_post_that_goes_meanwhile_has_taken_it_along,
        a_deletion_of_the_post_waits_for_it,
        without_the_posts_lock_a_deletion_and_it_wait_for_each_other,
    ]
);
