use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, DbError, cursor_time, run, sql_query};
use kith_primitives::{Failure, Page, Reason, ServiceCaller, excerpt};
use kith_schema::tables::identity::signing_keys;
use kith_tokens::SigningKeys;

use super::audit_event_create_in_txn;
use crate::domain::{
    Actor, AuditEvent, AuditEventType, AuditSubject, KeyCursor, KeyState, KnownKey, active_key, next_key,
};

/// All changes of keys go one after the other, those of every process.
const KEYS_LOCK: i64 = 0x6b69_7468_0000_0002;

/// Where a key stands in the list of keys: the active one first. As [`KeyState`] has it.
const STATE: &str = "CASE WHEN activated_at IS NULL THEN 1 WHEN retired_at IS NULL THEN 0 ELSE 2 END";
/// Later than any other statement that has begun: `now()` is when the transaction began, which may then have waited.
const CLOCK: &str = "clock_timestamp()";

type Row = (
    (
        String,
        Vec<u8>,
        DateTime<Utc>,
        Option<DateTime<Utc>>,
        Option<DateTime<Utc>>,
        Option<DateTime<Utc>>,
    ),
    DateTime<Utc>,
);

fn known((columns, seen_at): Row) -> KnownKey {
    let (key_id, public_key, published_at, activated_at, retired_at, removed_at) = columns;
    KnownKey {
        key_id,
        public_key,
        published_at,
        activated_at,
        retired_at,
        removed_at,
        seen_at,
    }
}

/// Every key there ever was, the removed ones too.
pub(crate) async fn signing_keys_find(database: &Database) -> Result<Vec<KnownKey>, Failure> {
    database
        .read(async |conn: &mut Connection| Ok(signing_keys_find_in_txn(conn).await?))
        .await
}

/// The keys that are trusted, the active one first, and the token of the next page.
pub(crate) async fn signing_keys_page(
    database: &Database,
    page: &Page<KeyCursor>,
) -> Result<(Vec<KnownKey>, String), Failure> {
    let rows: Vec<Row> = database
        .read(async |conn: &mut Connection| {
            let mut query = signing_keys::table
                .filter(signing_keys::removed_at.is_null())
                .order((
                    sql::<BigInt>(STATE),
                    signing_keys::published_at,
                    signing_keys::key_id,
                ))
                .limit(page.limit())
                .select((signing_keys::all_columns, sql::<Timestamptz>(CLOCK)))
                .into_boxed();
            if let Some(after) = page.after() {
                let beyond = sql::<Bool>(&format!("({STATE}, published_at, key_id) > ("))
                    .bind::<BigInt, _>(after.place.key)
                    .sql(", ")
                    .bind::<Timestamptz, _>(cursor_time(after.place))
                    .sql(", ")
                    .bind::<Text, _>(&after.key_id)
                    .sql(")");
                query = query.filter(beyond);
            }
            Ok(run("signing_keys_page", query.load(conn)).await?)
        })
        .await?;
    let mut keys = rows.into_iter().map(known).collect();
    let next = page.finish(&mut keys, KnownKey::cursor);
    Ok((keys, next))
}

/// Makes every key of `mounted` known that is not, and has the first one sign where none does. Answers every key that
/// there is then.
pub(crate) async fn signing_keys_publish(
    database: &Database,
    mounted: &SigningKeys,
) -> Result<Vec<KnownKey>, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            signing_keys_lock_in_txn(conn).await?;
            for key in mounted.iter() {
                let row = (
                    signing_keys::key_id.eq(key.key_id()),
                    signing_keys::public_key.eq(key.public_key().to_vec()),
                    signing_keys::published_at.eq(sql::<Timestamptz>(CLOCK)),
                );
                let insert = diesel::insert_into(signing_keys::table)
                    .values(row)
                    .on_conflict_do_nothing();
                if run("signing_key_publish", insert.execute(conn)).await? > 0 {
                    tell_in_txn(
                        conn,
                        AuditEventType::SigningKeyPublished,
                        Actor::default(),
                        key.key_id(),
                    )
                    .await?;
                }
            }
            let keys = signing_keys_find_in_txn(conn).await?;
            let first = mounted.iter().find(|key| is_published(&keys, key.key_id()));
            let Some(first) = first.filter(|_| active_key(&keys).is_none()) else {
                return Ok(keys);
            };
            activate_in_txn(conn, Actor::default(), first.key_id()).await?;
            Ok(signing_keys_find_in_txn(conn).await?)
        })
        .await
}

fn is_published(keys: &[KnownKey], key_id: &str) -> bool {
    keys.iter()
        .any(|key| key.key_id == key_id && key.state() == KeyState::Published)
}

/// Has the next of the keys sign whose private halves are `held`. Answers every key that there is then.
pub(crate) async fn signing_key_rotate(
    database: &Database,
    caller: &ServiceCaller,
    held: &[String],
) -> Result<Vec<KnownKey>, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            signing_keys_lock_in_txn(conn).await?;
            let keys = signing_keys_find_in_txn(conn).await?;
            let next = next_key(&keys, held).ok_or_else(none_published)?;
            if let Some(wait) = next.ready_in() {
                return Err(not_ready(&next.key_id, wait).into());
            }
            if let Some(active) = active_key(&keys) {
                let retire = diesel::update(signing_keys::table.find(&active.key_id))
                    .set(signing_keys::retired_at.eq(sql::<Timestamptz>(CLOCK).nullable()));
                run("signing_key_retire", retire.execute(conn)).await?;
            }
            activate_in_txn(conn, caller.into(), &next.key_id).await?;
            Ok(signing_keys_find_in_txn(conn).await?)
        })
        .await
}

