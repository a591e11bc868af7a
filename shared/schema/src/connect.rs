//! The sessions that change the schema.

use diesel_async::SimpleAsyncConnection;
use kith_postgres::{Connection, DatabaseUrl, ServerProblem};

use crate::SchemaError;

/// What a session that changes the schema needs, whatever the server, the database or the role has set.
///
/// A migration that cannot get a lock gives up after 10 s, since everybody else queues behind it. A repair or a
/// backfill takes as long as it takes. Unqualified names mean `public`, where diesel keeps its list of migrations.
const SETTINGS: &str = "SET lock_timeout = '10s';
    SET statement_timeout = 0;
    SET idle_in_transaction_session_timeout = 0;
    SET search_path = public";

/// Opens a session of the owner, outside any pool, on a server and a database that Kith runs on.
///
/// The language of messages does not matter here: nothing is told apart by it, and bootstrap may be about to set it.
pub(crate) async fn as_owner(url: &DatabaseUrl) -> Result<Connection, SchemaError> {
    let mut conn = url.connect().await.map_err(SchemaError::Connect)?;
    let problems = kith_postgres::server_problems(&mut conn)
        .await
        .map_err(SchemaError::Connect)?;
    let unsuitable = problems
        .into_iter()
        .find(|problem| !matches!(problem, ServerProblem::Language { .. }));
    if let Some(problem) = unsuitable {
        return Err(SchemaError::Unsuitable(problem));
    }
    conn.batch_execute(SETTINGS).await?;
    Ok(conn)
}
