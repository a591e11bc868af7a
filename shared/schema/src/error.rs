//! Why the schema could not be brought about.

use std::error::Error;

use kith_postgres::{DbError, ServerProblem};

use crate::Role;

/// Why roles, migrations or settings could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The server does not answer, or refuses the login.
    #[error("cannot connect to the database")]
    Connect(#[source] DbError),
    /// The server or the database is none that Kith runs on.
    #[error(transparent)]
    Unsuitable(ServerProblem),
    /// Migrations grant rights to roles that nobody has created.
    #[error("role {0} does not exist; create the roles first with kith migrate --bootstrap")]
    RoleMissing(Role),
    /// A role of that name has rights that no service may have, or cannot log in.
    #[error("role {role} exists and is not fit for a service: {unfit}")]
    RoleUnfit {
        /// The role.
        role: Role,
        /// Which attributes are wrong.
        unfit: String,
    },
    /// Somebody else created the role, and since PostgreSQL 16 the right to create roles is not enough to change it.
    #[error("role {role} was created by somebody else; let a superuser, or who created it, run {grant}")]
    RoleOfAnother {
        /// The role.
        role: Role,
        /// The statement that gives the right.
        grant: String,
    },
    /// A migration failed. Nothing of it remains, unless it runs outside a transaction; those before it do.
    #[error("migration {name} failed")]
    Migration {
        /// The folder's name.
        name: String,
        /// What the database said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database holds a migration that this build does not know.
    #[error("migration {version} is applied, but this build does not know it; use the build that applied it")]
    MigrationUnknown {
        /// The version, as `public.__diesel_schema_migrations` has it.
        version: String,
    },
    /// The process stops while a migration runs.
    #[error("interrupted while migration {name} ran")]
    Interrupted {
        /// The folder's name.
        name: String,
    },
    /// A statement failed.
    #[error("the database refused a statement")]
    Database(#[from] diesel::result::Error),
}
