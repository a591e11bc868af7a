//! Whether each service is who it should be in the database, and has what its role should have.

use std::collections::BTreeMap;

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Nullable, Text};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, DatabaseUrl};
use kith_schema::{OpenRight, Right, Role, role_setting_statement, role_settings};

use super::finding::{Finding, Fix};
use super::session::{Session, Who};
use crate::roles::RoleSettings;

/// Who a session is, and where.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(super) struct Place {
    #[diesel(sql_type = Text)]
    pub(super) role: String,
    #[diesel(sql_type = Text)]
    pub(super) database: String,
    /// The same for all sessions of one database in one running server, whatever way they came.
    #[diesel(sql_type = Text)]
    fingerprint: String,
}

const PLACE: &str = "SELECT current_user::text AS role, current_database()::text AS database,
    format('%s %s %s', pg_postmaster_start_time(), current_setting('port'), oid) AS fingerprint
    FROM pg_database WHERE datname = current_database()";

impl Place {
    pub(super) async fn of(session: &mut Session) -> Result<Self, String> {
        session
            .ask(async |conn: &mut Connection| diesel::sql_query(PLACE).get_result(conn).await)
            .await
    }
}

/// Whether a login is the one that its service should have. `owner` is where the owner's URL leads, if there is one.
pub(super) fn right_login(role: Role, url: &DatabaseUrl, place: &Place, owner: Option<&Place>) -> Finding {
    let check = format!("login of {role}");
    let variable = RoleSettings::variable(role);
    if place.role != role.name() {
        let seen = format!("{variable} logs in as {}", place.role);
        return Finding::problem(check, seen)
            .why("a service must have its own rights and timeouts, and no others")
            .fix(Fix::advice(format!(
                "put role {role} and its password into the URL that {variable} gives, and leave the rest of it as it is"
            )));
    }
    match owner.filter(|owner| owner.fingerprint != place.fingerprint) {
        Some(owner) => Finding::problem(
            check,
            format!("{variable} leads to another database than the owner's URL"),
        )
        .why("migrations would go to one, and the service to the other")
        .fix(Fix::advice(format!(
            "name database {} and its server in {variable}",
            owner.database
        ))),
        None => Finding::ok(check, url.to_string()),
    }
}

/// Whether the owner can bring the roles and the schema about.
pub(super) async fn owner(session: &mut Session) -> Finding {
    #[derive(QueryableByName)]
    struct Owner {
        #[diesel(sql_type = Bool)]
        owns: bool,
        #[diesel(sql_type = Bool)]
        creates_roles: bool,
        #[diesel(sql_type = Text)]
        role: String,
        #[diesel(sql_type = Text)]
        database: String,
    }
    const QUESTION: &str = "SELECT pg_has_role(current_user, datdba, 'USAGE') AS owns,
        rolcreaterole OR rolsuper AS creates_roles,
        quote_ident(current_user) AS role, quote_ident(current_database()) AS database
        FROM pg_database, pg_roles WHERE datname = current_database() AND rolname = current_user";
    let check = "login of owner";
    let asked = session
        .ask(async |conn: &mut Connection| diesel::sql_query(QUESTION).get_result::<Owner>(conn).await)
        .await;
    let owner = match asked {
        Ok(owner) => owner,
        Err(because) => return Finding::unchecked(check, because),
    };
    let Owner { role, database, .. } = &owner;
    if let Some(service) = Role::ALL.iter().find(|service| service.name() == role) {
        let variable = Who::Owner.variable();
        return Finding::problem(check, format!("{variable} logs in as {service}, a service"))
            .why("it cannot migrate")
            .fix(Fix::advice(format!(
                "name the role that owns {database} in {variable}"
            )));
    }
    if !owner.owns {
        return Finding::problem(check, format!("{role} does not own database {database}"))
            .why("it cannot migrate")
            .fix(Fix::sql(
                "a superuser",
                format!("ALTER DATABASE {database} OWNER TO {role};"),
            ));
    }
    if !owner.creates_roles {
        return Finding::warning(check, format!("{role} may not create roles"))
            .why("kith migrate --bootstrap and kith up create the services' roles")
            .fix(Fix::sql("a superuser", format!("ALTER ROLE {role} CREATEROLE;")));
    }
    Finding::ok(check, session.url.to_string())
}

/// Whether each role is fit to be a service's, and whether it is missing. Any session sees that.
pub(super) async fn fitness(session: &mut Session) -> Vec<(Role, bool, Finding)> {
    let mut findings = Vec::new();
    for role in Role::ALL.iter().copied() {
        let unfit = session
            .ask(async |conn| kith_schema::unfit(conn, role).await)
            .await;
        let above = session.ask(async |conn| above(conn, role).await).await;
        let is_missing = matches!(unfit, Ok(None));
        findings.push((role, is_missing, fit(role, unfit, above)));
    }
    findings
}

