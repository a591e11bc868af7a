/// What a user does to a post, at most once to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    Like,
    Share,
}
