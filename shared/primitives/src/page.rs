//! Pages by keyset (AIP-158).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::{Invalid, Reason, Violations};

/// A place in a list, as a page token holds it.
pub trait Position: Sized {
    /// The bytes in the token.
    fn to_bytes(&self) -> Vec<u8>;

    /// Reads them back; `None` when they are not of this form. Anybody can make up a token, so no form is certain.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

/// The place of a row in a list that is ordered by (created_at, key), newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Microseconds since the Unix epoch, PostgreSQL's own resolution, so that nothing is rounded.
    pub created_at_micros: i64,
    /// The id that breaks ties.
    pub key: i64,
}

impl Position for Cursor {
    fn to_bytes(&self) -> Vec<u8> {
        [self.created_at_micros.to_be_bytes(), self.key.to_be_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (created_at, key) = bytes.split_at_checked(8)?;
        Some(Self {
            created_at_micros: i64::from_be_bytes(created_at.try_into().ok()?),
            key: i64::from_be_bytes(key.try_into().ok()?),
        })
    }
}

/// The place of a row in a list that is ordered by (name, key).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameCursor {
    /// The text that the list is ordered by, byte by byte.
    pub name: String,
    /// The id that breaks ties.
    pub key: i64,
}

impl Position for NameCursor {
    fn to_bytes(&self) -> Vec<u8> {
        [&self.key.to_be_bytes(), self.name.as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (key, name) = bytes.split_at_checked(8)?;
        // PostgreSQL would refuse a NUL with an error.
        let name = String::from_utf8(name.to_vec())
            .ok()
            .filter(|name| !name.contains('\0'))?;
        Some(Self {
            name,
            key: i64::from_be_bytes(key.try_into().ok()?),
        })
    }
}

/// The method and the arguments that a page token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageScope([u8; 32]);

impl PageScope {
    /// The list of `method` with all arguments that select rows, in the contract's order.
    pub fn new(method: &str, arguments: &[i64]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(method.as_bytes());
        for argument in arguments {
            hasher.update([0]);
            hasher.update(argument.to_be_bytes());
        }
        Self(hasher.finalize().into())
    }

    /// The list with a text among the arguments that select rows.
    #[must_use]
    pub fn with_text(&self, text: &str) -> Self {
        Self(
            Sha256::new()
                .chain_update(self.0)
                .chain_update(text)
                .finalize()
                .into(),
        )
    }

    /// 8 bytes that tie a position to this scope. There is no secret in it: a forged token reads nothing that
    /// the statement's own conditions would not give, so this guards against mistakes, not against attacks.
    fn checksum(&self, position: &[u8]) -> [u8; CHECKSUM_LEN] {
        let digest = Sha256::new()
            .chain_update(self.0)
            .chain_update(position)
            .finalize();
        let mut checksum = [0; CHECKSUM_LEN];
        checksum.copy_from_slice(&digest[..CHECKSUM_LEN]);
        checksum
    }

    /// The page token that leads to the rows after `position`.
    pub fn token(&self, position: &impl Position) -> String {
        let position = position.to_bytes();
        URL_SAFE_NO_PAD.encode([self.checksum(&position).as_slice(), &position].concat())
    }

    fn decode<P: Position>(&self, token: &str) -> Option<P> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (checksum, position) = bytes.split_at_checked(CHECKSUM_LEN)?;
        if checksum != self.checksum(position) {
            return None;
        }
        P::from_bytes(position)
    }
}

const CHECKSUM_LEN: usize = 8;

/// One page that a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<P = Cursor> {
    size: usize,
    after: Option<P>,
    scope: PageScope,
}

impl<P: Position> Page<P> {
    /// Rows in a page when the request does not say.
    pub const DEFAULT_SIZE: i32 = 50;
    /// The most rows in a page; larger wishes get this many.
    pub const MAX_SIZE: i32 = 100;

