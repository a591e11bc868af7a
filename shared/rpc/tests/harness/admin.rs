use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{TestServer, soon};

/// What the admin port answered, over HTTP/1.1.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

pub(crate) async fn ask(address: SocketAddr, method: &str, path: &str) -> Answer {
    let mut socket = TcpStream::connect(address).await.expect("somebody listens");
    let request = format!("{method} {path} HTTP/1.1\r\nhost: kith\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.expect("it listens");
    let mut text = String::new();
    soon(socket.read_to_string(&mut text)).await.expect("an answer");
    let (headers, body) = text.split_once("\r\n\r\n").expect("headers");
    let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer {
        status: status.expect("a status"),
        headers: headers.to_owned(),
        body: body.to_owned(),
    }
}

impl TestServer {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        ask(self.admin, "GET", path).await
    }

    /// The value of a series as it is written, labels in the order of their names; `None` where there is none.
    pub(crate) async fn metric(&self, series: &str) -> Option<f64> {
        let text = self.get("/metrics").await.body;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map(|value| value.parse().expect("a number"))
    }

    /// Returns once a series has this value.
    pub(crate) async fn metric_becomes(&self, series: &str, value: f64) {
        soon(async {
            while self.metric(series).await != Some(value) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}
