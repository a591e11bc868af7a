use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, run};
use kith_primitives::Failure;
use kith_schema::tables::identity::{profiles, users};

use super::AccountRow;
use super::credentials::credential_create_in_txn;
use crate::domain::{Email, PersonName, Username};
use crate::passwords::StoredHash;

/// An account to make.
#[derive(Clone, Debug)]
pub(crate) struct NewAccount {
    pub(crate) username: Username,
    pub(crate) email: Option<Email>,
    pub(crate) first_name: PersonName,
    pub(crate) last_name: PersonName,
}

/// Makes a user, its profile and its credential, or none of them.
pub(crate) async fn account_create(
    database: &Database,
    account: &NewAccount,
    password_hash: &StoredHash,
) -> Result<AccountRow, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            let insert = diesel::insert_into(users::table)
                .values((
                    users::username.eq(account.username.as_str()),
                    users::email.eq(account.email.as_ref().map(Email::as_str)),
                    users::first_name.eq(account.first_name.as_str()),
                    users::last_name.eq(account.last_name.as_str()),
                ))
                .returning(AccountRow::as_returning());
            let row: AccountRow = run("user_create", insert.get_result(conn)).await?;
            let insert = diesel::insert_into(profiles::table).values(profiles::user_id.eq(row.user.id));
            run("profile_create", insert.execute(conn)).await?;
            credential_create_in_txn(conn, row.user.id, password_hash).await?;
            Ok(row)
        })
        .await
}
