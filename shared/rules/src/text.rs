//! Parsers of texts, each with the rule that the database holds for the same column.

use kith_primitives::{Invalid, char_count, refuse_nul};
use url::Url;

use crate::Rule;

/// Takes a text that may be empty and has at most `max` characters.
///
/// # Errors
/// [`Invalid`] with a NUL character, or by `length` when it is longer.
pub fn bounded(text: &str, max: usize, length: &Rule) -> Result<String, Invalid> {
    refuse_nul(text)?;
    if char_count(text) > max {
        return Err(length.invalid());
    }
    Ok(text.to_owned())
}

/// Takes a text of 1 to `max` characters that are not all white space: the 25 characters with Unicode's White_Space
/// property, which the database lists.
///
/// # Errors
/// [`Invalid`] as [`bounded`], or by `not_blank`.
pub fn not_blank(text: &str, max: usize, length: &Rule, not_blank: &Rule) -> Result<String, Invalid> {
    let text = bounded(text, max, length)?;
    if text.chars().all(char::is_whitespace) {
        return Err(not_blank.invalid());
    }
    Ok(text)
}

/// Takes an http or https URL of at most `max` characters as it was typed, or an empty text.
///
/// The library repairs what a browser would: a leading space, `https:example.org`, a line break in the middle. The text is
/// kept as it was typed, so nothing in it may need a repair.
///
/// # Errors
/// [`Invalid`] as [`bounded`], or by `scheme`.
pub fn web_url(text: &str, max: usize, length: &Rule, scheme: &Rule) -> Result<String, Invalid> {
    let text = bounded(text, max, length)?;
    if text.is_empty() || (is_typed_whole(&text) && Url::parse(&text).is_ok_and(|url| url.has_host())) {
        Ok(text)
    } else {
        Err(scheme.invalid())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{PROFILES_WEBSITE_URL_LENGTH, PROFILES_WEBSITE_URL_SCHEME};
    use crate::posts::{POSTS_CONTENT_LENGTH, POSTS_CONTENT_NOT_BLANK};

    #[test]
    fn a_url_is_http_or_https_with_a_host() {
        let parse = |text| {
            web_url(
                text,
                200,
                &PROFILES_WEBSITE_URL_LENGTH,
                &PROFILES_WEBSITE_URL_SCHEME,
            )
        };
        for text in [
            "",
            "http://a",
            "HTTPS://a.example/ä?q#f",
            "https://user@[::1]:8080/",
        ] {
            assert!(parse(text).is_ok(), "{text}");
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
            let broken = parse(text).map_err(|invalid| invalid.constraint);
            assert_eq!(
                broken,
                Err(Some("identity_profiles_website_url_scheme")),
                "{text}"
            );
        }
    }

    #[test]
    fn white_space_alone_is_blank_whatever_its_kind_and_length() {
        let parse = |text: &str| {
            not_blank(text, 30, &POSTS_CONTENT_LENGTH, &POSTS_CONTENT_NOT_BLANK)
                .map_err(|invalid| invalid.constraint)
        };
        let spaces: String = (0..=char::MAX as u32)
            .filter_map(char::from_u32)
            .filter(|character| character.is_whitespace())
            .collect();
        assert_eq!(char_count(&spaces), 25);
        for blank in ["", " ", &spaces] {
            assert_eq!(parse(blank), Err(Some("posts_posts_content_not_blank")));
        }
        // U+200B is no white space by Unicode's property, nor for the database.
        for good in ["x", " x ", "\u{200b}", &"\u{1f600}".repeat(30)] {
            assert_eq!(parse(good).as_deref(), Ok(good));
        }
        assert_eq!(parse(&" ".repeat(31)), Err(Some("posts_posts_content_length")));
    }
}
