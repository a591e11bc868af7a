//! What is run again is not prepared again.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Integer, Text};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, PoolSettings, kept, run, sql_query};

use crate::scene::{Scene, execute, number};

diesel::table! {
    items (id) {
        id -> Integer,
        name -> Text,
    }
}

#[derive(Debug, PartialEq, Eq, QueryableByName)]
#[diesel(table_name = items, check_for_backend(diesel::pg::Pg))]
struct Item {
    id: i32,
    name: String,
}

async fn one_connection() -> Scene {
    Scene::with(PoolSettings {
        size: 1,
        ..PoolSettings::default()
    })
    .await
}

/// How many prepared statements of the connection name the table, and how often they ran.
async fn prepared(conn: &mut Connection) -> (i64, i64) {
    let kept =
        "FROM pg_prepared_statements WHERE statement ~ 'items' AND statement !~ 'pg_prepared_statements'";
    let rows = number(conn, &format!("SELECT count(*) {kept}")).await;
    let runs = number(
        conn,
        &format!("SELECT coalesce(sum(generic_plans + custom_plans), 0) {kept}"),
    )
    .await;
    (rows.expect("a number"), runs.expect("a number"))
}

// Control: where Diesel decides what is kept, nothing is, neither here nor below.
#[tokio::test]
async fn raw_sql_is_prepared_once_for_a_connection() {
    let scene = one_connection().await;
    for id in 0..10 {
        let names = [id.to_string(), "other".to_owned()];
        let work = async |conn: &mut Connection| {
            let insert =
                sql_query("INSERT INTO items SELECT $1, name FROM unnest($2) AS name LIMIT 1 RETURNING *")
                    .bind::<Integer, _>(id)
                    .bind::<Array<Text>, _>(&names[..]);
            Ok(run("item_create", insert.load::<Item>(conn)).await?)
        };
        let made = scene.database.write(work).await.expect("rows");
        let name = id.to_string();
        assert_eq!(made, [Item { id, name }], "each call has its own values");
    }
    let work = async |conn: &mut Connection| Ok(prepared(conn).await);
    assert_eq!(scene.database.read(work).await.expect("numbers"), (1, 10));
}

#[tokio::test]
async fn queries_with_raw_sql_in_them_and_updates_are_kept_where_asked() {
    let scene = one_connection().await;
    let work = async |conn: &mut Connection| {
        execute(conn, "INSERT INTO items VALUES (1), (2), (3)").await?;
        for id in [2, 1, 2] {
            let beyond = sql::<Bool>("(id, name) < (")
                .bind::<Integer, _>(id)
                .sql(", ")
                .bind::<Text, _>("")
                .sql(")");
            let page = items::table.filter(beyond).select(items::id).into_boxed();
            let page: Vec<i32> = run("items_page", kept(page.limit(1)).load(conn)).await?;
            assert_eq!(page, if id == 2 { vec![1] } else { vec![] });
            let update = diesel::update(items::table.find(id)).set(items::name.eq("new"));
            let changed = kept(update.returning(items::id)).get_results::<i32>(conn);
            assert_eq!(run("item_rename", changed).await?, [id]);
            let update = diesel::update(items::table.find(id)).set(items::name.eq(""));
            assert_eq!(run("item_clear", kept(update).execute(conn)).await?, 1);
        }
        Ok(prepared(conn).await)
    };
    assert_eq!(scene.database.write(work).await.expect("numbers"), (3, 9));
}

/// Every mode throws the connection away, whose other statements are as old, and tries once more.
// Control: without the retry of a changed plan, the first call fails.
#[tokio::test]
async fn what_a_migration_outdates_is_prepared_again_unseen() {
    let scene = one_connection().await;
    let rows =
        async |conn: &mut Connection| Ok(run("items", sql_query("SELECT * FROM items").execute(conn)).await?);
    for length in 1..=3 {
        scene.database.read(rows).await.expect("prepared");
        let migration = format!("ALTER TABLE items ALTER COLUMN name TYPE varchar({length})");
        scene.sql(&migration).await;
        let answer = match length {
            1 => scene.database.read(rows).await,
            2 => scene.database.write(rows).await,
            _ => scene.database.transaction(rows).await,
        };
        assert_eq!(answer.expect("prepared again"), 0);
    }
}
