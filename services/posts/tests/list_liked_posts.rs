use crate::reactions::{Reaction, tests_of};

tests_of!(
    listing_posts,
    Reaction::Like,
    [
        the_newest_comes_first_with_the_post_as_the_caller_sees_it,
        pages_of_every_size_give_each_once_in_order,
        a_page_has_fifty_when_nothing_is_said_and_a_hundred_at_most,
        posts_by_users_whom_the_caller_blocks_are_left_out,
        the_list_of_a_user_whom_the_caller_blocks_is_empty,
        a_user_without_any_has_an_empty_page_and_an_unknown_one_has_none,
        a_token_belongs_to_its_user_and_its_method,
        every_broken_rule_is_told_at_once_in_field_order,
    ]
);
