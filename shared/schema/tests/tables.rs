//! `table!` and the database have the same tables, columns, types and nullability, in the same order.

use diesel::pg::Pg;
use diesel::query_builder::QueryFragment;
use diesel::sql_types::{Array, BigInt, Bool, Bytea, Integer, Nullable, Text, Timestamptz, Uuid};
use diesel::{Expression, Table, debug_query};
use kith_schema::tables::{identity, messaging, posts, social_graph};

use crate::support::{Database, execute, strings};

/// A view's columns are never declared NOT NULL, so what is said of them is left out.
const COLUMNS: &str = "
    SELECT concat_ws(' ', format('%s.%s.%s', relnamespace::regnamespace, relname, attname),
        format_type(atttypid, atttypmod), CASE WHEN NOT attnotnull AND relkind <> 'v' THEN 'nullable' END)
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND attnum > 0 AND NOT attisdropped
        AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'public')
    ORDER BY relnamespace::regnamespace::text, relname, attnum";

/// A SQL type as PostgreSQL names it.
trait SqlName {
    const NAME: &'static str;
    const SUFFIX: &'static str = "";
}

impl SqlName for BigInt {
    const NAME: &'static str = "bigint";
}
impl SqlName for Bool {
    const NAME: &'static str = "boolean";
}
impl SqlName for Bytea {
    const NAME: &'static str = "bytea";
}
impl SqlName for Text {
    const NAME: &'static str = "text";
}
impl SqlName for Timestamptz {
    const NAME: &'static str = "timestamp with time zone";
}
impl SqlName for Array<Text> {
    const NAME: &'static str = "text[]";
}
impl SqlName for Array<Integer> {
    const NAME: &'static str = "integer[]";
}
impl SqlName for Uuid {
    const NAME: &'static str = "uuid";
}
impl<T: SqlName + diesel::sql_types::SqlType> SqlName for Nullable<T> {
    const NAME: &'static str = T::NAME;
    const SUFFIX: &'static str = " nullable";
}

fn line<C>(column: &C) -> String
where
    C: Expression<SqlType: SqlName> + QueryFragment<Pg>,
{
    let sql = debug_query::<Pg, _>(column).to_string().replace('"', "");
    let name = sql.split(' ').next().unwrap_or_default();
    format!(
        "{name} {}{}",
        <C::SqlType as SqlName>::NAME,
        <C::SqlType as SqlName>::SUFFIX
    )
}

trait Lines {
    fn lines(&self) -> Vec<String>;
}

macro_rules! lines {
    ($($column:ident)*) => {
        impl<$($column: Expression<SqlType: SqlName> + QueryFragment<Pg>),*> Lines for ($($column,)*) {
            #[allow(non_snake_case)]
            fn lines(&self) -> Vec<String> {
                let ($($column,)*) = self;
                vec![$(line($column)),*]
            }
        }
    };
}
lines!(A B);
lines!(A B C);
lines!(A B C D);
lines!(A B C D E);
lines!(A B C D E F);
lines!(A B C D E F G);
lines!(A B C D E F G H);
lines!(A B C D E F G H I);
lines!(A B C D E F G H I J);
lines!(A B C D E F G H I J K);
lines!(A B C D E F G H I J K L);
lines!(A B C D E F G H I J K L M);

fn declared() -> Vec<String> {
    [
        identity::accounts::table::all_columns().lines(),
        identity::audit_events::table::all_columns().lines(),
        identity::credentials::table::all_columns().lines(),
        identity::handles::table::all_columns().lines(),
        identity::profiles::table::all_columns().lines(),
        identity::refresh_tokens::table::all_columns().lines(),
        identity::service_accounts::table::all_columns().lines(),
        identity::sessions::table::all_columns().lines(),
        identity::signing_keys::table::all_columns().lines(),
        identity::throttles::table::all_columns().lines(),
        identity::user_names::table::all_columns().lines(),
        identity::users::table::all_columns().lines(),
        messaging::accepted_senders::table::all_columns().lines(),
        messaging::conversations::table::all_columns().lines(),
        messaging::members::table::all_columns().lines(),
        messaging::message_edits::table::all_columns().lines(),
        messaging::messages::table::all_columns().lines(),
        messaging::requests::table::all_columns().lines(),
        messaging::settings::table::all_columns().lines(),
        posts::hashtags::table::all_columns().lines(),
        posts::likes::table::all_columns().lines(),
        posts::mentions::table::all_columns().lines(),
        posts::post_edits::table::all_columns().lines(),
        posts::posts::table::all_columns().lines(),
        posts::requests::table::all_columns().lines(),
        posts::shares::table::all_columns().lines(),
        social_graph::block_edges::table::all_columns().lines(),
        social_graph::blocks::table::all_columns().lines(),
        social_graph::follow_counts::table::all_columns().lines(),
        social_graph::follow_edges::table::all_columns().lines(),
        social_graph::follows::table::all_columns().lines(),
        social_graph::friend_counts::table::all_columns().lines(),
        social_graph::friend_edges::table::all_columns().lines(),
        social_graph::friend_request_declines::table::all_columns().lines(),
        social_graph::friend_requests::table::all_columns().lines(),
        social_graph::friendships::table::all_columns().lines(),
        social_graph::mute_edges::table::all_columns().lines(),
        social_graph::mutes::table::all_columns().lines(),
    ]
    .concat()
}

#[tokio::test]
async fn every_column_is_declared_as_it_is() {
    assert_eq!(strings(&mut Database::scratch().await, COLUMNS).await, declared());
}

#[tokio::test]
async fn an_undeclared_change_is_noticed() {
    let conn = &mut Database::scratch().await;
    for change in [
        "ALTER TABLE identity.users ADD nickname text",
        "ALTER TABLE identity.users DROP nickname, ALTER email SET NOT NULL",
        "ALTER TABLE identity.users ALTER email DROP NOT NULL, ALTER version TYPE int",
        "ALTER TABLE identity.users ALTER version TYPE bigint; CREATE TABLE identity.strangers (id bigint)",
    ] {
        execute(conn, change).await;
        assert_ne!(strings(conn, COLUMNS).await, declared(), "{change}");
    }
    execute(conn, "DROP TABLE identity.strangers").await;
    assert_eq!(strings(conn, COLUMNS).await, declared());
}
