//! Pages by keyset (AIP-158).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::{Invalid, Reason, Violations};

/// The place of a row in a list that is ordered by (created_at, key), newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Microseconds since the Unix epoch, PostgreSQL's own resolution, so that nothing is rounded.
    pub created_at_micros: i64,
    /// The id that breaks ties.
    pub key: i64,
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

    /// 8 bytes that tie a cursor to this scope. There is no secret in it: a forged token reads nothing that
    /// the statement's own conditions would not give, so this guards against mistakes, not against attacks.
    fn checksum(&self, cursor: &[u8]) -> [u8; 8] {
        let digest = Sha256::new().chain_update(self.0).chain_update(cursor).finalize();
        let mut checksum = [0; 8];
        checksum.copy_from_slice(&digest[..8]);
        checksum
    }

    fn encode(&self, cursor: Cursor) -> String {
        let mut token = [0_u8; 24];
        token[8..16].copy_from_slice(&cursor.created_at_micros.to_be_bytes());
        token[16..].copy_from_slice(&cursor.key.to_be_bytes());
        let checksum = self.checksum(&token[8..]);
        token[..8].copy_from_slice(&checksum);
        URL_SAFE_NO_PAD.encode(token)
    }

    fn decode(&self, token: &str) -> Option<Cursor> {
        let bytes: [u8; 24] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let (checksum, cursor) = bytes.split_at(8);
        if checksum != self.checksum(cursor) {
            return None;
        }
        let (created_at, key) = cursor.split_at(8);
        Some(Cursor {
            created_at_micros: i64::from_be_bytes(created_at.try_into().ok()?),
            key: i64::from_be_bytes(key.try_into().ok()?),
        })
    }
}

/// One page that a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    size: usize,
    after: Option<Cursor>,
    scope: PageScope,
}

impl Page {
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
    pub fn after(&self) -> Option<Cursor> {
        self.after
    }

    /// Cuts the surplus row off `rows` and answers the token of the next page, empty at the end.
    pub fn finish<T>(&self, rows: &mut Vec<T>, cursor: impl Fn(&T) -> Cursor) -> String {
        if rows.len() <= self.size {
            return String::new();
        }
        rows.truncate(self.size);
        rows.last()
            .map_or_else(String::new, |last| self.scope.encode(cursor(last)))
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
        let page = parse(scope.clone(), 0, &scope.encode(CURSOR)).expect("a good token");
        assert_eq!((page.after(), page.limit()), (Some(CURSOR), 51));
    }

    #[test]
    fn a_token_of_another_method_or_argument_is_refused() {
        let token = PageScope::new("ListFollowers", &[1]).encode(CURSOR);
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
        let token = scope.encode(CURSOR);
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
