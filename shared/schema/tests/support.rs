//! A private PostgreSQL for this process, and a database for each test.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::QueryableByName;
use diesel::result::Error;
use diesel::sql_types::Text;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use kith_postgres::private::PrivateCluster;
use kith_postgres::{Connection, DatabaseUrl};
use kith_schema::{Role, RolePasswords, apply_role_settings, bootstrap, migrate};
use tokio::sync::OnceCell;

/// The cluster that all tests share. Tests of the roles themselves, which a cluster has once, start their own.
pub(crate) static CLUSTER: LazyLock<PrivateCluster> =
    LazyLock::new(|| PrivateCluster::start_ephemeral().expect("a private PostgreSQL"));

static SCRATCH: OnceCell<Database> = OnceCell::const_new();
static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(1);

/// A database of one test's own.
pub(crate) struct Database {
    pub(crate) name: String,
}

impl Database {
    /// With the roles and nothing else.
    pub(crate) async fn bootstrapped() -> Self {
        let database = Self::create("TEMPLATE template0").await;
        bootstrap(&database.url(), &RolePasswords::none())
            .await
            .expect("roles");
        database
    }

    /// With every migration.
    pub(crate) async fn migrated() -> Self {
        let database = Self::cloned().await;
        apply_role_settings(&mut superuser("postgres").await, &database.name)
            .await
            .expect("settings");
        database
    }

    /// A session of the owner in a migrated database that many tests share, within a transaction that is never
    /// committed. One for each test: a second one may wait for the first.
    pub(crate) async fn scratch() -> Connection {
        let database = SCRATCH.get_or_init(Self::migrated).await;
        let mut conn = database.owner().await;
        execute(&mut conn, "BEGIN; SET LOCAL lock_timeout = '1min'").await;
        conn
    }

    /// With every migration, as a clone of a template comes.
    pub(crate) async fn cloned() -> Self {
        let template = TEMPLATE.get_or_init(migrated_template).await;
        Self::create(&format!("TEMPLATE {template}")).await
    }

    /// As CREATE DATABASE makes it with `options`.
    pub(crate) async fn create(options: &str) -> Self {
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        execute(
            &mut superuser("postgres").await,
            &format!("CREATE DATABASE {name} {options}"),
        )
        .await;
        Self { name }
    }

    /// The owner's URL.
    pub(crate) fn url(&self) -> DatabaseUrl {
        url(&CLUSTER.superuser_url(&self.name))
    }

    /// A session of the owner.
    pub(crate) async fn owner(&self) -> Connection {
        connect(&self.url()).await
    }

    /// A session of a service.
    pub(crate) async fn service(&self, role: Role) -> Connection {
        connect(&url(&CLUSTER.url(role.name(), &self.name))).await
    }
}

async fn migrated_template() -> String {
    let template = Database::bootstrapped().await;
    migrate(&template.url(), |_| {}).await.expect("migrations");
    template.name
}

async fn superuser(database: &str) -> Connection {
    connect(&url(&CLUSTER.superuser_url(database))).await
}

pub(crate) fn url(url: &str) -> DatabaseUrl {
    DatabaseUrl::parse(url).expect("a URL")
}

pub(crate) async fn connect(url: &DatabaseUrl) -> Connection {
    url.connect().await.expect("a session")
}

/// Runs statements that must succeed.
pub(crate) async fn execute(conn: &mut Connection, sql: &str) {
    conn.batch_execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{error}: {sql}"));
}

/// The only column of a query, as text.
pub(crate) async fn strings(conn: &mut Connection, query: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        text: String,
    }
    let query = format!("SELECT answer.value::text AS text FROM ({query}) AS answer (value)");
    let rows = diesel::sql_query(&query).load::<Row>(conn).await;
    rows.unwrap_or_else(|error| panic!("{error}: {query}"))
        .into_iter()
        .map(|row| row.text)
        .collect()
}

/// Why a statement is refused: the constraint's name, or else the message.
pub(crate) async fn refusal(conn: &mut Connection, statement: &str) -> String {
    match diesel::sql_query(statement).execute(conn).await {
        Ok(_) => "not refused".to_owned(),
        Err(Error::DatabaseError(_, information)) => information
            .constraint_name()
            .unwrap_or_else(|| information.message())
            .to_owned(),
        Err(error) => panic!("{error}: {statement}"),
    }
}

/// Makes users with profiles, whose ids are 1 to `count`.
pub(crate) async fn make_users(conn: &mut Connection, count: u32) {
    let users = format!(
        "INSERT INTO identity.users (id, username) OVERRIDING SYSTEM VALUE
            SELECT number, 'u' || number FROM generate_series(1, {count}) AS number;
        INSERT INTO identity.profiles (user_id) SELECT id FROM identity.users"
    );
    execute(conn, &users).await;
}

/// What breaks an invariant.
pub(crate) async fn broken(conn: &mut Connection) -> Vec<kith_schema::invariants::Broken> {
    kith_schema::invariants::check(conn).await.expect("invariants")
}
