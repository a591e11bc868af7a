use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, OptionalRow, kept, run};
use kith_primitives::{Caller, Failure, SessionId, UserId};
use kith_schema::tables::identity::credentials;
use secrecy::ExposeSecret;

use super::audit::audit_event_create_in_txn;
use super::sessions::sessions_delete_in_txn;
use super::users::{EMAIL_KEY, USERNAME_KEY, user_lock_in_txn};
use crate::domain::{AuditEvent, AuditEventType, AuditSubject, Email, Username};
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

/// The account that somebody tries to sign in to.
#[derive(QueryableByName)]
struct CandidateRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Nullable<Text>)]
    password_hash: Option<String>,
    #[diesel(sql_type = Bool)]
    is_familiar: bool,
}

/// The account that somebody tries to sign in to.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) user_id: UserId,
    /// What must be proved; `None` where nothing can be, as the account is inactive or has no password.
    pub(crate) credential: Option<Credential>,
    /// Whether the account has a living session at one of the addresses.
    pub(crate) is_familiar: bool,
}

impl CandidateRow {
    fn into_candidate(self) -> Candidate {
        let user_id = UserId::from_database(self.id);
        Candidate {
            user_id,
            credential: self.password_hash.map(|hash| Credential {
                user_id,
                password_hash: StoredHash(hash.into()),
            }),
            is_familiar: self.is_familiar,
        }
    }
}

/// One statement for all accounts and for all names that are nobody's.
fn candidate(key: &str) -> String {
    format!(
        "SELECT users.id, CASE WHEN is_active THEN password_hash END AS password_hash, EXISTS (
            SELECT FROM identity.sessions
            WHERE sessions.user_id = users.id AND expires_at > now() AND nullif(address, '')::inet <<= $2::inet
        ) AS is_familiar
        FROM identity.users LEFT JOIN identity.credentials ON credentials.user_id = users.id
        WHERE {key} = $1"
    )
}

/// The account of a name. `addresses` are those that the call may have come from, as a `cidr`.
pub(crate) async fn credential_find(
    database: &Database,
    name: &SignInName,
    addresses: Option<&str>,
) -> Result<Option<Candidate>, Failure> {
    let (column, key) = match name {
        SignInName::Username(username) => (USERNAME_KEY, username.key()),
        SignInName::Email(email) => (EMAIL_KEY, email.key()),
        // The statement runs all the same, so that it costs the same. No username is empty.
        SignInName::Nobody => (USERNAME_KEY, String::new()),
    };
    let row: Option<CandidateRow> = database
        .read(async |conn: &mut Connection| {
            let query = diesel::sql_query(candidate(column))
                .bind::<Text, _>(&key)
                .bind::<Nullable<Text>, _>(addresses);
            Ok(run("credential_find", kept(query).get_result(conn))
                .await
                .optional()?)
        })
        .await?;
    Ok(row.map(CandidateRow::into_candidate))
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

/// Sets a new password in the place of `old`, for `caller`, ends all sessions but `kept`, and answers how many those
/// were; `None` when the password has changed since `old` was read.
pub(crate) async fn credential_update(
    database: &Database,
    caller: &Caller,
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
            let subject = AuditSubject::User(old.user_id);
            let event = AuditEvent::new(AuditEventType::PasswordChanged, caller, &subject);
            audit_event_create_in_txn(conn, &event).await?;
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
