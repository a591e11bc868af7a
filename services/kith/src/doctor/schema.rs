//! Whether the schema is this build's, and whole.

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use kith_postgres::Connection;

use super::finding::{Finding, Fix};
use super::session::Session;

/// Whether every migration is there; the second is whether all of them are.
pub(super) async fn migrations(session: &mut Session) -> (Finding, bool) {
    let check = "migrations";
    let pending = session.ask(kith_schema::pending).await;
    let unknown = session.ask(kith_schema::unknown).await;
    let (pending, unknown) = match (pending, unknown) {
        (Ok(pending), Ok(unknown)) => (pending, unknown),
        (Err(because), _) | (_, Err(because)) => return (Finding::unchecked(check, because), false),
    };
    let finding = match (pending.as_slice(), unknown.as_slice()) {
        ([], []) => Finding::ok(check, "all that this build has"),
        ([], _) => Finding::warning(
            check,
            format!("this build does not know {} of the database", unknown.join(", ")),
        )
        .why("a newer build was here; old ones go on serving, but should not stay")
        .fix(Fix::advice("run the newer build")),
        _ => Finding::problem(check, format!("missing: {}", pending.join(", ")))
            .why("no service serves without them")
            .fix(Fix::command("kith migrate --bootstrap")),
    };
    (finding, pending.is_empty() && unknown.is_empty())
}

/// Whether what the migrations have made is in force: indexes that were left half made, constraints that old rows were not
/// held to, triggers that somebody has turned off.
pub(super) async fn wholeness(session: &mut Session) -> Finding {
    #[derive(QueryableByName)]
    struct Broken {
        #[diesel(sql_type = Text)]
        what: String,
        #[diesel(sql_type = Text)]
        mend: String,
    }
    const QUESTION: &str = "WITH ours AS (
            SELECT pg_class.oid, relname, nspname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE nspname IN ('identity', 'social_graph', 'posts', 'messaging')
        )
        SELECT format('index %I.%I is not valid', nspname, relname) AS what,
            format('REINDEX INDEX CONCURRENTLY %I.%I;', nspname, relname) AS mend
        FROM pg_index JOIN ours ON oid = indexrelid WHERE NOT indisvalid
        UNION ALL
        SELECT format('constraint %I of %I.%I is not validated', conname, nspname, relname),
            format('ALTER TABLE %I.%I VALIDATE CONSTRAINT %I;', nspname, relname, conname)
        FROM pg_constraint JOIN ours ON ours.oid = conrelid WHERE NOT convalidated
        UNION ALL
        SELECT format('trigger %I of %I.%I is off', tgname, nspname, relname),
            format('ALTER TABLE %I.%I ENABLE TRIGGER %I;', nspname, relname, tgname)
        FROM pg_trigger JOIN ours ON ours.oid = tgrelid WHERE tgenabled <> 'O'
        ORDER BY 1";
    let check = "schema";
    let asked = session
        .ask(async |conn: &mut Connection| diesel::sql_query(QUESTION).load::<Broken>(conn).await)
        .await;
    let broken = match asked {
        Ok(broken) => broken,
        Err(because) => return Finding::unchecked(check, because),
    };
    if broken.is_empty() {
        return Finding::ok(
            check,
            "indexes, constraints and triggers are in force (counters: kith admin verify-counters)",
        );
    }
    let join = |text: fn(&Broken) -> &str, with: &str| broken.iter().map(text).collect::<Vec<_>>().join(with);
    Finding::problem(check, join(|broken| &broken.what, ", "))
        .why("what the data are held to is not all in force")
        .fix(Fix::sql("the owner", join(|broken| &broken.mend, "\n")))
}
