//! Every foreign key has an index led by its columns, so that deleting what it refers to scans no table.

use crate::support::{Database, execute, strings};
use kith_postgres::Connection;

async fn without_index(conn: &mut Connection) -> Vec<String> {
    // indkey counts from 0, conkey from 1.
    let query = "
        SELECT conname FROM pg_constraint
        WHERE contype = 'f' AND NOT EXISTS (
            SELECT FROM pg_index
            WHERE indrelid = conrelid AND indisvalid AND indpred IS NULL
                AND (indkey::int2[])[0:cardinality(conkey) - 1] @> conkey
                AND cardinality(conkey) <= indnkeyatts)";
    strings(conn, query).await
}

#[tokio::test]
async fn every_foreign_key_has_an_index() {
    assert_eq!(without_index(&mut Database::scratch().await).await, [""; 0]);
}

#[tokio::test]
async fn a_foreign_key_without_an_index_is_reported() {
    let conn = &mut Database::scratch().await;
    execute(
        conn,
        "DROP INDEX social_graph.social_graph_follows_followers_page",
    )
    .await;
    assert_eq!(
        without_index(conn).await,
        ["social_graph_follows_followed_id_fkey"]
    );
}
