//! The services of one test, as tasks of this process.

use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use kith_client::{Builder, Channel};
use kith_identity::IdentitySettings;
use kith_messaging::MessagingSettings;
use kith_posts::PostsSettings;
use kith_social_graph::SocialGraphSettings;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Where a service listens: on a port that is free, which is known once it does.
pub(crate) const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What runs. Each of the functions starts a service or another replica of it, and answers a channel to it at once: it
/// may never be ready.
#[derive(Debug, Default)]
pub(crate) struct Services {
    shutdown: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    /// Where the first of each listens, by the name in its package.
    addresses: HashMap<&'static str, SocketAddr>,
}

impl Services {
    /// Also answers where it listens.
    pub(crate) async fn identity(&mut self, settings: IdentitySettings) -> (Channel, SocketAddr) {
        let (listener, address) = self.listen("identity").await;
        self.spawn(kith_identity::run(settings, listener, self.shutdown.clone()));
        (channel(address), address)
    }

    pub(crate) async fn social_graph(&mut self, settings: SocialGraphSettings) -> Channel {
        let (listener, address) = self.listen("social_graph").await;
        self.spawn(kith_social_graph::run(settings, listener, self.shutdown.clone()));
        channel(address)
    }

    pub(crate) async fn posts(&mut self, settings: PostsSettings) -> Channel {
        let (listener, address) = self.listen("posts").await;
        self.spawn(kith_posts::run(settings, listener, self.shutdown.clone()));
        channel(address)
    }

    pub(crate) async fn messaging(&mut self, settings: MessagingSettings) -> Channel {
        let (listener, address) = self.listen("messaging").await;
        self.spawn(kith_messaging::run(settings, listener, self.shutdown.clone()));
        channel(address)
    }

    /// Where the first service of this name listens.
    pub(crate) fn address(&self, name: &str) -> Option<SocketAddr> {
        self.addresses.get(name).copied()
    }

    async fn listen(&mut self, name: &'static str) -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind(ANYWHERE).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        self.addresses.entry(name).or_insert(address);
        (listener, address)
    }

    fn spawn<E: Display>(&mut self, service: impl Future<Output = Result<(), E>> + Send + 'static) {
        self.tasks.push(tokio::spawn(async move {
            if let Err(error) = service.await {
                panic!("a service could not run: {error}");
            }
        }));
    }

    /// Stops them as a signal does, and returns once they have drained.
    pub(crate) async fn shut_down(&mut self) {
        self.shutdown.cancel();
        for service in self.tasks.drain(..) {
            service.await.expect("a service that drains");
        }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        let ended = !self.shutdown.is_cancelled() && self.tasks.iter().any(JoinHandle::is_finished);
        self.shutdown.cancel();
        assert!(
            !ended || std::thread::panicking(),
            "a service ended in the middle of the test"
        );
    }
}

/// Tests see what a service answers, and not what another attempt makes of it.
fn channel(address: SocketAddr) -> Channel {
    let url = format!("http://{address}");
    Builder::new(url).max_attempts(1).build().expect("a URL")
}
