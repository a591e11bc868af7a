//! Statements that a connection keeps prepared.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, BoxedSqlQuery, Query, QueryFragment, QueryId, SqlQuery};
use diesel::serialize::ToSql;
use diesel::sql_types::HasSqlType;

/// A statement that is prepared once for each connection, and from then on takes one round trip.
///
/// Diesel does so by itself for what is made of its own words alone. It cannot know whether raw SQL, an update or a
/// batch of rows will ever have the same text again, and so prepares those anew for each call, which takes two round
/// trips and forgets the plan. Whoever makes a `Kept` does know. The statement is found again by its text.
#[derive(Clone, Copy, Debug)]
#[must_use = "a statement runs only when it is loaded or executed"]
pub struct Kept<Q>(Q);

/// Raw SQL that is kept prepared, with `$1` and so on for what [`bind`](Kept::bind) gives it.
///
/// It takes the place of [`diesel::sql_query`], and rows are read by the names of their columns as there. The text is
/// fixed, since each different one would stay prepared for as long as the connection lives.
///
/// ```no_run
/// use diesel::sql_types::BigInt;
/// use diesel_async::RunQueryDsl;
/// use kith_postgres::{Connection, DbError, run, sql_query};
///
/// async fn mute_delete(conn: &mut Connection, muter: i64, muted: i64) -> Result<usize, DbError> {
///     let delete = sql_query("DELETE FROM mutes WHERE muter_id = $1 AND muted_id = $2")
///         .bind::<BigInt, _>(muter)
///         .bind::<BigInt, _>(muted);
///     run("mute_delete", delete.execute(conn)).await
/// }
/// ```
pub fn sql_query<'a>(sql: &'static str) -> Kept<BoxedSqlQuery<'a, Pg, SqlQuery>> {
    Kept(diesel::sql_query(sql).into_boxed())
}

/// A query in Diesel's words that is kept prepared although there is raw SQL in it, or although it is an update.
///
/// ```no_run
/// use diesel::dsl::sql;
/// use diesel::prelude::*;
/// use diesel::sql_types::{BigInt, Bool, Timestamptz};
/// use diesel_async::RunQueryDsl;
/// use kith_postgres::{Connection, DbError, cursor_time, kept, run};
/// use kith_primitives::Page;
///
/// diesel::table! {
///     notes (id) { id -> BigInt, created_at -> Timestamptz }
/// }
///
/// async fn notes_page(conn: &mut Connection, page: &Page) -> Result<Vec<i64>, DbError> {
///     let mut query = notes::table.select(notes::id).into_boxed();
///     if let Some(after) = page.after() {
///         let beyond = sql::<Bool>("(created_at, id) < (")
///             .bind::<Timestamptz, _>(cursor_time(*after))
///             .sql(", ")
///             .bind::<BigInt, _>(after.key)
///             .sql(")");
///         query = query.filter(beyond);
///     }
///     let newest = (notes::created_at.desc(), notes::id.desc());
///     run("notes_page", kept(query.order(newest).limit(page.limit())).load(conn)).await
/// }
/// ```
///
/// Only for queries of which there is a handful of texts: not where values stand in the text, and not for a number of
/// rows that differs from call to call.
pub fn kept<Q>(query: Q) -> Kept<Q> {
    Kept(query)
}

impl<'a> Kept<BoxedSqlQuery<'a, Pg, SqlQuery>> {
    /// Gives the next parameter its value. That it has this type is not checked before the statement runs.
    pub fn bind<Type, Value>(self, value: Value) -> Self
    where
        Pg: HasSqlType<Type>,
        Type: Send + 'a,
        Value: ToSql<Type, Pg> + Send + 'a,
    {
        Self(self.0.bind::<Type, Value>(value))
    }
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Kept<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }

    fn is_safe_to_cache_prepared(&self, _: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

/// Without an id of its own, so that it is found by its text and the types of its parameters.
impl<Q> QueryId for Kept<Q> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Kept<Q> {
    type SqlType = Q::SqlType;
}
