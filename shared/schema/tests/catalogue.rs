//! The catalogue of `kith-rules` and the database have the same rules.

use std::collections::BTreeSet;

use kith_postgres::Connection;
use kith_schema::TRIGGER_RULES;

use crate::support::{Database, execute, strings};

/// Every constraint that can refuse a row, and every unique index that is not a constraint's.
const CONSTRAINTS: &str = "
    SELECT conname FROM pg_constraint
    WHERE contype IN ('c', 'f', 'p', 'u', 'x') AND NOT connamespace::regnamespace::text = ANY ($OTHERS)
    UNION ALL
    SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indisunique AND NOT relnamespace::regnamespace::text = ANY ($OTHERS)
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)";

/// Every constraint's name that a function raises by itself.
const RAISED: &str = r"
    SELECT (regexp_matches(prosrc, '\mconstraint\s*=\s*''([^'']+)''', 'gi'))[1] FROM pg_proc
    WHERE NOT pronamespace::regnamespace::text = ANY ($OTHERS)";

const REQUIRED_COLUMNS: &str = "
    SELECT format('%s.%s.%s', relnamespace::regnamespace, relname, attname)
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relkind IN ('r', 'p') AND attnotnull AND attnum > 0 AND NOT attisdropped
        AND NOT relnamespace::regnamespace::text = ANY ($OTHERS)";

/// Schemas that are not Kith's: PostgreSQL's own, and `public`, where diesel keeps its list of migrations.
const OTHERS: &str = "'{pg_catalog,pg_toast,information_schema,public}'::text[]";

async fn names(conn: &mut Connection, query: &str) -> BTreeSet<String> {
    strings(conn, &query.replace("$OTHERS", OTHERS))
        .await
        .into_iter()
        .collect()
}

/// What only one of the two has.
async fn differences(conn: &mut Connection) -> Vec<String> {
    let trigger_rules: BTreeSet<_> = TRIGGER_RULES.iter().map(|name| (*name).to_owned()).collect();
    let mut constraints = names(conn, CONSTRAINTS).await;
    constraints.extend(trigger_rules.iter().cloned());
    let rules = kith_rules::all().map(|rule| rule.constraint.to_owned()).collect();
    let columns = kith_rules::required_columns();
    let columns = columns
        .map(|column| format!("{}.{}.{}", column.schema, column.table, column.column))
        .collect();
    let mut differences = Vec::new();
    differences.extend(compare(&constraints, &rules));
    differences.extend(compare(&names(conn, RAISED).await, &trigger_rules));
    differences.extend(compare(&names(conn, REQUIRED_COLUMNS).await, &columns));
    differences
}

fn compare(database: &BTreeSet<String>, catalogue: &BTreeSet<String>) -> Vec<String> {
    let uncatalogued = database
        .difference(catalogue)
        .map(|name| format!("{name} is not in the catalogue"));
    let undeclared = catalogue
        .difference(database)
        .map(|name| format!("{name} is not in the database"));
    uncatalogued.chain(undeclared).collect()
}

async fn differences_after(change: &str) -> Vec<String> {
    let conn = &mut Database::scratch().await;
    execute(conn, change).await;
    differences(conn).await
}

#[tokio::test]
async fn database_and_catalogue_have_the_same_rules() {
    assert_eq!(differences_after("SELECT").await, [""; 0]);
}

#[tokio::test]
async fn a_constraint_without_an_entry_is_reported() {
    let change =
        "ALTER TABLE social_graph.follows ADD CONSTRAINT social_graph_follows_new CHECK (follower_id > 0)";
    assert_eq!(
        differences_after(change).await,
        ["social_graph_follows_new is not in the catalogue"]
    );
}

#[tokio::test]
async fn a_unique_index_without_an_entry_is_reported() {
    let change = "CREATE UNIQUE INDEX identity_profiles_new ON identity.profiles (user_id, bio)";
    assert_eq!(
        differences_after(change).await,
        ["identity_profiles_new is not in the catalogue"]
    );
}

#[tokio::test]
async fn a_rule_of_a_trigger_without_an_entry_is_reported() {
    let change = "CREATE FUNCTION identity.guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION USING ERRCODE = '23514', CONSTRAINT = 'identity_users_guard'; END $$";
    assert_eq!(
        differences_after(change).await,
        ["identity_users_guard is not in the catalogue"]
    );
}

#[tokio::test]
async fn a_table_of_a_new_schema_is_reported() {
    let change = "CREATE SCHEMA parties; CREATE TABLE parties.parties (id bigint PRIMARY KEY)";
    let expected = [
        "parties_pkey is not in the catalogue",
        "parties.parties.id is not in the catalogue",
    ];
    assert_eq!(differences_after(change).await, expected);
}

#[tokio::test]
async fn a_dropped_rule_is_reported() {
    let change = "ALTER TABLE identity.profiles DROP CONSTRAINT identity_profiles_bio_length;
        ALTER TABLE identity.profiles ALTER bio DROP NOT NULL";
    let expected = [
        "identity_profiles_bio_length is not in the database",
        "identity.profiles.bio is not in the database",
    ];
    assert_eq!(differences_after(change).await, expected);
}

#[tokio::test]
async fn every_constraint_and_index_is_named_after_its_table() {
    let misnamed = "
        SELECT name FROM (
            SELECT conname, conrelid FROM pg_constraint WHERE contype IN ('c', 'f', 'p', 'u', 'x')
            UNION ALL
            SELECT relname, indrelid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        ) AS named (name, relation) JOIN pg_class ON pg_class.oid = relation
        WHERE NOT relnamespace::regnamespace::text = ANY ($OTHERS)
            AND NOT starts_with(name, format('%s_%s_', relnamespace::regnamespace, relname))";
    assert_eq!(
        names(&mut Database::scratch().await, misnamed).await,
        BTreeSet::new()
    );
}
