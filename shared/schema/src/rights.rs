//! What each service's role may do, as the migrations have granted it.

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use kith_postgres::Connection;

use crate::Role;

/// A line for each right: role, privilege and object. A test compares them with what the migrations grant.
const PUBLISHED: &str = include_str!("rights.txt");

/// What everybody may do with an object of the services, by a grant to PUBLIC, in order: each service may, too. No migration
/// gives any. Any role may ask.
///
/// # Errors
/// When the database does not answer.
pub async fn rights_of_everybody(conn: &mut Connection) -> diesel::QueryResult<Vec<OpenRight>> {
    let query = format!(
        "SELECT concat_ws(' ', privilege_type, object) AS line
        FROM ({OBJECTS}) AS objects (schema, object, rights), aclexplode(rights)
        WHERE schema IN ('identity', 'social_graph', 'posts', 'messaging') AND grantee = 0
        ORDER BY 1"
    );
    let rows = diesel::sql_query(query).load::<Row>(conn).await?;
    let rights = rows.into_iter().filter_map(|row| {
        let (privilege, object) = row.line.split_once(' ')?;
        Some(OpenRight {
            privilege: privilege.to_owned(),
            object: object.to_owned(),
        })
    });
    Ok(rights.collect())
}

/// What everybody may do with one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRight {
    /// As [`Right::privilege`].
    pub privilege: String,
    /// As [`Right::object`].
    pub object: String,
}

impl OpenRight {
    /// The statement that takes it away.
    pub fn revoke(&self) -> String {
        format!("REVOKE {} FROM PUBLIC;", subject(&self.privilege, &self.object))
    }
}

/// What one role may do with one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// Who may.
    pub role: Role,
    /// What: `SELECT`, for example.
    pub privilege: String,
    /// With what, as [`held_rights`] writes it: `identity.users`, `posts.posts (content)`, `schema identity`,
    /// `posts.post_lock(bigint)`.
    pub object: String,
}

impl Right {
    /// Of a line of the role's name, the privilege and the object.
    fn parse(line: &str) -> Option<Self> {
        let (role, rest) = line.split_once(' ')?;
        let (privilege, object) = rest.split_once(' ')?;
        Some(Self {
            role: Role::ALL.iter().copied().find(|known| known.name() == role)?,
            privilege: privilege.to_owned(),
            object: object.to_owned(),
        })
    }

    /// The statement that gives it.
    pub fn grant(&self) -> String {
        format!(
            "GRANT {} TO {};",
            subject(&self.privilege, &self.object),
            self.role
        )
    }

    /// The statement that takes it away.
    pub fn revoke(&self) -> String {
        format!(
            "REVOKE {} FROM {};",
            subject(&self.privilege, &self.object),
            self.role
        )
    }
}

/// `SELECT ON identity.users`.
fn subject(privilege: &str, object: &str) -> String {
    if let Some(schema) = object.strip_prefix("schema ") {
        return format!("{privilege} ON SCHEMA {schema}");
    }
    match (privilege, object.split_once(" (")) {
        ("EXECUTE", _) => format!("EXECUTE ON FUNCTION {object}"),
        ("USAGE", None) => format!("USAGE ON SEQUENCE {object}"),
        (_, Some((table, column))) => format!("{privilege} ({column} ON {table}"),
        (_, None) => format!("{privilege} ON {object}"),
    }
}

/// Every right that a service's role has where every migration has been applied, in order.
pub fn published_rights() -> Vec<Right> {
    sorted(PUBLISHED.lines())
}

/// Every right that a service's role has in the database of `conn` on what is not PostgreSQL's own, in order. Any role
/// may ask.
///
/// # Errors
/// When the database does not answer.
pub async fn held_rights(conn: &mut Connection) -> diesel::QueryResult<Vec<Right>> {
    let query = format!(
        "SELECT concat_ws(' ', rolname, privilege_type, object) AS line
        FROM ({OBJECTS}) AS objects (schema, object, rights), aclexplode(rights) JOIN pg_roles ON pg_roles.oid = grantee
        WHERE schema NOT IN ('pg_catalog', 'information_schema')
            AND rolname IN ('kith_identity', 'kith_social_graph', 'kith_posts', 'kith_messaging')"
    );
    let rows = diesel::sql_query(query).load::<Row>(conn).await?;
    Ok(sorted(rows.iter().map(|row| row.line.as_str())))
}

fn sorted<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Right> {
    let mut rights: Vec<_> = lines.filter_map(Right::parse).collect();
    rights.sort();
    rights
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Schemas, what is in them, and who may do what with it.
const OBJECTS: &str = "SELECT nspname, format('schema %I', nspname), coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace
        UNION ALL
        SELECT nspname, format('%I.%I', nspname, relname), relacl
        FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
        UNION ALL
        SELECT nspname, format('%I.%I (%I)', nspname, relname, attname), attacl
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
        UNION ALL
        SELECT nspname, format('%I.%I(%s)', nspname, proname, oidvectortypes(proargtypes)),
            coalesce(proacl, acldefault('f', proowner))
        FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_right() {
        assert_eq!(published_rights().len(), PUBLISHED.lines().count());
    }

    #[test]
    fn each_kind_of_object_has_its_own_words() {
        let grant = |line: &str| Right::parse(line).expect("a right").grant();
        assert_eq!(
            grant("kith_posts USAGE schema posts"),
            "GRANT USAGE ON SCHEMA posts TO kith_posts;"
        );
        assert_eq!(
            grant("kith_posts USAGE posts.posts_id_seq"),
            "GRANT USAGE ON SEQUENCE posts.posts_id_seq TO kith_posts;"
        );
        assert_eq!(
            grant("kith_posts UPDATE posts.posts (content)"),
            "GRANT UPDATE (content) ON posts.posts TO kith_posts;"
        );
        assert_eq!(
            grant("kith_posts EXECUTE posts.post_lock(bigint)"),
            "GRANT EXECUTE ON FUNCTION posts.post_lock(bigint) TO kith_posts;"
        );
        assert_eq!(
            grant("kith_posts DELETE posts.likes"),
            "GRANT DELETE ON posts.likes TO kith_posts;"
        );
    }
}
