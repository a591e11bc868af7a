use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, OptionalRow, run};
use kith_primitives::{Failure, SessionId, UserId};
use kith_schema::tables::identity::{credentials, users};
use secrecy::ExposeSecret;

use super::sessions::sessions_delete_in_txn;
use super::users::{EMAIL_KEY, USERNAME_KEY, user_lock_in_txn};
use crate::domain::{Email, Username};
use crate::passwords::StoredHash;

/// What a person signs in with, beside the password.
#[derive(Clone, Debug)]
pub(crate) enum SignInName {
    Username(Username),
    Email(Email),
    /// A text that is nobody's name.
    Nobody,
}

/// What proves that somebody is a user.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    pub(crate) user_id: UserId,
    pub(crate) password_hash: StoredHash,
}

/// The credential of an active account, if it has one.
pub(crate) async fn credential_find(
    database: &Database,
    name: &SignInName,
) -> Result<Option<Credential>, Failure> {
    let (column, key) = match name {
        SignInName::Username(username) => (USERNAME_KEY, username.key()),
        SignInName::Email(email) => (EMAIL_KEY, email.key()),
        // The statement runs all the same, so that it costs the same. No username is empty.
        SignInName::Nobody => (USERNAME_KEY, String::new()),
    };
    let row: Option<(i64, String)> = database
        .read(async |conn: &mut Connection| {
            let query = credentials::table
                .inner_join(users::table)
                .filter(users::is_active)
                .filter(sql::<Text>(column).eq(&key))
                .select((credentials::user_id, credentials::password_hash));
            Ok(run("credential_find", query.first(conn)).await.optional()?)
        })
        .await?;
    Ok(row.map(|(user_id, hash)| Credential {
        user_id: UserId::from_database(user_id),
        password_hash: StoredHash(hash.into()),
    }))
}

/// The credential of a user, active or not, if it has one.
pub(crate) async fn credential_of(
    database: &Database,
    user_id: UserId,
) -> Result<Option<Credential>, Failure> {
    let hash: Option<String> = database
        .read(async |conn: &mut Connection| {
            let query = credentials::table
                .find(user_id.get())
                .select(credentials::password_hash);
            Ok(run("credential_of", query.first(conn)).await.optional()?)
        })
        .await?;
    Ok(hash.map(|hash| Credential {
        user_id,
        password_hash: StoredHash(hash.into()),
    }))
}

/// Sets a new password in the place of `old`, ends all sessions but `kept`, and answers how many those were; `None`
/// when the password has changed since `old` was read.
pub(crate) async fn credential_update(
    database: &Database,
    old: &Credential,
    new: &StoredHash,
    kept: Option<SessionId>,
) -> Result<Option<usize>, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            if !user_lock_in_txn(conn, old.user_id, None).await? {
                return Ok(None);
            }
            let current = credentials::table
                .find(old.user_id.get())
                .filter(credentials::password_hash.eq(old.password_hash.0.expose_secret()));
            let update = diesel::update(current).set(credentials::password_hash.eq(new.0.expose_secret()));
            if run("credential_update", update.execute(conn)).await? == 0 {
                return Ok(None);
            }
            Ok(Some(sessions_delete_in_txn(conn, old.user_id, kept).await?))
        })
        .await
}

/// Stores a new account's password.
pub(super) async fn credential_create_in_txn(
    conn: &mut Connection,
    user_id: i64,
    password_hash: &StoredHash,
) -> Result<(), Abort> {
    let insert = diesel::insert_into(credentials::table).values((
        credentials::user_id.eq(user_id),
        credentials::password_hash.eq(password_hash.0.expose_secret()),
    ));
    run("credential_create", insert.execute(conn)).await?;
    Ok(())
}
