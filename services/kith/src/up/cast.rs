//! Who plays in the calls to paste: nobody who is there already is registered again, nobody who is not is followed.

use kith_contracts::identity::v1::User;
use kith_contracts::identity::v1::user_key::Key;
use kith_rpc::process::AnyError;

use crate::local::Local;

/// The names that newcomers get, the first that is free.
const NAMES: [&str; 8] = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"];
/// The id of the first user of a database.
const FIRST: i64 = 1;

/// Who follows whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cast {
    /// To be registered, in this order.
    pub(super) newcomers: Vec<&'static str>,
    /// Who calls, with a token.
    pub(super) caller: &'static str,
    /// Who is followed.
    pub(super) followed: i64,
}

impl Cast {
    /// The cast for the database as it is.
    pub(crate) async fn of(local: &Local) -> Result<Self, AnyError> {
        let names = NAMES.iter().map(|name| Key::Username((*name).to_owned()));
        let users = local.users(names.chain([Key::UserId(FIRST)]).collect()).await?;
        Ok(Self::among(&users))
    }

    /// `users` answers [`NAMES`] and, last, [`FIRST`].
    fn among(users: &[Option<User>]) -> Self {
        let followed = users.iter().flatten().next();
        let free = NAMES
            .iter()
            .zip(users)
            .filter(|(_, user)| user.is_none())
            .map(|(name, _)| *name);
        // On an empty database, the first who is registered is the one to follow.
        let newcomers: Vec<_> = free.take(if followed.is_none() { 2 } else { 1 }).collect();
        Self {
            caller: newcomers.last().copied().unwrap_or(NAMES[1]),
            followed: followed.map_or(FIRST, |user| user.id),
            newcomers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cast where the users with these ids have the first names, in order; 0 is nobody.
    fn cast(ids: [i64; 8], first_exists: bool) -> (Vec<&'static str>, &'static str, i64) {
        let user = |id| {
            (id > 0).then(|| User {
                id,
                ..Default::default()
            })
        };
        let users: Vec<_> = ids
            .map(user)
            .into_iter()
            .chain([user(i64::from(first_exists))])
            .collect();
        let Cast {
            newcomers,
            caller,
            followed,
        } = Cast::among(&users);
        (newcomers, caller, followed)
    }

    #[test]
    fn on_an_empty_database_the_second_follows_the_first() {
        assert_eq!(cast([0; 8], false), (vec!["alice", "bob"], "bob", 1));
    }

    #[test]
    fn a_name_that_is_taken_is_not_registered_again() {
        assert_eq!(cast([1, 2, 0, 0, 0, 0, 0, 0], true), (vec!["carol"], "carol", 1));
    }

    #[test]
    fn in_an_imported_graph_somebody_who_is_there_is_followed() {
        assert_eq!(cast([0; 8], true), (vec!["alice"], "alice", 1));
        assert_eq!(cast([0, 9, 0, 0, 0, 0, 0, 0], false), (vec!["alice"], "alice", 9));
    }

    #[test]
    fn when_every_name_is_taken_nobody_is_registered() {
        assert_eq!(cast([1, 2, 3, 4, 5, 6, 7, 8], true), (vec![], "bob", 1));
    }
}
