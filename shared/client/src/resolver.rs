//! From a host name to addresses.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

/// The addresses that a name stands for at the moment.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Finds the servers of a service. Any `async` function from host and port to addresses is one.
pub trait Resolver: Send + Sync + 'static {
    /// All addresses of `host`. An error leaves those in use that were found before.
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a>;
}

impl<F, T> Resolver for F
where
    F: Fn(String, u16) -> T + Send + Sync + 'static,
    T: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
{
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a> {
        Box::pin(self(host.to_owned(), port))
    }
}

/// As the operating system resolves names: `/etc/hosts`, DNS.
pub(crate) async fn system(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((host, port)).await?.collect())
}
