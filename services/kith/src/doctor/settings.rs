//! What `kith doctor` is told: whatever a service or a migration would be, none of it required.

use std::net::SocketAddr;
use std::path::PathBuf;

use kith_client::TlsFiles as ClientTls;
use kith_identity::ThrottleSettings;
use kith_identity::settings::{self as identity, HASHES_AT_ONCE, SESSION_LIFETIME, SIGNING_KEY};
use kith_messaging::settings as messaging;
use kith_postgres::{DatabaseUrl, PoolSettings};
use kith_posts::settings as posts;
use kith_rpc::{PlaintextServerSettings, SIGNING_KEYS_INTERVAL, ServerSettings, TlsFiles, TokenSettings};
use kith_schema::Role;
use kith_settings::{Reader, Setting, Topic};
use kith_social_graph::{FriendSettings, settings as social_graph};
use secrecy::SecretString;

use crate::data_directory::DataDirectory;
use crate::roles::RoleSettings;
use crate::up::DATABASE_URL;

const OWNERS_URL: Setting = DATABASE_URL.help("the database as its owner sees it");
const IDENTITY_URL: Setting = kith_service::IDENTITY_URL.optional();
const KEYS: Setting = SIGNING_KEY.optional();

/// The settings of all programs. What is in files is not judged here: a check tells it.
pub(crate) struct DoctorSettings {
    pub(super) directory: DataDirectory,
    pub(super) owner: Option<DatabaseUrl>,
    pub(super) roles: RoleSettings,
    pub(super) pool: PoolSettings,
    pub(super) addresses: Vec<Address>,
    pub(super) server_tls: Option<TlsFiles>,
    pub(super) client_tls: ClientTls,
    /// Where identity is said to be.
    pub(super) identity_url: Option<String>,
    /// The keys that sign tokens, if any are given, or why they cannot be read.
    pub(super) signing_keys: Option<Result<SecretString, String>>,
    /// Where they were read.
    pub(super) signing_keys_file: Option<PathBuf>,
}

/// Where a service listens.
pub(super) struct Address {
    pub(super) role: Role,
    /// Whether it is for health and metrics, and not for calls.
    pub(super) is_admin: bool,
    pub(super) setting: &'static Setting,
    pub(super) address: SocketAddr,
}

/// The setting of a service's address.
const fn listen_address(role: Role) -> &'static Setting {
    match role {
        Role::Identity => &identity::LISTEN_ADDRESS,
        Role::SocialGraph => &social_graph::LISTEN_ADDRESS,
        Role::Posts => &posts::LISTEN_ADDRESS,
        Role::Messaging => &messaging::LISTEN_ADDRESS,
    }
}

/// The setting of the address for health and metrics, and its port by default.
const fn admin_listen_address(role: Role) -> (&'static Setting, u16) {
    match role {
        Role::Identity => (&identity::ADMIN_LISTEN_ADDRESS, identity::ADMIN_PORT),
        Role::SocialGraph => (&social_graph::ADMIN_LISTEN_ADDRESS, social_graph::ADMIN_PORT),
        Role::Posts => (&posts::ADMIN_LISTEN_ADDRESS, posts::ADMIN_PORT),
        Role::Messaging => (&messaging::ADMIN_LISTEN_ADDRESS, messaging::ADMIN_PORT),
    }
}

/// Reads where a service listens: for calls, and for health and metrics unless that is off.
fn addresses(reader: &mut Reader<'_>, role: Role, server: Option<&ServerSettings>) -> Option<Vec<Address>> {
    let setting = listen_address(role);
    let (admin_setting, port) = admin_listen_address(role);
    let calls = ServerSettings::listen_address(reader, setting, server);
    let admin = kith_rpc::admin_listen_address(reader, admin_setting, port, calls);
    let calls = Address {
        role,
        is_admin: false,
        setting,
        address: calls?,
    };
    let admin = admin?.map(|address| Address {
        role,
        is_admin: true,
        setting: admin_setting,
        address,
    });
    Some([calls].into_iter().chain(admin).collect())
}

impl Topic for DoctorSettings {
    fn settings() -> Vec<&'static Setting> {
        let own = vec![
            &OWNERS_URL,
            &IDENTITY_URL,
            &KEYS,
            &SESSION_LIFETIME,
            &HASHES_AT_ONCE,
            &SIGNING_KEYS_INTERVAL,
        ];
        let topics = [
            RoleSettings::settings(),
            PoolSettings::settings(),
            Role::ALL.iter().map(|role| listen_address(*role)).collect(),
            Role::ALL
                .iter()
                .map(|role| admin_listen_address(*role).0)
                .collect(),
            PlaintextServerSettings::settings(),
            TlsFiles::settings(),
            ClientTls::settings(),
            TokenSettings::settings(),
            FriendSettings::settings(),
            ThrottleSettings::settings(),
        ];
        [DataDirectory::settings(), own, topics.concat()].concat()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let directory = DataDirectory::read(reader);
        let owner = reader.optional(&OWNERS_URL, DatabaseUrl::from_setting);
        let roles = RoleSettings::read(reader);
        let pool = PoolSettings::read(reader);
        let server_tls = TlsFiles::named(reader);
        let server = PlaintextServerSettings::read(reader).map(|server| ServerSettings {
            tls: server_tls.clone().flatten(),
            ..server.0
        });
        let addresses: Vec<_> = Role::ALL
            .iter()
            .map(|role| addresses(reader, *role, server.as_ref()))
            .collect();
        let client_tls = ClientTls::named(reader);
        let identity_url = reader.optional(&IDENTITY_URL, |reader, setting| {
            reader.value_with(setting, kith_client::address)
        });
        let signing_keys = reader.found(&KEYS).transpose();
        let signing_keys_file = reader.file_of(&KEYS);
        // What these say is of no matter here but for its mistakes.
        let others = (
            TokenSettings::read(reader),
            FriendSettings::read(reader),
            ThrottleSettings::read(reader),
            reader.duration(&SESSION_LIFETIME),
            reader.number::<usize>(&HASHES_AT_ONCE),
            reader.duration(&SIGNING_KEYS_INTERVAL),
        );
        let addresses: Option<Vec<_>> = addresses.into_iter().collect();
        let addresses = addresses.map(|addresses| addresses.into_iter().flatten().collect());
        server?;
        others.0?;
        Some(Self {
            directory: directory?,
            owner: owner?,
            roles: roles?,
            pool: pool?,
            addresses: addresses?,
            server_tls: server_tls?,
            client_tls: client_tls?,
            identity_url: identity_url?,
            signing_keys,
            signing_keys_file,
        })
    }
}
