//! Connections outside any pool.

use std::time::Duration;

use crate::session::Connector;
use crate::{Connection, DatabaseUrl, DbError};

/// How long the server may take to be reached.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Logs in once, for migrations and for tools; services have a [`Database`](crate::Database).
///
/// # Errors
/// [`DbError`], when the server is not reached or refuses.
pub async fn establish(url: &DatabaseUrl) -> Result<Connection, DbError> {
    let session = Connector::new(url, CONNECT_TIMEOUT).connect().await?;
    Ok(session.connection)
}
