//! The life of a signing key: published, active, retired, removed.

use chrono::{DateTime, TimeDelta, Utc};
use kith_primitives::{Cursor, Position};

/// How long a key is published before a rotation may have it sign. Services ask for keys every 60 s at the least, so
/// that each knows it by then, even if one fetch fails.
const PUBLISHED_AHEAD: TimeDelta = TimeDelta::minutes(2);

/// How long after a key was retired the last token that it signed has ended: services' tokens live 60 minutes, and a
/// replica may sign with it a few seconds longer, until it learns that another key is active.
const TOKENS_END_AFTER: TimeDelta = TimeDelta::minutes(61);

/// Where a key stands in its life, in the order of their list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    /// Signs now.
    Active,
    /// Verifies already, and will sign later.
    Published,
    /// Verifies what it signed.
    Retired,
    /// Is trusted by nobody, for ever.
    Removed,
}

/// A key as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownKey {
    pub(crate) key_id: String,
    pub(crate) public_key: Vec<u8>,
    pub(crate) published_at: DateTime<Utc>,
    pub(crate) activated_at: Option<DateTime<Utc>>,
    pub(crate) retired_at: Option<DateTime<Utc>>,
    pub(crate) removed_at: Option<DateTime<Utc>>,
    /// When this was read, by the clock that the other times are from.
    pub(crate) seen_at: DateTime<Utc>,
}

impl KnownKey {
    pub(crate) fn state(&self) -> KeyState {
        if self.removed_at.is_some() {
            KeyState::Removed
        } else if self.retired_at.is_some() {
            KeyState::Retired
        } else if self.activated_at.is_some() {
            KeyState::Active
        } else {
            KeyState::Published
        }
    }

    /// How long a published key must wait until a rotation may have it sign; `None` when it need not.
    pub(crate) fn ready_in(&self) -> Option<TimeDelta> {
        time_left(self.published_at + PUBLISHED_AHEAD - self.seen_at)
    }

    /// How long tokens of a retired key may live on; `None` when all have ended.
    pub(crate) fn tokens_end_in(&self) -> Option<TimeDelta> {
        let retired_at = self.retired_at?;
        time_left(retired_at + TOKENS_END_AFTER - self.seen_at)
    }

    /// Its place in the list of keys.
    pub(crate) fn cursor(&self) -> KeyCursor {
        KeyCursor {
            place: Cursor {
                created_at_micros: self.published_at.timestamp_micros(),
                key: self.state() as i64,
            },
            key_id: self.key_id.clone(),
        }
    }
}

fn time_left(time: TimeDelta) -> Option<TimeDelta> {
    (time > TimeDelta::zero()).then_some(time)
}

/// The key that signs.
pub(crate) fn active_key(keys: &[KnownKey]) -> Option<&KnownKey> {
    keys.iter().find(|key| key.state() == KeyState::Active)
}

/// The key whose turn it is to sign: the one that was published first, of those whose private half is among `held`.
///
/// A key that nobody can sign with, because it was mounted once and is no more, must not become the active one.
pub(crate) fn next_key<'a>(keys: &'a [KnownKey], held: &[String]) -> Option<&'a KnownKey> {
    keys.iter()
        .filter(|key| key.state() == KeyState::Published && held.contains(&key.key_id))
        .min_by_key(|key| (key.published_at, &key.key_id))
}

/// The place of a key in a list that is ordered by state, then by time of publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyCursor {
    /// When it was published, and its [`KeyState`].
    pub(crate) place: Cursor,
    /// Breaks ties.
    pub(crate) key_id: String,
}

impl Position for KeyCursor {
    fn to_bytes(&self) -> Vec<u8> {
        [&self.place.to_bytes(), self.key_id.as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (place, key_id) = bytes.split_at_checked(16)?;
        // PostgreSQL would refuse a NUL with an error.
        let key_id = String::from_utf8(key_id.to_vec())
            .ok()
            .filter(|key_id| !key_id.contains('\0'))?;
        Some(Self {
            place: Cursor::from_bytes(place)?,
            key_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn published(key_id: &str, minute: i64) -> KnownKey {
        KnownKey {
            key_id: key_id.to_owned(),
            public_key: vec![0; 32],
            published_at: at(minute),
            activated_at: None,
            retired_at: None,
            removed_at: None,
            seen_at: at(100),
        }
    }

    #[test]
    fn the_times_tell_the_state() {
        let mut key = published("a", 0);
        assert_eq!(key.state(), KeyState::Published);
        key.activated_at = Some(at(1));
        assert_eq!(key.state(), KeyState::Active);
        key.retired_at = Some(at(2));
        assert_eq!(key.state(), KeyState::Retired);
        key.removed_at = Some(at(3));
        assert_eq!(key.state(), KeyState::Removed);
    }

    #[test]
    fn a_key_is_ready_two_minutes_after_it_was_published() {
        assert_eq!(published("a", 98).ready_in(), None);
        assert_eq!(published("a", 99).ready_in(), Some(TimeDelta::minutes(1)));
    }

    #[test]
    fn the_tokens_of_a_retired_key_have_all_ended_61_minutes_later() {
        let retired = |minute| KnownKey {
            retired_at: Some(at(minute)),
            ..published("a", 0)
        };
        assert_eq!(retired(39).tokens_end_in(), None);
        assert_eq!(retired(40).tokens_end_in(), Some(TimeDelta::minutes(1)));
    }

    // Control: `next_key` without its look at what is held; `lost` was next.
    #[test]
    fn the_oldest_published_key_is_next_that_somebody_can_sign_with() {
        let active = KnownKey {
            activated_at: Some(at(0)),
            ..published("active", 0)
        };
        let keys = [
            published("new", 3),
            published("lost", 1),
            active,
            published("old", 2),
        ];
        let held = ["new", "old", "active"].map(str::to_owned);
        assert_eq!(next_key(&keys, &held).map(|key| key.key_id.as_str()), Some("old"));
        assert_eq!(active_key(&keys).map(|key| key.key_id.as_str()), Some("active"));
        assert_eq!(next_key(&keys, &[]), None);
    }

    #[test]
    fn a_cursor_comes_back_and_what_is_none_does_not() {
        let cursor = published("a", 1).cursor();
        assert_eq!(KeyCursor::from_bytes(&cursor.to_bytes()), Some(cursor));
        for bad in [&[0; 15][..], &[0; 17], &[0xff; 17]] {
            assert_eq!(KeyCursor::from_bytes(bad), None);
        }
    }
}
