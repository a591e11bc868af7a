use kith_primitives::Invalid;
use kith_rules::posts::{CONTENT_MAX, POSTS_CONTENT_LENGTH, POSTS_CONTENT_NOT_BLANK};
use kith_rules::text::not_blank;

/// What a post says, as it was typed: more than white space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content(String);

impl Content {
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        not_blank(text, CONTENT_MAX, &POSTS_CONTENT_LENGTH, &POSTS_CONTENT_NOT_BLANK).map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
