//! Ids: `bigint` in the database, `int64` on the wire, a type of their own in Rust.

use std::fmt;

use crate::{Invalid, Reason};

/// An id on the wire that no row can have: 0 (unset) or below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdInvalid;

impl From<IdInvalid> for Invalid {
    fn from(IdInvalid: IdInvalid) -> Self {
        Invalid::new(Reason::IdInvalid, "must be greater than 0")
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// Takes an id from the wire.
            ///
            /// # Errors
            /// [`IdInvalid`] when it is 0 or below.
            pub const fn parse(id: i64) -> Result<Self, IdInvalid> {
                if id > 0 { Ok(Self(id)) } else { Err(IdInvalid) }
            }

            /// Takes an id that the database gave out.
            pub const fn from_database(id: i64) -> Self {
                Self(id)
            }

            /// The number, for the wire and the database.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// A user of `identity.users`.
    UserId
}
id! {
    /// A sign-in of `identity.sessions`.
    SessionId
}
id! {
    /// A request of `social_graph.friend_requests`.
    FriendRequestId
}
id! {
    /// An internal service's account.
    ServiceId
}
id! {
    /// A post of `posts.posts`.
    PostId
}
id! {
    /// A conversation of `messaging.conversations`.
    ConversationId
}
id! {
    /// A message of `messaging.messages`.
    MessageId
}
