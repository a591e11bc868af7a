//! The four services as processes of their own, several of each, as a deployment has them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kith_client::{Builder, Channel};
use kith_contracts::identity::v1::batch_import_users_result::Outcome;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::identity::v1::{BatchImportUsersRequest, ImportedUser};
use kith_postgres::DatabaseUrl;
use kith_primitives::ServiceId;
use kith_schema::Role;
use kith_testkit::{Bearer, Credentials, answer, ready};
use kith_tokens::Issuer;
use tonic::Status;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::processes::{Process, channel};
use crate::replicas::KeyFile;
use crate::rows::unique;

/// What all processes of a deployment have in common.
pub(crate) struct Site {
    environment: Vec<(String, String)>,
    pub(crate) issuer: Arc<Issuer>,
    /// Removed with this.
    _keys: KeyFile,
}

impl Site {
    /// A deployment whose services reach their database at `url`. `settings` are beside those that every process needs.
    pub(crate) fn new(url: impl Fn(Role) -> DatabaseUrl, settings: &[(&str, &str)]) -> Self {
        let keys = KeyFile::new(1);
        let key = keys.keys().first().clone();
        let mut environment = vec![("KITH_SIGNING_KEY_FILE".to_owned(), keys.path().to_owned())];
        for role in Role::ALL {
            environment.push((variable(*role, "DATABASE_URL"), url(*role).expose()));
        }
        environment.extend(
            settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        Self {
            environment,
            issuer: Arc::new(Issuer::new(key, "kith", "kith").expect("our provider")),
            _keys: keys,
        }
    }

    /// Starts a process of a service at `address`; it may never be ready. Services that are not identity ask for keys at
    /// `identity`.
    pub(crate) async fn start(&self, role: Role, address: &str, identity: &str) -> Member {
        let listen = variable(role, "LISTEN_ADDRESS");
        let identity = format!("http://{identity}");
        let own = [(listen.as_str(), address), ("KITH_IDENTITY_URL", &identity)];
        let common = self
            .environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let environment: Vec<_> = common.chain(own).collect();
        let process = Process::start(program(role), &environment);
        let address = process.address().await.parse().expect("an address");
        Member {
            role,
            process,
            address,
            channel: channel(&address_text(address)),
        }
    }

    /// A process of each service, at addresses of their own. They may not be ready yet.
    pub(crate) async fn start_all(&self) -> Vec<Member> {
        let identity = self.start(Role::Identity, ANYWHERE, ANYWHERE).await;
        let at = address_text(identity.address);
        let mut members = vec![identity];
        for role in &Role::ALL[1..] {
            members.push(self.start(*role, ANYWHERE, &at).await);
        }
        members
    }

    /// New users. `identity` must be ready.
    pub(crate) async fn users(&self, identity: &Channel, count: usize) -> Vec<i64> {
        let users = (0..count).map(|_| ImportedUser {
            username: unique("caller"),
            ..Default::default()
        });
        let request = BatchImportUsersRequest {
            users: users.collect(),
            allow_existing: false,
        };
        let operator = self
            .issuer
            .service(ServiceId::from_database(1), ["identity.users.import".to_owned()]);
        let operator = Bearer(Some(operator.expect("a token").token));
        let mut client =
            IdentityServiceClient::with_interceptor(identity.clone(), Credentials::of(&operator));
        let imported = answer(client.batch_import_users(request).await);
        let id = |outcome| match outcome {
            Some(Outcome::User(user)) => user.id,
            other => panic!("not imported: {other:?}"),
        };
        imported
            .results
            .into_iter()
            .map(|result| id(result.outcome))
            .collect()
    }
}

/// Where a process listens that nobody knows yet.
pub(crate) const ANYWHERE: &str = "127.0.0.1:0";

fn variable(role: Role, setting: &str) -> String {
    format!("KITH_{}_{setting}", role.schema().to_uppercase())
}

fn program(role: Role) -> &'static str {
    match role {
        Role::Identity => env!("CARGO_BIN_EXE_e2e-identity"),
        Role::SocialGraph => env!("CARGO_BIN_EXE_e2e-social-graph"),
        Role::Posts => env!("CARGO_BIN_EXE_e2e-posts"),
        Role::Messaging => env!("CARGO_BIN_EXE_e2e-messaging"),
    }
}

pub(crate) fn address_text(address: SocketAddr) -> String {
    address.to_string()
}

/// One process of a service.
pub(crate) struct Member {
    pub(crate) role: Role,
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    /// To this process alone, without a second attempt.
    pub(crate) channel: Channel,
}

impl Member {
    /// Returns once health says SERVING.
    pub(crate) async fn ready(&self) {
        ready(self.channel.clone()).await;
    }

    /// What health says now.
    ///
    /// # Errors
    /// When the process does not answer.
    pub(crate) async fn health(&self) -> Result<ServingStatus, Status> {
        let request = HealthCheckRequest::default();
        let answer = HealthClient::new(self.channel.clone()).check(request).await?;
        Ok(answer.into_inner().status())
    }

    /// Asks it to end, and returns once it has, in good order.
    pub(crate) async fn terminate(&mut self) {
        self.process.terminate();
        let status = self.process.ended().await;
        assert!(
            status.success(),
            "{}: {status}\n{}",
            self.role,
            self.process.said()
        );
    }
}

/// A name that stands for the processes of a service, as a headless Service of Kubernetes does.
#[derive(Clone, Default)]
pub(crate) struct Name {
    addresses: Arc<Mutex<Vec<SocketAddr>>>,
    asked: Arc<AtomicUsize>,
}

impl Name {
    pub(crate) fn of(members: &[Member]) -> Self {
        let name = Self::default();
        for member in members {
            name.add(member.address);
        }
        name
    }

    pub(crate) fn add(&self, address: SocketAddr) {
        self.addresses.lock().expect("no panic").push(address);
    }

    pub(crate) fn remove(&self, address: SocketAddr) {
        self.addresses
            .lock()
            .expect("no panic")
            .retain(|known| *known != address);
    }

    /// How often clients have asked for the addresses.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// The client as it is shipped, but for the way by which it resolves names.
    pub(crate) fn builder(&self) -> Builder {
        let name = self.clone();
        Builder::new("http://service.test").resolver(move |_, _| {
            name.asked.fetch_add(1, Ordering::Relaxed);
            let addresses = name.addresses.lock().expect("no panic").clone();
            async move { Ok(addresses) }
        })
    }

    pub(crate) fn channel(&self) -> Channel {
        self.builder().build().expect("a URL")
    }
}

/// A channel that asks for addresses when a connection ends, and otherwise never again.
pub(crate) fn channel_that_counts(name: &Name) -> Channel {
    let never = Duration::from_secs(24 * 3600);
    name.builder().resolve_every(never).build().expect("a URL")
}
