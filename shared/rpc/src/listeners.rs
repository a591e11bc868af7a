//! Where a service listens: for calls, and for those who watch it.

use std::net::{Ipv4Addr, SocketAddr};

use kith_settings::{Reader, Setting};
use tokio::net::{TcpListener, TcpSocket};

use crate::process::AnyError;

/// Connections that wait to be accepted.
const MAX_WAITING_CONNECTIONS: u32 = 4096;

/// The sockets of a service, taken before anything else is started.
#[derive(Debug)]
pub struct Listeners {
    /// For calls.
    pub calls: TcpListener,
    /// For health and metrics, in plaintext; `None` where it is off.
    pub admin: Option<TcpListener>,
}

impl Listeners {
    /// Listens on both, each with the setting that says where.
    ///
    /// # Errors
    /// When an address is taken or not ours; the text names its setting.
    pub fn bind(
        (calls, calls_address): (&Setting, SocketAddr),
        (admin, admin_address): (&Setting, Option<SocketAddr>),
    ) -> Result<Self, AnyError> {
        Ok(Self {
            calls: bind(calls, calls_address)?,
            admin: admin_address.map(|address| bind(admin, address)).transpose()?,
        })
    }
}

impl From<TcpListener> for Listeners {
    /// Without admin port.
    fn from(calls: TcpListener) -> Self {
        Self { calls, admin: None }
    }
}

fn bind(setting: &Setting, address: SocketAddr) -> Result<TcpListener, AnyError> {
    listen(address).map_err(|error| {
        let names = setting.names();
        format!("cannot listen on {address}: {error}; free it, or name another address ({names})").into()
    })
}

/// Listens on `address`, with room for a crowd: 4,096 connections may wait to be accepted, or as many as the operating
/// system allows. Rust's own 128 overflow when the clients of a replica that went away come all at once, and each of those
/// waits for a second or more before it tries again.
///
/// # Errors
/// When the address is taken or not ours.
pub fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // What a process before us left behind is no reason to wait.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(MAX_WAITING_CONNECTIONS)
}

/// Reads where the admin port of a service is: an address, or `off`, which is `Some(None)`.
///
/// Without a word about it, it is at `default_port` of 127.0.0.1, or on a free port where `listen_address`, that of the
/// service itself, takes a free one: whoever has several of them on one machine need not name each port.
pub fn admin_listen_address(
    reader: &mut Reader<'_>,
    setting: &'static Setting,
    default_port: u16,
    listen_address: Option<SocketAddr>,
) -> Option<Option<SocketAddr>> {
    let given = reader.optional(setting, |reader, setting| reader.value_with(setting, parse))?;
    let takes_any = listen_address.is_some_and(|address| address.port() == 0);
    let port = if takes_any { 0 } else { default_port };
    Some(given.unwrap_or(Some((Ipv4Addr::LOCALHOST, port).into())))
}

fn parse(text: &str) -> Result<Option<SocketAddr>, &'static str> {
    match text {
        "off" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| "is neither an address with a port nor off"),
    }
}
