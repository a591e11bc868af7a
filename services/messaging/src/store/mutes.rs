use diesel::sql_types::{BigInt, Nullable};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, run, sql_query};
use kith_primitives::{ConversationId, Failure, UserId};

use super::conversations::{ConversationRow, conversation_find, conversation_not_found};
use crate::domain::MuteTtl;

/// One that has expired is as good as none, and begins anew.
const MEMBER_MUTE: &str = "
UPDATE messaging.members
SET
    muted_at = CASE WHEN muted_at IS NULL OR mute_expires_at <= now() THEN now() ELSE muted_at END,
    mute_expires_at = greatest(muted_at, now()) + $3::bigint * interval '1 microsecond'
WHERE conversation_id = $2 AND user_id = $1
";

const MEMBER_UNMUTE: &str = "
UPDATE messaging.members SET muted_at = NULL, mute_expires_at = NULL WHERE conversation_id = $2 AND user_id = $1
";

/// Mutes a conversation for `user_id`, for `ttl` or for good.
pub(crate) async fn conversation_mute(
    database: &Database,
    user_id: UserId,
    id: ConversationId,
    ttl: Option<MuteTtl>,
) -> Result<ConversationRow, Failure> {
    let muted = database
        .write(async |conn: &mut Connection| {
            let mute = sql_query(MEMBER_MUTE)
                .bind::<BigInt, _>(user_id.get())
                .bind::<BigInt, _>(id.get())
                .bind::<Nullable<BigInt>, _>(ttl.map(MuteTtl::micros));
            Ok(run("member_mute", mute.execute(conn)).await?)
        })
        .await?;
    after(database, user_id, id, muted).await
}

/// Ends the mute of a conversation by `user_id`.
pub(crate) async fn conversation_unmute(
    database: &Database,
    user_id: UserId,
    id: ConversationId,
) -> Result<ConversationRow, Failure> {
    let unmuted = database
        .write(async |conn: &mut Connection| {
            let unmute = sql_query(MEMBER_UNMUTE)
                .bind::<BigInt, _>(user_id.get())
                .bind::<BigInt, _>(id.get());
            Ok(run("member_unmute", unmute.execute(conn)).await?)
        })
        .await?;
    after(database, user_id, id, unmuted).await
}

async fn after(
    database: &Database,
    user_id: UserId,
    id: ConversationId,
    changed: usize,
) -> Result<ConversationRow, Failure> {
    if changed == 0 {
        return Err(conversation_not_found(id));
    }
    conversation_find(database, user_id, id).await
}
