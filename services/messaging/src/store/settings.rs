use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, run, sql_query};
use kith_primitives::{Etag, Failure, UserId};

use crate::domain::{AcceptedSenders, SettingsChange};

/// What a user has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SettingsRow {
    pub(crate) accepted_senders: AcceptedSenders,
    /// `None` when the user never set anything.
    pub(crate) updated_at: Option<DateTime<Utc>>,
    /// 0 then.
    pub(crate) version: i64,
}

const SETTINGS_FIND: &str = "
SELECT accepted_senders, updated_at, version FROM messaging.settings WHERE user_id = $1
";

/// Version 0 is that of settings which are not there yet. No row when the version is another than `$3`.
const SETTINGS_UPDATE: &str = "
INSERT INTO messaging.settings AS own (user_id, accepted_senders)
SELECT $1, $2
WHERE $3 IS NULL OR $3 = 0 OR EXISTS (SELECT FROM messaging.settings WHERE user_id = $1)
ON CONFLICT ON CONSTRAINT messaging_settings_pkey DO UPDATE
SET
    accepted_senders = excluded.accepted_senders,
    updated_at = CASE own.accepted_senders WHEN excluded.accepted_senders THEN own.updated_at ELSE now() END,
    version = CASE own.accepted_senders WHEN excluded.accepted_senders THEN own.version ELSE own.version + 1 END
WHERE $3 IS NULL OR own.version = $3
RETURNING accepted_senders, updated_at, version
";

#[derive(QueryableByName)]
struct FoundRow {
    #[diesel(sql_type = Text)]
    accepted_senders: String,
    #[diesel(sql_type = Timestamptz)]
    updated_at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    version: i64,
}

/// What `user_id` has set.
pub(crate) async fn settings_find(database: &Database, user_id: UserId) -> Result<SettingsRow, Failure> {
    let found: Option<FoundRow> = database
        .read(async |conn: &mut Connection| {
            let find = sql_query(SETTINGS_FIND).bind::<BigInt, _>(user_id.get());
            Ok(run("settings_find", find.load(conn)).await?.into_iter().next())
        })
        .await?;
    let none = SettingsRow {
        accepted_senders: AcceptedSenders::Everyone,
        updated_at: None,
        version: 0,
    };
    found.map_or(Ok(none), FoundRow::into_row)
}

/// Changes what `user_id` has set.
pub(crate) async fn settings_update(
    database: &Database,
    user_id: UserId,
    change: SettingsChange,
) -> Result<SettingsRow, Failure> {
    let updated: Option<FoundRow> = database
        .write(async |conn: &mut Connection| {
            let update = sql_query(SETTINGS_UPDATE)
                .bind::<BigInt, _>(user_id.get())
                .bind::<Text, _>(change.accepted_senders.as_str())
                .bind::<Nullable<BigInt>, _>(change.etag.map(Etag::version));
            // To the end: `get_result` would leave with the first row, before the commit has gone well.
            Ok(run("settings_update", update.load(conn))
                .await?
                .into_iter()
                .next())
        })
        .await?;
    updated.ok_or_else(Etag::mismatch)?.into_row()
}

impl FoundRow {
    fn into_row(self) -> Result<SettingsRow, Failure> {
        let accepted_senders = AcceptedSenders::from_database(&self.accepted_senders);
        Ok(SettingsRow {
            accepted_senders: accepted_senders
                .ok_or_else(|| Failure::internal("a setting that nobody knows"))?,
            updated_at: Some(self.updated_at),
            version: self.version,
        })
    }
}