    /// Reads `page_size` and `page_token`; what is wrong goes to `violations`.
    pub fn parse(
        scope: PageScope,
        page_size: i32,
        page_token: &str,
        violations: &mut Violations,
    ) -> Option<Self> {
        let size = match page_size {
            0 => Ok(Self::DEFAULT_SIZE),
            size if size < 0 => Err(Invalid::new(Reason::PageSizeInvalid, "must not be negative")),
            size => Ok(size.min(Self::MAX_SIZE)),
        };
        let after = match page_token {
            "" => Ok(None),
            token => scope.decode(token).map(Some).ok_or_else(|| {
                Invalid::new(
                    Reason::PageTokenInvalid,
                    "must be a next_page_token of this method with the same arguments",
                )
            }),
        };
        let size = violations.check("page_size", size);
        let after = violations.check("page_token", after);
        Some(Self {
            size: usize::try_from(size?).unwrap_or_default(),
            after: after?,
            scope,
        })
    }

    /// How many rows the statement fetches: one more than the page has, to learn whether another page follows.
    pub fn limit(&self) -> i64 {
        i64::try_from(self.size).unwrap_or(i64::MAX - 1) + 1
    }

    /// Where the page starts; `None` for the first.
    pub fn after(&self) -> Option<&P> {
        self.after.as_ref()
    }

    /// The token of the page that begins after `position`, for a list that stops before it has found a page's rows.
    pub fn token(&self, position: &P) -> String {
        self.scope.token(position)
    }

    /// Cuts the surplus row off `rows` and answers the token of the next page, empty at the end.
    pub fn finish<T>(&self, rows: &mut Vec<T>, position: impl Fn(&T) -> P) -> String {
        if rows.len() <= self.size {
            return String::new();
        }
        rows.truncate(self.size);
        rows.last()
            .map_or_else(String::new, |last| self.token(&position(last)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURSOR: Cursor = Cursor {
        created_at_micros: 1_700_000_000_000_001,
        key: 7,
    };

    fn parse(scope: PageScope, size: i32, token: &str) -> Result<Page, Vec<String>> {
        let mut violations = Violations::new();
        Page::parse(scope, size, token, &mut violations).ok_or_else(|| {
            violations
                .into_failure()
                .violations()
                .iter()
                .map(|v| v.field.clone())
                .collect()
        })
    }

    #[test]
    fn a_token_leads_to_the_row_after_its_cursor() {
        let scope = PageScope::new("ListFollowers", &[1]);
        let page = parse(scope.clone(), 0, &scope.token(&CURSOR)).expect("a good token");
        assert_eq!((page.after(), page.limit()), (Some(&CURSOR), 51));
    }

    #[test]
    fn a_token_of_another_method_or_argument_is_refused() {
        let token = PageScope::new("ListFollowers", &[1]).token(&CURSOR);
        for scope in [
            PageScope::new("ListFollowing", &[1]),
            PageScope::new("ListFollowers", &[2]),
        ] {
            assert_eq!(parse(scope, 0, &token), Err(vec!["page_token".to_owned()]));
        }
    }

    #[test]
    fn a_token_with_one_changed_character_is_refused() {
        let scope = PageScope::new("ListFollowers", &[1]);
        let token = scope.token(&CURSOR);
        for index in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("still ASCII");
            assert!(parse(scope.clone(), 0, &changed).is_err(), "{changed}");
        }
    }

    #[test]
    fn page_sizes_are_defaulted_and_clamped_and_never_negative() {
        let scope = PageScope::new("ListFollowers", &[1]);
        let limit = |size| parse(scope.clone(), size, "").map(|page| page.limit());
        assert_eq!(
            (limit(0), limit(7), limit(100), limit(101)),
            (Ok(51), Ok(8), Ok(101), Ok(101))
        );
        assert_eq!(limit(-1), Err(vec!["page_size".to_owned()]));
    }

    #[test]
    fn what_is_wrong_with_size_and_token_is_told_together() {
        let scope = PageScope::new("ListFollowers", &[1]);
        let both = vec!["page_size".to_owned(), "page_token".to_owned()];
        assert_eq!(parse(scope, -1, "x"), Err(both));
    }

    #[test]
    fn the_last_page_has_no_next_token() {
        let page = parse(PageScope::new("ListFollowers", &[1]), 2, "").expect("no token");
        let mut rows = vec![3, 2];
        assert_eq!(
            page.finish(&mut rows, |key| Cursor {
                created_at_micros: 0,
                key: *key
            }),
            ""
        );
        let mut rows = vec![3, 2, 1];
        assert_ne!(
            page.finish(&mut rows, |key| Cursor {
                created_at_micros: 0,
                key: *key
            }),
            ""
        );
        assert_eq!(rows, [3, 2]);
    }
}
