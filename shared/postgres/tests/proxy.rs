//! A network between client and server that fails on demand.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use kith_postgres::DatabaseUrl;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use crate::scene::{cluster, parse};

/// What happens, once, to the connection that next sends these bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It breaks before the server sees them.
    CutBefore(&'static [u8]),
    /// It breaks when the server has answered, before the client sees that.
    CutAfter(&'static [u8]),
    /// Nothing passes any more, in either direction.
    Silence(&'static [u8]),
}

impl Fault {
    fn applies(self, bytes: &[u8]) -> bool {
        let (Fault::CutBefore(needle) | Fault::CutAfter(needle) | Fault::Silence(needle)) = self;
        bytes.windows(needle.len()).any(|window| window == needle)
    }
}

/// Listens on a port of the loopback and passes on to the shared server.
pub(crate) struct Proxy {
    address: SocketAddr,
    fault: Arc<Mutex<Option<Fault>>>,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let fault = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&fault);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, Arc::clone(&shared)));
            }
        });
        Self { address, fault }
    }

    /// `database` by way of this proxy.
    pub(crate) fn url(&self, database: &DatabaseUrl) -> DatabaseUrl {
        let name = database.database().expect("a name");
        parse(&format!(
            "postgres://postgres@{}/{name}?sslmode=disable",
            self.address
        ))
    }

    pub(crate) fn inject(&self, fault: Fault) {
        *self.fault.lock().expect("the fault") = Some(fault);
    }

    pub(crate) fn has_struck(&self) -> bool {
        self.fault.lock().expect("the fault").is_none()
    }
}

/// A connection to the shared server.
pub(crate) async fn server() -> UnixStream {
    let url = cluster().superuser_url("postgres");
    let host = url.split(['@', '/']).nth(3).expect("a host");
    let directory = percent_encoding::percent_decode_str(host)
        .decode_utf8()
        .expect("a path");
    UnixStream::connect(PathBuf::from(&*directory).join(".s.PGSQL.5432"))
        .await
        .expect("the server")
}

async fn pass_on(mut client: TcpStream, fault: Arc<Mutex<Option<Fault>>>) {
    let mut server = server().await;
    let (mut sent, mut answered) = (vec![0; 65536], vec![0; 65536]);
    let (mut cut, mut silent) = (false, false);
    loop {
        tokio::select! {
            count = client.read(&mut sent) => {
                let bytes = &sent[..count.unwrap_or(0)];
                match struck(&fault, bytes) {
                    Some(Fault::CutBefore(_)) => return,
                    Some(Fault::CutAfter(_)) => cut = true,
                    Some(Fault::Silence(_)) => silent = true,
                    None => {}
                }
                if bytes.is_empty() || !silent && server.write_all(bytes).await.is_err() {
                    return;
                }
            }
            count = server.read(&mut answered) => {
                let bytes = &answered[..count.unwrap_or(0)];
                if bytes.is_empty() || cut || !silent && client.write_all(bytes).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn struck(fault: &Mutex<Option<Fault>>, bytes: &[u8]) -> Option<Fault> {
    fault
        .lock()
        .expect("the fault")
        .take_if(|fault| fault.applies(bytes))
}
