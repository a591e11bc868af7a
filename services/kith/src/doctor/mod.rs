//! `kith doctor`: what is wrong with this machine or database, and the fix. It only looks.
//!
//! Each check has a time limit of its own, and goes on where another has failed; what it cannot look at, it says with the
//! reason. Nothing that it prints holds a secret.

mod certificates;
mod clock;
mod encryption;
mod endpoints;
mod finding;
mod keys;
mod machine;
mod report;
mod roles;
mod schema;
mod server;
mod session;
mod settings;

use std::collections::BTreeSet;
use std::fs;
use std::process::ExitCode;

use futures::future::join_all;
use kith_postgres::DatabaseUrl;
use kith_rpc::process::AnyError;
use kith_schema::{Role, published_rights};
use kith_tokens::SigningKeys;
use tonic::codegen::http::Uri;

pub(crate) use self::report::Format;
pub(crate) use self::settings::DoctorSettings;

use self::finding::Finding;
use self::keys::Keeper;
use self::machine::Load;
use self::report::Report;
use self::roles::Place;
use self::session::{Session, Who, refused};
use self::settings::Address;

/// Looks at everything that applies. Exit code 1 when there is a problem.
pub(crate) async fn examine(settings: DoctorSettings, format: Format) -> Result<ExitCode, AnyError> {
    let mut report = Report::new(format);
    let mut owner = settings.owner.clone();
    if settings.is_private() {
        let directory = &settings.directory;
        report.add([
            machine::programs(directory),
            machine::directory(directory),
            machine::disk(directory),
        ])?;
        let (finding, url) = machine::private_server(directory);
        report.add([finding])?;
        owner = url;
    }
    let services = settings.services();
    let load = if settings.is_private() {
        Load::of_private(&settings.pool, services.len())
    } else {
        Load::of_service(&settings.pool)
    };
    report.add([machine::descriptors(load)])?;
    for address in settings.addresses_in_use() {
        if services.contains(&address.role) {
            report.add([endpoints::port(&address).await])?;
        }
    }
    report.add(certificates(&settings))?;
    if let Some(url) = &settings.identity_url {
        report.add([endpoints::identity(url, &settings.client_tls).await])?;
    }
    let (findings, keys) = signing_keys(&settings);
    report.add(findings)?;
    database(&mut report, &settings, owner, keys.as_ref()).await?;
    report.finish()
}

impl DoctorSettings {
    /// Whether nothing says where a database is: then it is the one that `kith up` makes.
    fn is_private(&self) -> bool {
        self.owner.is_none() && !self.roles.any_is_given()
    }

    /// The services that are meant: those with a URL, or all, where their URLs follow from the owner's.
    fn services(&self) -> Vec<Role> {
        let all = self.owner.is_some() || self.is_private();
        let is_meant = |role: &Role| all || self.roles.is_given(*role);
        Role::ALL.iter().copied().filter(is_meant).collect()
    }

    /// Where the services listen, or will.
    fn addresses_in_use(&self) -> Vec<Address> {
        let facts = match self.directory.is_held() {
            Ok(true) if self.is_private() => self.directory.run_file().ok().flatten(),
            _ => None,
        };
        let up = |role| {
            let facts = facts.as_ref()?;
            let url = match role {
                Role::Identity => &facts.identity,
                Role::SocialGraph => &facts.social_graph,
                Role::Posts => &facts.posts,
                Role::Messaging => &facts.messaging,
            };
            url.strip_prefix("http://")?.parse().ok()
        };
        let now = |address: &Address| Address {
            address: up(address.role)
                .filter(|_| !address.is_admin)
                .unwrap_or(address.address),
            ..*address
        };
        self.addresses.iter().map(now).collect()
    }
}

fn certificates(settings: &DoctorSettings) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(files) = &settings.server_tls {
        let name = settings.identity_url.as_deref().and_then(host_of_https);
        // Only identity's own certificate is for the name that others know identity by.
        let name = name.filter(|_| settings.signing_keys.is_some());
        let authorities = settings.client_tls.ca.as_deref();
        findings.extend(certificates::server(files, authorities, name.as_deref()));
    }
    findings.extend(certificates::client(&settings.client_tls));
    findings
}

fn host_of_https(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    let host = url.host().filter(|_| url.scheme_str() == Some("https"))?;
    Some(host.trim_matches(['[', ']']).to_owned())
}

/// Whether the keys are good that sign tokens: those that are given, or those of the data directory.
fn signing_keys(settings: &DoctorSettings) -> (Vec<Finding>, Option<SigningKeys>) {
    if let Some(given) = &settings.signing_keys {
        return keys::examine(given, settings.signing_keys_file.as_deref(), Keeper::Settings);
    }
    let file = settings.directory.signing_key_file();
    if settings.roles.any_is_given() || !file.exists() {
        return (Vec::new(), None);
    }
    let text = fs::read_to_string(&file).map(Into::into);
    let given = text.map_err(|error| format!("cannot read {}: {error}", file.display()));
    keys::examine(&given, Some(&file), Keeper::DataDirectory)
}

