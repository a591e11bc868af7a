use kith_contracts::identity::v1::{Account, Profile, User};
use kith_primitives::Etag;
use kith_rpc::timestamp;

use crate::store::{AccountRow, ProfileRow, UserRow};

pub(super) fn user(row: UserRow) -> User {
    User {
        id: row.id,
        username: row.username,
        first_name: row.first_name,
        last_name: row.last_name,
        date_joined: Some(timestamp(row.date_joined)),
        is_active: row.is_active,
    }
}

pub(super) fn account(row: AccountRow) -> Account {
    Account {
        user: Some(user(row.user)),
        email: row.email.unwrap_or_default(),
        update_time: Some(timestamp(row.updated_at)),
        etag: Etag::of_version(row.version).to_wire(),
    }
}

pub(super) fn profile(row: ProfileRow) -> Profile {
    Profile {
        user_id: row.user_id,
        bio: Some(row.bio),
        avatar_url: Some(row.avatar_url),
        location: Some(row.location),
        website_url: Some(row.website_url),
        create_time: Some(timestamp(row.created_at)),
        update_time: Some(timestamp(row.updated_at)),
        etag: Etag::of_version(row.version).to_wire(),
    }
}
