use kith_primitives::{Etag, Invalid};
use kith_rules::Rule;
use kith_rules::identity::{
    AVATAR_URL_MAX, BIO_MAX, LOCATION_MAX, PROFILES_AVATAR_URL_LENGTH, PROFILES_AVATAR_URL_SCHEME,
    PROFILES_BIO_LENGTH, PROFILES_LOCATION_LENGTH, PROFILES_WEBSITE_URL_LENGTH, PROFILES_WEBSITE_URL_SCHEME,
    WEBSITE_URL_MAX,
};
use url::Url;

use super::text::bounded;

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
        Self::parse(
            text,
            AVATAR_URL_MAX,
            &PROFILES_AVATAR_URL_LENGTH,
            &PROFILES_AVATAR_URL_SCHEME,
        )
    }

    pub(crate) fn parse_website(text: &str) -> Result<Self, Invalid> {
        Self::parse(
            text,
            WEBSITE_URL_MAX,
            &PROFILES_WEBSITE_URL_LENGTH,
            &PROFILES_WEBSITE_URL_SCHEME,
        )
    }

    /// The library repairs what a browser would: a leading space, `https:example.org`, a line break in the middle. The
    /// text is kept as it was typed, so nothing in it may need a repair.
    fn parse(text: &str, max: usize, length: &Rule, scheme: &Rule) -> Result<Self, Invalid> {
        let text = bounded(text, max, length)?;
        if text.is_empty() || (is_typed_whole(&text) && Url::parse(&text).is_ok_and(|url| url.has_host())) {
            Ok(Self(text))
        } else {
            Err(scheme.invalid())
        }
    }
}

/// Whether a URL begins with http:// or https:// and a host, and has no space, control character or backslash; the
/// database asks for the same.
fn is_typed_whole(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let rest = lower
        .strip_prefix("https://")
        .or_else(|| lower.strip_prefix("http://"));
    let forbidden = |character: char| character <= ' ' || matches!(character, '\u{7f}' | '\\');
    rest.is_some_and(|rest| {
        !rest.starts_with(['/', '?', '#']) && !rest.is_empty() && !rest.contains(forbidden)
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_http_or_https_with_a_host() {
        for text in [
            "",
            "http://a",
            "HTTPS://a.example/ä?q#f",
            "https://user@[::1]:8080/",
        ] {
            assert!(WebUrl::parse_website(text).is_ok(), "{text}");
        }
        for text in [
            "a",
            "ftp://a",
            "https:a",
            " https://a",
            "https://",
            "https://a b/",
            "javascript:alert(1)",
            "http://[",
            "//a",
            "https:///a",
            "https://a/\nb",
            "https://a\t.b",
            "https://a\\b",
        ] {
            let broken = WebUrl::parse_website(text).map_err(|invalid| invalid.constraint);
            assert_eq!(
                broken,
                Err(Some("identity_profiles_website_url_scheme")),
                "{text}"
            );
        }
    }
}