/// Whether the database is there, is one that Kith runs on, and has what it should.
async fn database(
    report: &mut Report,
    settings: &DoctorSettings,
    owner: Option<DatabaseUrl>,
    keys: Option<&SigningKeys>,
) -> Result<(), AnyError> {
    let urls = urls(settings, owner.as_ref());
    if urls.is_empty() {
        return report.add([Finding::unchecked(
            "database",
            "none runs here, and no URL names another",
        )]);
    }
    if owner.is_none() {
        report.add([Finding::unchecked(
            "login of owner",
            "KITH_DATABASE_URL is not given",
        )])?;
    }
    let logins = urls.into_iter().map(|(who, url)| async move {
        let session = Session::open(who, url.clone()).await;
        (who, url, session)
    });
    let (mut sessions, mut failures) = (Vec::new(), Vec::new());
    for (who, url, session) in join_all(logins).await {
        match session {
            Ok(session) => sessions.push(session),
            Err(problem) => failures.push((who, url, problem)),
        }
    }
    let mut told = BTreeSet::new();
    let missing = match sessions.first_mut() {
        Some(first) => whole(report, settings, first, &mut told).await?,
        None => BTreeSet::new(),
    };
    let of_owner = failures.first().filter(|(who, ..)| *who == Who::Owner).cloned();
    for (who, url, problem) in &failures {
        let finding = match (who, &of_owner) {
            (Who::Service(role), _) if missing.contains(role) => {
                Finding::unchecked(format!("login of {role}"), "the role is not there")
            }
            // One line says what is the matter.
            (Who::Service(role), Some((_, _, owners)))
                if !settings.roles.is_given(*role) && owners.is_of_server() =>
            {
                Finding::unchecked(format!("login of {role}"), "its URL follows from the owner's")
            }
            _ => refused(*who, url, &settings.roles, problem),
        };
        report.add([finding])?;
    }
    if sessions.is_empty() {
        return report.add([Finding::unchecked("database", "no login succeeded")]);
    }
    for other in sessions.iter_mut().skip(1) {
        report.add(server::defaults(other, &mut told).await)?;
    }
    logins_of_services(report, &mut sessions, keys).await?;
    report.add([encryption::examine(&mut sessions).await])
}

/// Everybody who logs in, the owner first.
fn urls(settings: &DoctorSettings, owner: Option<&DatabaseUrl>) -> Vec<(Who, DatabaseUrl)> {
    let roles = Role::ALL.iter().filter_map(|role| {
        let url = match owner {
            Some(owner) => Some(settings.roles.url(*role, owner)),
            None => settings.roles.given(*role).cloned(),
        };
        Some((Who::Service(*role), url?))
    });
    let owner = owner.map(|owner| (Who::Owner, owner.clone()));
    owner.into_iter().chain(roles).collect()
}

/// What is the same for every session, and the roles that are missing.
async fn whole(
    report: &mut Report,
    settings: &DoctorSettings,
    session: &mut Session,
    told: &mut BTreeSet<&'static str>,
) -> Result<BTreeSet<Role>, AnyError> {
    report.add(server::examine(session, &settings.pool, &settings.services(), told).await)?;
    report.add([clock::examine(session).await])?;
    let mut missing = BTreeSet::new();
    for (role, is_missing, finding) in roles::fitness(session).await {
        missing.extend(is_missing.then_some(role));
        report.add([finding])?;
    }
    let (finding, are_all_there) = schema::migrations(session).await;
    report.add([finding])?;
    if are_all_there {
        report.add([schema::wholeness(session).await])?;
        match session.ask(kith_schema::held_rights).await {
            Ok(held) => {
                let published = published_rights();
                let present = Role::ALL.iter().filter(|role| !missing.contains(role));
                report.add(present.flat_map(|role| roles::rights(*role, &held, &published)))?;
            }
            Err(because) => report.add([Finding::unchecked("rights", because)])?,
        }
        report.add([match session.ask(kith_schema::rights_of_everybody).await {
            Ok(held) => roles::rights_of_everybody(&held),
            Err(because) => Finding::unchecked("rights of everybody", because),
        }])?;
    } else {
        report.add([Finding::unchecked(
            "schema and rights",
            "the migrations are not those of this build",
        )])?;
    }
    Ok(missing)
}

/// What is each session's own.
async fn logins_of_services(
    report: &mut Report,
    sessions: &mut [Session],
    keys: Option<&SigningKeys>,
) -> Result<(), AnyError> {
    let mut owners = None;
    let mut are_active_known = false;
    for session in sessions {
        let place = match Place::of(session).await {
            Ok(place) => place,
            Err(because) => {
                let check = format!("login of {}", session.who.name());
                report.add([Finding::unchecked(check, because)])?;
                continue;
            }
        };
        match session.who {
            Who::Owner => {
                report.add([roles::owner(session).await])?;
                owners = Some(place.clone());
            }
            Who::Service(role) => {
                report.add([roles::right_login(role, &session.url, &place, owners.as_ref())])?;
                if place.role == role.name() {
                    report.add([roles::settings(session, role, &place).await])?;
                }
            }
        }
        if let Some(keys) = keys.filter(|_| !are_active_known)
            && let Some(finding) = keys::active(session, keys).await
        {
            are_active_known = true;
            report.add([finding])?;
        }
    }
    Ok(())
}
