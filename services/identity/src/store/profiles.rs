use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, OptionalRow, run};
use kith_primitives::{Etag, Failure, UserId};
use kith_rules::identity::user_not_found;
use kith_schema::tables::identity::profiles;

use super::users::not_owned;
use crate::domain::ProfileChange;

/// A profile.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = profiles, check_for_backend(diesel::pg::Pg))]
pub(crate) struct ProfileRow {
    pub(crate) user_id: i64,
    pub(crate) bio: String,
    pub(crate) avatar_url: String,
    pub(crate) location: String,
    pub(crate) website_url: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) version: i64,
}

impl ProfileRow {
    /// The profile after `change`, but for time and version, which the database gives.
    fn with(&self, change: &ProfileChange) -> Self {
        let mut row = self.clone();
        let set = |field: &mut String, value: Option<&String>| {
            if let Some(value) = value {
                field.clone_from(value);
            }
        };
        set(&mut row.bio, change.bio.as_ref().map(|bio| &bio.0));
        set(&mut row.avatar_url, change.avatar_url.as_ref().map(|url| &url.0));
        set(
            &mut row.location,
            change.location.as_ref().map(|location| &location.0),
        );
        set(
            &mut row.website_url,
            change.website_url.as_ref().map(|url| &url.0),
        );
        row
    }
}

/// One user's profile.
pub(crate) async fn profile_find(database: &Database, user_id: UserId) -> Result<ProfileRow, Failure> {
    let row = database
        .read(async |conn: &mut Connection| {
            let query = profiles::table
                .find(user_id.get())
                .select(ProfileRow::as_select());
            Ok(run("profile_find", query.first(conn)).await.optional()?)
        })
        .await?;
    row.ok_or_else(|| user_not_found(user_id))
}

/// Changes the profile of `user_id` if it is `owner`'s, and answers it as it is then.
pub(crate) async fn profile_update(
    database: &Database,
    user_id: UserId,
    owner: UserId,
    change: &ProfileChange,
) -> Result<ProfileRow, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            let own = profiles::table
                .find(user_id.get())
                .filter(profiles::user_id.eq(owner.get()));
            let lock = own.select(ProfileRow::as_select()).for_update();
            let Some(row) = run("profile_lock", lock.first(conn)).await.optional()? else {
                return Err(not_owned(conn, user_id).await?.into());
            };
            if change.etag.is_some_and(|etag| etag.version() != row.version) {
                return Err(Etag::mismatch().into());
            }
            profile_set_in_txn(conn, row, change).await
        })
        .await
}

/// Writes only what really changes: time and version stand still otherwise. The time is that of the write and not of the
/// transaction, which may have waited for another.
async fn profile_set_in_txn(
    conn: &mut Connection,
    row: ProfileRow,
    change: &ProfileChange,
) -> Result<ProfileRow, Abort> {
    let wanted = row.with(change);
    if wanted == row {
        return Ok(row);
    }
    let update = diesel::update(profiles::table.find(row.user_id))
        .set((
            profiles::bio.eq(&wanted.bio),
            profiles::avatar_url.eq(&wanted.avatar_url),
            profiles::location.eq(&wanted.location),
            profiles::website_url.eq(&wanted.website_url),
            profiles::updated_at.eq(sql::<Timestamptz>("clock_timestamp()")),
            profiles::version.eq(profiles::version + 1),
        ))
        .returning(ProfileRow::as_returning());
    Ok(run("profile_update", update.get_result(conn)).await?)
}
