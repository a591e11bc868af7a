use kith_primitives::{Etag, Invalid};
use kith_rules::identity::{
    AVATAR_URL_MAX, BIO_MAX, LOCATION_MAX, PROFILES_AVATAR_URL_LENGTH, PROFILES_AVATAR_URL_SCHEME,
    PROFILES_BIO_LENGTH, PROFILES_LOCATION_LENGTH, PROFILES_WEBSITE_URL_LENGTH, PROFILES_WEBSITE_URL_SCHEME,
    WEBSITE_URL_MAX,
};
use kith_rules::text::{bounded, web_url};

/// What a user writes about itself; may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bio(pub(crate) String);

impl Bio {
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        bounded(text, BIO_MAX, &PROFILES_BIO_LENGTH).map(Self)
    }
}

/// Where a user says to be; may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location(pub(crate) String);

impl Location {
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        bounded(text, LOCATION_MAX, &PROFILES_LOCATION_LENGTH).map(Self)
    }
}

/// An http or https URL as it was typed; may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebUrl(pub(crate) String);

impl WebUrl {
    pub(crate) fn parse_avatar(text: &str) -> Result<Self, Invalid> {
        web_url(
            text,
            AVATAR_URL_MAX,
            &PROFILES_AVATAR_URL_LENGTH,
            &PROFILES_AVATAR_URL_SCHEME,
        )
        .map(Self)
    }

    pub(crate) fn parse_website(text: &str) -> Result<Self, Invalid> {
        web_url(
            text,
            WEBSITE_URL_MAX,
            &PROFILES_WEBSITE_URL_LENGTH,
            &PROFILES_WEBSITE_URL_SCHEME,
        )
        .map(Self)
    }
}

/// A change of a profile: what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProfileChange {
    pub(crate) bio: Option<Bio>,
    pub(crate) avatar_url: Option<WebUrl>,
    pub(crate) location: Option<Location>,
    pub(crate) website_url: Option<WebUrl>,
    /// The version that the change was decided on; `None` for any.
    pub(crate) etag: Option<Etag>,
}
