//! Roles and migrations, as `kith up` and `kith migrate` bring them about.

use kith_postgres::DatabaseUrl;
use kith_rpc::process::AnyError;
use kith_schema::{LcMessages, Progress, Role};

use crate::report::progress;
use crate::roles::RoleSettings;

/// Creates the services' roles where they are missing, with passwords that fit their URLs.
pub(crate) async fn create_roles(owner: &DatabaseUrl, roles: &RoleSettings) -> Result<(), AnyError> {
    let done = kith_schema::bootstrap(owner, &roles.passwords(owner)).await?;
    for role in done.created {
        progress(&format!("created role {role}"));
    }
    if done.lc_messages == LcMessages::NotAllowed {
        progress(
            "the owner may not set lc_messages; if the server's messages are not in English, a superuser must",
        );
    }
    Ok(())
}

/// Makes sure that every service can log in, before one that cannot is waited for.
pub(crate) async fn check_roles(owner: &DatabaseUrl, roles: &RoleSettings) -> Result<(), AnyError> {
    for role in Role::ALL {
        roles.check(*role, owner).await?;
    }
    Ok(())
}

/// Applies what is pending, and answers the names.
pub(crate) async fn bring_up_to_date(owner: &DatabaseUrl) -> Result<Vec<String>, AnyError> {
    let tell = |step: Progress<'_>| match step {
        Progress::Waiting => progress("another process is migrating this database; waiting for it …"),
        Progress::Started(_) => {}
        Progress::Finished(name) => progress(&format!("applied migration {name}")),
    };
    Ok(kith_schema::migrate(owner, tell).await?)
}
