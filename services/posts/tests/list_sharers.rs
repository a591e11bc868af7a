use crate::reactions::{Reaction, tests_of};

tests_of!(
    listing,
    Reaction::Share,
    [
        the_newest_comes_first,
        pages_of_every_size_give_each_once_in_order,
        a_page_has_fifty_when_nothing_is_said_and_a_hundred_at_most,
        each_comes_once_while_new_ones_arrive_and_one_leaves,
        users_whom_the_caller_blocks_are_left_out,
        a_post_is_there_or_not_as_its_author_is_to_the_caller,
        a_token_belongs_to_its_post_and_its_method,
        every_broken_rule_is_told_at_once_in_field_order,
    ]
);
