//! The PostgreSQL server of this test binary, and the migrated template that databases are cloned from.

use std::sync::OnceLock;

use diesel_async::SimpleAsyncConnection;
use kith_postgres::DatabaseUrl;
use kith_postgres::private::PrivateCluster;
use kith_schema::RolePasswords;
use tokio::sync::OnceCell;

/// The role that owns every test database: no superuser, as in production.
pub const OWNER: &str = "kith_owner";

/// The database that the others are clones of.
pub(crate) const TEMPLATE: &str = "kith_template";

/// The server. The first call starts it; it ends, and its directory goes, when this process ends, however it ends.
pub fn cluster() -> &'static PrivateCluster {
    static CLUSTER: OnceLock<PrivateCluster> = OnceLock::new();
    CLUSTER.get_or_init(|| match PrivateCluster::start_ephemeral() {
        Ok(cluster) => cluster,
        Err(error) => panic!("the tests need a PostgreSQL: {error}"),
    })
}

/// The URL by which `role` reaches `database`.
pub(crate) fn url(role: &str, database: &str) -> DatabaseUrl {
    DatabaseUrl::parse(&cluster().url(role, database)).expect("the cluster's own URL")
}

/// Runs SQL as superuser in the maintenance database.
pub(crate) async fn administer(sql: &str) {
    let url = DatabaseUrl::parse(&cluster().superuser_url("postgres")).expect("the cluster's own URL");
    let mut conn = url.connect().await.expect("the private server answers");
    conn.batch_execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Makes the template, once.
pub(crate) async fn template() {
    static MADE: OnceCell<()> = OnceCell::const_new();
    MADE.get_or_init(|| async {
        administer(&format!("CREATE ROLE {OWNER} LOGIN CREATEDB CREATEROLE")).await;
        administer(&format!("CREATE DATABASE {TEMPLATE} OWNER {OWNER}")).await;
        let owner = url(OWNER, TEMPLATE);
        kith_schema::bootstrap(&owner, &RolePasswords::none())
            .await
            .expect("roles");
        kith_schema::migrate(&owner, |_| {}).await.expect("migrations");
    })
    .await;
}
