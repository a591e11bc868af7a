//! The services of one test, as tasks of this process.

use std::fmt::Display;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use kith_client::{Builder, Channel};
use kith_identity::IdentitySettings;
use kith_messaging::MessagingSettings;
use kith_posts::PostsSettings;
use kith_rpc::Listeners;
use kith_social_graph::SocialGraphSettings;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Where a service listens: on a port that is free, which is known once it does.
pub(crate) const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A service that was started.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) channel: Channel,
    pub(crate) address: SocketAddr,
    /// Where it serves health and metrics.
    pub(crate) admin: SocketAddr,
}

/// What runs. Each of the functions starts a service or another replica of it, and answers at once: it may never be
/// ready.
#[derive(Debug, Default)]
pub(crate) struct Services {
    shutdown: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Services {
    pub(crate) fn identity(&mut self, settings: IdentitySettings) -> Served {
        let (listeners, served) = listen();
        self.spawn(kith_identity::run(settings, listeners, self.shutdown.clone()));
        served
    }

    pub(crate) fn social_graph(&mut self, settings: SocialGraphSettings) -> Served {
        let (listeners, served) = listen();
        self.spawn(kith_social_graph::run(settings, listeners, self.shutdown.clone()));
        served
    }

    pub(crate) fn posts(&mut self, settings: PostsSettings) -> Served {
        let (listeners, served) = listen();
        self.spawn(kith_posts::run(settings, listeners, self.shutdown.clone()));
        served
    }

    pub(crate) fn messaging(&mut self, settings: MessagingSettings) -> Served {
        let (listeners, served) = listen();
        self.spawn(kith_messaging::run(settings, listeners, self.shutdown.clone()));
        served
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

fn listen() -> (Listeners, Served) {
    let listen = || kith_rpc::listen(ANYWHERE).expect("a free port");
    let (calls, admin) = (listen(), listen());
    let address = calls.local_addr().expect("an address");
    let served = Served {
        channel: channel(address),
        address,
        admin: admin.local_addr().expect("an address"),
    };
    let admin = Some(admin);
    (Listeners { calls, admin }, served)
}

/// Tests see what a service answers, and not what another attempt makes of it.
fn channel(address: SocketAddr) -> Channel {
    let url = format!("http://{address}");
    Builder::new(url).max_attempts(1).build().expect("a URL")
}
