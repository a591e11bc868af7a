//! The PostgreSQL that `kith up` works on.

use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use kith_postgres::DatabaseUrl;
use kith_postgres::private::{Exit, PrivateCluster, PrivateError};
use kith_rpc::process::AnyError;
use tokio::sync::watch;

/// The database's name in a private cluster.
pub(crate) const DATABASE: &str = "kith";

/// A server of our own, which ends when this is dropped, or somebody else's.
#[derive(Debug)]
pub(crate) struct Postgres {
    owner: DatabaseUrl,
    private: Option<Private>,
}

#[derive(Debug)]
struct Private {
    exit: watch::Receiver<Option<Exit>>,
    cluster: PrivateCluster,
}

impl Postgres {
    /// A server that runs already.
    pub(crate) fn given(owner: DatabaseUrl) -> Self {
        Self { owner, private: None }
    }

    /// A private server with our database in it.
    pub(crate) async fn private(
        start: impl FnOnce() -> Result<PrivateCluster, PrivateError> + Send + 'static,
    ) -> Result<Self, AnyError> {
        let cluster = tokio::task::spawn_blocking(start).await??;
        create_database(&DatabaseUrl::parse(&cluster.superuser_url("postgres"))?).await?;
        let (tell, exit) = watch::channel(None);
        cluster.on_exit(move |exit| {
            tell.send_replace(Some(exit));
        });
        let owner = DatabaseUrl::parse(&cluster.superuser_url(DATABASE))?;
        Ok(Self {
            owner,
            private: Some(Private { exit, cluster }),
        })
    }

    /// The owner's URL.
    pub(crate) fn owner(&self) -> &DatabaseUrl {
        &self.owner
    }

    /// The private server.
    pub(crate) fn cluster(&self) -> Option<&PrivateCluster> {
        self.private.as_ref().map(|private| &private.cluster)
    }

    /// Returns when a private server has ended that nobody stopped; the end of somebody else's is not our matter.
    pub(crate) async fn ended(&self) -> Exit {
        if let Some(Private { exit, .. }) = &self.private {
            let mut exit = exit.clone();
            if let Ok(exit) = exit.wait_for(Option::is_some).await
                && let Some(exit) = exit.clone()
            {
                return exit;
            }
        }
        std::future::pending().await
    }
}

async fn create_database(maintenance: &DatabaseUrl) -> Result<(), AnyError> {
    let mut conn = maintenance.connect().await?;
    let existing = diesel::sql_query(format!("SELECT FROM pg_database WHERE datname = '{DATABASE}'"));
    if existing.execute(&mut conn).await? == 0 {
        conn.batch_execute(&format!("CREATE DATABASE {DATABASE}")).await?;
    }
    Ok(())
}
