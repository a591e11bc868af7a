//! Every row of every table, in text.

use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use kith_testkit::TestApp;

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// The tables with rows that have one of these in any column of any type, and how many such rows; bytes are in hex.
pub(crate) async fn tables_with(app: &TestApp, needles: &[String]) -> Vec<(String, i64)> {
    let conn = &mut app.database.owner().await;
    let tables = "SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
        WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')
        ORDER BY 1";
    let tables: Vec<Table> = sql_query(tables).load(conn).await.expect("tables");
    let mut found = Vec::new();
    for Table { name } in tables {
        // Names have no case in the database's own keys.
        let query = format!(
            "SELECT count(*) AS rows FROM {name} AS everything
            WHERE EXISTS (SELECT FROM unnest($1) AS needle WHERE position(lower(needle) IN lower(everything::text)) > 0)"
        );
        let query = sql_query(query).bind::<diesel::sql_types::Array<Text>, _>(needles);
        let count: Count = query.get_result(conn).await.expect("a count");
        if count.rows > 0 {
            found.push((name, count.rows));
        }
    }
    found
}
