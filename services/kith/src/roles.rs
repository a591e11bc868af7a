//! How the services log in: each as its own role, by its own URL, which follows from the owner's unless it is given.

use std::collections::BTreeMap;

use kith_identity::settings as identity;
use kith_messaging::settings as messaging;
use kith_postgres::{DatabaseUrl, DbError, DbErrorKind};
use kith_posts::settings as posts;
use kith_rpc::process::AnyError;
use kith_schema::{Role, RolePasswords};
use kith_settings::{Reader, Setting, Topic};
use kith_social_graph::settings as social_graph;
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

const IDENTITY: Setting = identity::DATABASE_URL.optional().help(
    "the database as role kith_identity sees it; by default as the owner does, with a password made from the owner's",
);
const SOCIAL_GRAPH: Setting = social_graph::DATABASE_URL.optional().help(
    "the database as role kith_social_graph sees it; by default as the owner does, with a password made from the owner's",
);
const POSTS: Setting = posts::DATABASE_URL.optional().help(
    "the database as role kith_posts sees it; by default as the owner does, with a password made from the owner's",
);
const MESSAGING: Setting = messaging::DATABASE_URL.optional().help(
    "the database as role kith_messaging sees it; by default as the owner does, with a password made from the owner's",
);

/// The setting with a role's URL.
const fn setting(role: Role) -> &'static Setting {
    match role {
        Role::Identity => &IDENTITY,
        Role::SocialGraph => &SOCIAL_GRAPH,
        Role::Posts => &POSTS,
        Role::Messaging => &MESSAGING,
    }
}

/// What is said of the services' URLs: those that are given.
#[derive(Clone, Debug)]
pub(crate) struct RoleSettings(BTreeMap<Role, DatabaseUrl>);

impl Topic for RoleSettings {
    fn settings() -> Vec<&'static Setting> {
        Role::ALL.iter().map(|role| setting(*role)).collect()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        // All of them before the first that is wrong ends the reading.
        let urls: Vec<_> = Role::ALL
            .iter()
            .map(|role| (*role, reader.optional(setting(*role), DatabaseUrl::from_setting)))
            .collect();
        let mut given = BTreeMap::new();
        for (role, url) in urls {
            given.extend(url?.map(|url| (role, url)));
        }
        Some(Self(given))
    }
}

impl RoleSettings {
    /// Whether a URL is given, which makes sense only for a server that is given too.
    pub(crate) fn any_is_given(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether the URL of `role` is given, and does not follow from the owner's.
    pub(crate) fn is_given(&self, role: Role) -> bool {
        self.0.contains_key(&role)
    }

    /// The URL of `role`, if it is given.
    pub(crate) fn given(&self, role: Role) -> Option<&DatabaseUrl> {
        self.0.get(&role)
    }

    /// The variable that gives the URL of `role`.
    pub(crate) fn variable(role: Role) -> String {
        setting(role).variable()
    }

    /// The URL of `role` in the database of `owner`.
    pub(crate) fn url(&self, role: Role, owner: &DatabaseUrl) -> DatabaseUrl {
        self.0.get(&role).cloned().unwrap_or_else(|| derive(role, owner))
    }

    /// What to create missing roles with, so that these URLs work.
    pub(crate) fn passwords(&self, owner: &DatabaseUrl) -> RolePasswords {
        Role::ALL.iter().fold(RolePasswords::none(), |passwords, role| {
            match self.url(*role, owner).password() {
                Some(password) => passwords.with(*role, password.clone()),
                None => passwords,
            }
        })
    }

    /// Finds out whether `role` can log in.
    pub(crate) async fn check(&self, role: Role, owner: &DatabaseUrl) -> Result<(), AnyError> {
        let url = self.url(role, owner);
        match url.connect().await {
            Ok(_) => Ok(()),
            Err(error) if *error.kind() == DbErrorKind::LoginRefused => {
                Err(self.refused(role, &url, &error).into())
            }
            Err(error) => {
                Err(format!("role {role} cannot connect: {}", kith_primitives::chain(&error)).into())
            }
        }
    }

    fn refused(&self, role: Role, url: &DatabaseUrl, error: &DbError) -> String {
        let variable = setting(role).variable();
        let cause = kith_primitives::chain(error);
        if self.0.contains_key(&role) {
            return format!("role {role} cannot log in with the URL of {variable}: {cause}");
        }
        let way_out = match url.password() {
            Some(password) => format!(
                "it has another password than the one that follows from the owner's; either give it that one, as the owner:\n  \
                 ALTER ROLE {role} PASSWORD '{}';\nor",
                verifier(password)
            ),
            None => format!(
                "the owner's URL has no password that the role's could follow from; as the owner, run\n  \
                 ALTER ROLE {role} PASSWORD '...';\nand"
            ),
        };
        format!("role {role} cannot log in: {cause}\n{way_out} give its own URL in {variable}")
    }
}

/// The owner's URL with the role in the owner's place.
fn derive(role: Role, owner: &DatabaseUrl) -> DatabaseUrl {
    let url = owner.clone().with_role(
        role.name(),
        owner.password().map(|password| derive_password(role, password)),
    );
    // Without a name, the database is the one that has the name of whoever logs in.
    match (owner.database(), owner.role()) {
        (None, Some(name)) => url.with_database(name),
        _ => url,
    }
}

/// A password that whoever knows the owner's can tell, and nobody else.
fn derive_password(role: Role, owners: &SecretString) -> SecretString {
    let key = hmac::Key::new(hmac::HMAC_SHA256, owners.expose_secret().as_bytes());
    let tag = hmac::sign(&key, format!("password of the role {role}").as_bytes());
    tag.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        .into()
}

/// What PostgreSQL stores of a password; it may be shown where the password may not.
pub(crate) fn verifier(password: &SecretString) -> String {
    postgres_protocol::password::scram_sha_256(password.expose_secret().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> DatabaseUrl {
        DatabaseUrl::parse(text).expect("a good URL")
    }

    fn none() -> RoleSettings {
        RoleSettings(BTreeMap::new())
    }

    #[test]
    fn each_role_has_a_password_of_its_own_that_follows_from_the_owners() {
        let [identity, again, graph] = [Role::Identity, Role::Identity, Role::SocialGraph]
            .map(|role| none().url(role, &url("postgres://owner:secret@db:5433/kith?sslmode=require")));
        assert_eq!(identity.to_string(), "postgres://kith_identity@db:5433/kith");
        assert!(identity.expose().ends_with("?sslmode=require"));
        let exposed = |url: &DatabaseUrl| url.password().map(|password| password.expose_secret().to_owned());
        assert_eq!(exposed(&identity), exposed(&again));
        assert_ne!(exposed(&identity), exposed(&graph));
        assert_ne!(exposed(&identity).as_deref(), Some("secret"));
    }

    #[test]
    fn without_the_owners_password_there_is_none() {
        assert!(
            none()
                .url(Role::Identity, &url("postgres://owner@%2Frun/kith"))
                .password()
                .is_none()
        );
    }

    #[test]
    fn an_owner_without_database_means_the_one_of_its_name() {
        assert_eq!(
            none().url(Role::Identity, &url("postgres://kith@db")).to_string(),
            "postgres://kith_identity@db/kith"
        );
    }

    #[test]
    fn a_url_that_is_given_is_taken() {
        let given = BTreeMap::from([(Role::Identity, url("postgres://me:x@pooler/kith"))]);
        let settings = RoleSettings(given);
        assert_eq!(
            settings
                .url(Role::Identity, &url("postgres://owner:s@db/kith"))
                .to_string(),
            "postgres://me@pooler/kith"
        );
    }
}