/// The roles whose rights `role` has too.
async fn above(conn: &mut Connection, role: Role) -> diesel::QueryResult<Vec<String>> {
    #[derive(QueryableByName)]
    struct Above {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let query = diesel::sql_query(
        "SELECT quote_ident(roleid::regrole::text) AS name FROM pg_auth_members
        WHERE member = (SELECT oid FROM pg_roles WHERE rolname = $1) ORDER BY 1",
    );
    let rows: Vec<Above> = query.bind::<Text, _>(role.name()).load(conn).await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

fn fit(role: Role, unfit: Result<Option<String>, String>, above: Result<Vec<String>, String>) -> Finding {
    let check = format!("role {role}");
    let (unfit, above) = match (unfit, above) {
        (Ok(unfit), Ok(above)) => (unfit, above),
        (Err(because), _) | (_, Err(because)) => return Finding::unchecked(check, because),
    };
    let Some(unfit) = unfit else {
        return Finding::problem(check, "is not there")
            .why("its service cannot log in, and no migration grants it anything")
            .fix(Fix::command("kith migrate --bootstrap"));
    };
    if !unfit.is_empty() {
        let words = unfit.split(", ").map(|word| match word.strip_prefix("NO") {
            Some(without) => without.to_owned(),
            None => format!("NO{word}"),
        });
        let words = words.collect::<Vec<_>>().join(" ");
        return Finding::problem(check, format!("has {unfit}"))
            .why("kith migrate refuses it: a service may log in, and no more")
            .fix(Fix::sql("a superuser", format!("ALTER ROLE {role} {words};")));
    }
    if !above.is_empty() {
        let list = above.join(", ");
        return Finding::warning(check, format!("is a member of {list}"))
            .why("its service may do whatever they may")
            .fix(Fix::advice(format!(
                "where nobody has it so on purpose, as a superuser: REVOKE {list} FROM {role};"
            )));
    }
    Finding::ok(check, "is there, and may log in and no more")
}

/// Whether the sessions of a role have the timeouts and the search path that they should.
pub(super) async fn settings(session: &mut Session, role: Role, place: &Place) -> Finding {
    #[derive(QueryableByName)]
    struct InForce {
        #[diesel(sql_type = Text)]
        name: String,
        #[diesel(sql_type = Nullable<Text>)]
        value: Option<String>,
    }
    let check = format!("settings of {role}");
    let names: Vec<_> = role_settings(role)
        .map(|(name, _)| format!("('{name}')"))
        .collect();
    let query = format!(
        "SELECT name, current_setting(name, true) AS value FROM (VALUES {}) AS names (name)",
        names.join(", ")
    );
    let asked = session
        .ask(async |conn: &mut Connection| diesel::sql_query(query).load::<InForce>(conn).await)
        .await;
    let in_force: BTreeMap<_, _> = match asked {
        Ok(rows) => rows.into_iter().map(|row| (row.name, row.value)).collect(),
        Err(because) => return Finding::unchecked(check, because),
    };
    let value = |name: &str| in_force.get(name).cloned().flatten().unwrap_or_default();
    let wrong: Vec<_> = role_settings(role)
        .filter(|(name, wanted)| value(name) != *wanted)
        .collect();
    if wrong.is_empty() {
        return Finding::ok(check, "its timeouts, isolation and search path are in force");
    }
    let seen = wrong
        .iter()
        .map(|(name, wanted)| format!("{name} is {:?} and not {wanted:?}", value(name)));
    let statements = wrong
        .iter()
        .map(|(name, wanted)| role_setting_statement(role, &place.database, name, wanted));
    Finding::problem(check, seen.collect::<Vec<_>>().join(", "))
        .why("they bound what a stuck call holds, and say where its tables are")
        .fix(Fix::sql("the owner", statements.collect::<Vec<_>>().join("\n")))
}

/// Whether the roles have the rights that the migrations have given them, and no others.
pub(super) fn rights(role: Role, held: &[Right], published: &[Right]) -> Vec<Finding> {
    let check = format!("rights of {role}");
    let of = |rights: &[Right]| -> Vec<Right> {
        rights
            .iter()
            .filter(|right| right.role == role)
            .cloned()
            .collect()
    };
    let (held, published) = (of(held), of(published));
    let missing: Vec<_> = published.iter().filter(|right| !held.contains(right)).collect();
    let excess: Vec<_> = held.iter().filter(|right| !published.contains(right)).collect();
    let statements = |rights: &[&Right], statement: fn(&Right) -> String| {
        let all: Vec<_> = rights.iter().map(|right| statement(right)).collect();
        Fix::sql("the owner", all.join("\n"))
    };
    let mut findings = Vec::new();
    if let Some(what) = describe(missing.iter().map(|right| (&right.privilege, &right.object))) {
        let finding = Finding::problem(&check, format!("lacks {what}"));
        findings.push(
            finding
                .why("its calls would fail as INTERNAL")
                .fix(statements(&missing, Right::grant)),
        );
    }
    if let Some(what) = describe(excess.iter().map(|right| (&right.privilege, &right.object))) {
        let finding = Finding::warning(&check, format!("has {what}, which no migration gave it"));
        findings.push(
            finding
                .why("a service should reach its own data alone")
                .fix(statements(&excess, Right::revoke)),
        );
    }
    if findings.is_empty() {
        let seen = format!("{} as the migrations have given them", published.len());
        findings.push(Finding::ok(check, seen));
    }
    findings
}

/// Whether everybody has rights on what is the services'.
pub(super) fn rights_of_everybody(held: &[OpenRight]) -> Finding {
    let check = "rights of everybody";
    match describe(held.iter().map(|right| (&right.privilege, &right.object))) {
        None => Finding::ok(check, "none on what is the services'"),
        Some(what) => {
            let statements: Vec<_> = held.iter().map(OpenRight::revoke).collect();
            Finding::warning(check, format!("PUBLIC has {what}, which no migration gave it"))
                .why("every service has it too, and whoever else may log in")
                .fix(Fix::sql("the owner", statements.join("\n")))
        }
    }
}

/// `DELETE on posts.likes and 1 more`; `None` where there are no rights.
fn describe<'a>(mut rights: impl Iterator<Item = (&'a String, &'a String)>) -> Option<String> {
    let (privilege, object) = rights.next()?;
    let first = format!("{privilege} on {object}");
    Some(match rights.count() {
        0 => first,
        more => format!("{first} and {more} more"),
    })
}
