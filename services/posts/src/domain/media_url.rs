use kith_primitives::Invalid;
use kith_rules::posts::{MEDIA_URL_MAX, POSTS_MEDIA_URL_LENGTH, POSTS_MEDIA_URL_SCHEME};
use kith_rules::text::web_url;

/// The http or https URL that a post shows, as it was typed; empty for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MediaUrl(String);

impl MediaUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        web_url(
            text,
            MEDIA_URL_MAX,
            &POSTS_MEDIA_URL_LENGTH,
            &POSTS_MEDIA_URL_SCHEME,
        )
        .map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
