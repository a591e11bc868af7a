//! One connection, with what the pool must know of it.

use std::time::Duration;

use diesel_async::{AnsiTransactionManager, SimpleAsyncConnection, TransactionManager};
use kith_primitives::chain;
use kith_telemetry::names;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use tokio_postgres::tls::TlsStream;
use tokio_postgres::{CancelToken, Config, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{Connection, DatabaseUrl, DbError, DbErrorKind, classify};

/// How long a whole login may take, of which the time to reach the server is only a part.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request to cancel a statement may take.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a connection is silent before the kernel asks whether the other side is there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;
/// How long what was sent may stay unacknowledged.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(20);

/// Makes connections to one URL.
pub(crate) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
}

impl Connector {
    pub(crate) fn new(url: &DatabaseUrl, connect_timeout: Duration) -> Self {
        let mut config = url.config();
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(connect_timeout);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(TCP_USER_TIMEOUT);
        }
        if config.get_keepalives_interval().is_none() && config.get_keepalives_retries().is_none() {
            config.keepalives_idle(KEEPALIVE_IDLE);
            config.keepalives_interval(KEEPALIVE_INTERVAL);
            config.keepalives_retries(KEEPALIVE_RETRIES);
        }
        Self {
            config,
            tls: url.tls(),
        }
    }

    /// Logs in.
    pub(crate) async fn connect(&self) -> Result<Session, DbError> {
        // On the heap: it is large, and every future that may need a connection would carry it.
        let login = timeout(LOGIN_TIMEOUT, Box::pin(self.login())).await;
        login.unwrap_or_else(|elapsed| Err(DbError::new(DbErrorKind::Unreachable, elapsed)))
    }

    async fn login(&self) -> Result<Session, DbError> {
        let (client, connection) = self
            .config
            .connect(self.tls.clone())
            .await
            .map_err(classify::login_error)?;
        let driver = drive(connection);
        let cancel = Cancel {
            token: client.cancel_token(),
            tls: self.tls.clone(),
        };
        let connection = Connection::try_from(client)
            .await
            .map_err(classify::setup_error)?;
        let (made, idle_since) = (Instant::now(), Instant::now());
        Ok(Session {
            connection,
            driver,
            cancel,
            made,
            idle_since,
            unsettled: false,
            spoiled: false,
        })
    }
}

/// Moves bytes between the socket and the client until either side ends.
fn drive<S>(connection: tokio_postgres::Connection<Socket, S>) -> AbortHandle
where
    S: TlsStream + Unpin + Send + 'static,
{
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::info!({ { names::ERROR_CAUSE } = chain(&error) }, "a database connection ended");
        }
    });
    driver.abort_handle()
}

/// A connection, the task that drives it, and what the pool must know of it.
pub(crate) struct Session {
    pub(crate) connection: Connection,
    driver: AbortHandle,
    cancel: Cancel,
    made: Instant,
    idle_since: Instant,
    unsettled: bool,
    spoiled: bool,
}

impl Session {
    pub(crate) fn age(&self) -> Duration {
        self.made.elapsed()
    }

    pub(crate) fn idle(&self) -> Duration {
        self.idle_since.elapsed()
    }

    pub(crate) fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Whether it must not be used again: it was given up, or the task that drives it has ended.
    pub(crate) fn is_spoiled(&self) -> bool {
        self.spoiled || self.driver.is_finished()
    }

    /// Whether a statement may still be running for a borrower who is gone.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// Whether a transaction is open, as far as the client knows.
    pub(crate) fn in_transaction(&mut self) -> bool {
        AnsiTransactionManager::is_broken_transaction_manager(&mut self.connection)
    }

    /// Waits for whatever the server still does for this connection, and for a sign of life.
    pub(crate) async fn settle(&mut self, patience: Duration) -> Result<(), DbError> {
        let answer = timeout(patience, self.connection.batch_execute("")).await;
        let answer = answer.map_err(|elapsed| DbError::new(DbErrorKind::ConnectionLost, elapsed))?;
        answer.map_err(classify::statement_error)?;
        self.unsettled = false;
        Ok(())
    }

    /// It is given back.
    pub(crate) fn rest(&mut self, unsettled: bool) {
        self.idle_since = Instant::now();
        self.unsettled = unsettled;
    }

    /// Stops the running statement, if there is one, and closes the connection.
    pub(crate) fn abandon(&mut self) {
        self.cancel().send();
        self.hang_up();
    }

    /// Closes the socket at once, so that the server rolls back and gives up the locks. Left alone, the driver would
    /// wait for the running statement first.
    pub(crate) fn hang_up(&mut self) {
        self.spoiled = true;
        self.driver.abort();
    }
}

/// Stops the statement that a connection runs, which closing the connection does not.
#[derive(Clone)]
pub(crate) struct Cancel {
    token: CancelToken,
    tls: MakeRustlsConnect,
}

impl Cancel {
    /// Asks for it in the background. It may arrive late, so the connection must not be used for anything else.
    pub(crate) fn send(self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        drop(runtime.spawn(async move {
            if !matches!(
                timeout(CANCEL_TIMEOUT, self.token.cancel_query(self.tls)).await,
                Ok(Ok(()))
            ) {
                tracing::info!("a statement could not be cancelled");
            }
        }));
    }
}