/// Ends the trust in a key: at once in an `emergency`, else only if no token of it can be alive. Answers every key that
/// there is then.
pub(crate) async fn signing_key_remove(
    database: &Database,
    caller: &ServiceCaller,
    key_id: &str,
    emergency: bool,
    held: &[String],
) -> Result<Vec<KnownKey>, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            signing_keys_lock_in_txn(conn).await?;
            let keys = signing_keys_find_in_txn(conn).await?;
            let key = keys.iter().find(|key| key.key_id == key_id);
            let key = key.ok_or_else(|| not_found(key_id))?;
            if key.state() == KeyState::Removed {
                return Ok(keys);
            }
            if !emergency {
                refuse_in_use(key)?;
            }
            let successor = match key.state() {
                KeyState::Active => Some(next_key(&keys, held).ok_or_else(none_published)?),
                _ => None,
            };
            let remove = diesel::update(signing_keys::table.find(key_id))
                .set(signing_keys::removed_at.eq(sql::<Timestamptz>(CLOCK).nullable()));
            run("signing_key_remove", remove.execute(conn)).await?;
            tell_in_txn(conn, AuditEventType::SigningKeyRemoved, caller.into(), key_id).await?;
            if let Some(successor) = successor {
                activate_in_txn(conn, caller.into(), &successor.key_id).await?;
            }
            Ok(signing_keys_find_in_txn(conn).await?)
        })
        .await
}

async fn signing_keys_lock_in_txn(conn: &mut Connection) -> Result<(), DbError> {
    let lock = sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(KEYS_LOCK);
    run("signing_keys_lock", lock.execute(conn)).await?;
    Ok(())
}

async fn signing_keys_find_in_txn(conn: &mut Connection) -> Result<Vec<KnownKey>, DbError> {
    let query = signing_keys::table
        .order((
            sql::<BigInt>(STATE),
            signing_keys::published_at,
            signing_keys::key_id,
        ))
        .select((signing_keys::all_columns, sql::<Timestamptz>(CLOCK)));
    let rows: Vec<Row> = run("signing_keys_find", query.load(conn)).await?;
    Ok(rows.into_iter().map(known).collect())
}

async fn activate_in_txn(conn: &mut Connection, actor: Actor, key_id: &str) -> Result<(), DbError> {
    let activate = diesel::update(signing_keys::table.find(key_id))
        .set(signing_keys::activated_at.eq(sql::<Timestamptz>(CLOCK).nullable()));
    run("signing_key_activate", activate.execute(conn)).await?;
    tell_in_txn(conn, AuditEventType::SigningKeyRotated, actor, key_id).await
}

async fn tell_in_txn(
    conn: &mut Connection,
    event_type: AuditEventType,
    actor: Actor,
    key_id: &str,
) -> Result<(), DbError> {
    let subject = AuditSubject::SigningKey(key_id.to_owned());
    audit_event_create_in_txn(conn, &AuditEvent::new(event_type, actor, &subject)).await
}

fn refuse_in_use(key: &KnownKey) -> Result<(), Abort> {
    let failure = |text: String| {
        Failure::new(Reason::SigningKeyInUse, text).with_resource(RESOURCE, resource_name(&key.key_id))
    };
    if key.state() == KeyState::Active {
        let text = "this key signs now; rotate first, or say that it is an emergency";
        return Err(failure(text.to_owned()).into());
    }
    let Some(wait) = key.tokens_end_in() else {
        return Ok(());
    };
    let text = format!(
        "tokens of this key may live for {} more; remove it then, or say that it is an emergency",
        in_words(wait)
    );
    Err(failure(text)
        .with_retry_after(wait.to_std().unwrap_or_default())
        .into())
}

const RESOURCE: &str = "kith.identity.v1.SigningKey";

fn resource_name(key_id: &str) -> String {
    format!("signingKeys/{}", excerpt(key_id))
}

fn not_found(key_id: &str) -> Failure {
    Failure::new(Reason::SigningKeyNotFound, "there is no such signing key")
        .with_resource(RESOURCE, resource_name(key_id))
}

fn none_published() -> Failure {
    Failure::new(
        Reason::SigningKeyNotReady,
        "there is no published signing key that this server could sign with; mount a new one",
    )
}

fn not_ready(key_id: &str, wait: TimeDelta) -> Failure {
    let text = format!(
        "the next signing key was published a moment ago; it is ready in {}, when every service knows it",
        in_words(wait)
    );
    Failure::new(Reason::SigningKeyNotReady, text)
        .with_resource(RESOURCE, resource_name(key_id))
        .with_retry_after(wait.to_std().unwrap_or_default())
}

/// Whole seconds, rounded up: whoever waits for that long has waited long enough.
fn in_words(wait: TimeDelta) -> String {
    let seconds = wait.num_seconds() + i64::from(wait.subsec_nanos() > 0);
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}
