use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, kept, run, sql_query};
use kith_primitives::Failure;
use kith_rules::identity::USERS_USERNAME_KEY;
use kith_schema::tables::identity::users;

use super::UserRow;
use super::users::USERNAME_KEY;
use crate::domain::{PersonName, Username};

/// An account to make, without password or email address.
#[derive(Clone, Debug)]
pub(crate) struct NewUser {
    pub(crate) username: Username,
    pub(crate) first_name: PersonName,
    pub(crate) last_name: PersonName,
}

/// A user that an import asked for.
#[derive(Clone, Debug)]
pub(crate) struct Imported {
    pub(crate) user: UserRow,
    /// Whether it was there before.
    pub(crate) existing: bool,
}

/// Sorted by the unique key: two imports that insert the same names in other orders would deadlock.
const IMPORT: &str = r#"
WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY
        AS item (username, first_name, last_name, place)
), made AS (
    INSERT INTO identity.users (username, first_name, last_name)
    SELECT username, first_name, last_name FROM wanted ORDER BY lower(username COLLATE "C"), place
    ON CONFLICT (lower(username COLLATE "C")) DO NOTHING
    RETURNING id, username, first_name, last_name, is_active, date_joined
), profiles AS (
    INSERT INTO identity.profiles (user_id) SELECT id FROM made ORDER BY id
)
SELECT id, username, first_name, last_name, is_active, date_joined FROM made
"#;

/// Makes the users whose names are free, with their profiles, in one transaction. The outcomes are in the order of
/// `wanted`; a name that was taken, also by an earlier item, is the failure of its item unless `allow_existing`.
pub(crate) async fn users_import(
    database: &Database,
    wanted: &[NewUser],
    allow_existing: bool,
) -> Result<Vec<Result<Imported, Failure>>, Failure> {
    let mut made = HashMap::new();
    let existing = loop {
        let (new, existing) = users_import_once(database, wanted, allow_existing).await?;
        made.extend(by_key(new));
        let existing = by_key(existing);
        let known = |item: &NewUser| {
            made.contains_key(&item.username.key()) || existing.contains_key(&item.username.key())
        };
        if !allow_existing || wanted.iter().all(known) {
            break existing;
        }
        // A name was taken when the insert met it and free again a statement later. Now it can be made.
    };
    // The first of several equal names is the one that was made.
    let outcomes = wanted.iter().map(|item| {
        let key = item.username.key();
        let new = made.remove(&key).map(|user| Imported {
            user,
            existing: false,
        });
        let found = || {
            existing
                .get(&key)
                .cloned()
                .map(|user| Imported { user, existing: true })
        };
        new.or_else(found).ok_or_else(|| USERS_USERNAME_KEY.failure())
    });
    Ok(outcomes.collect())
}

/// The users that were made, and those that were asked for and are there.
async fn users_import_once(
    database: &Database,
    wanted: &[NewUser],
    allow_existing: bool,
) -> Result<(Vec<UserRow>, Vec<UserRow>), Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            let made = users_create_in_txn(conn, wanted).await?;
            let existing = if allow_existing {
                users_find_in_txn(conn, wanted).await?
            } else {
                Vec::new()
            };
            Ok((made, existing))
        })
        .await
}

async fn users_create_in_txn(conn: &mut Connection, wanted: &[NewUser]) -> Result<Vec<UserRow>, Abort> {
    let column = |text: fn(&NewUser) -> &str| wanted.iter().map(text).collect::<Vec<_>>();
    let query = sql_query(IMPORT)
        .bind::<Array<Text>, _>(column(|user| user.username.as_str()))
        .bind::<Array<Text>, _>(column(|user| user.first_name.as_str()))
        .bind::<Array<Text>, _>(column(|user| user.last_name.as_str()));
    Ok(run("users_import", query.load(conn)).await?)
}

async fn users_find_in_txn(conn: &mut Connection, wanted: &[NewUser]) -> Result<Vec<UserRow>, Abort> {
    let keys: Vec<String> = wanted.iter().map(|user| user.username.key()).collect();
    let query = users::table
        .filter(diesel::dsl::sql::<Text>(USERNAME_KEY).eq_any(keys))
        .select(UserRow::as_select());
    Ok(run("users_find", kept(query).load(conn)).await?)
}

fn by_key(rows: Vec<UserRow>) -> HashMap<String, UserRow> {
    rows.into_iter()
        .map(|row| (row.username.to_ascii_lowercase(), row))
        .collect()
}
