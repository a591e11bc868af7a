use std::future::Future;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kith_contracts::social_graph::v1::social_graph_service_client::SocialGraphServiceClient;
use prost::Message;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1, v1alpha};
use tower::Service;

use super::soon;

/// One HTTP/2 connection, without what tonic's channel adds: it would end calls at their deadline by itself, and
/// connect again.
#[derive(Debug)]
pub(crate) struct Connection {
    requests: SendRequest<Body>,
    socket: std::net::TcpStream,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.expect("somebody listens")).await
    }

    /// From an address of this machine.
    pub(crate) async fn open_from(own: &str, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        let own = SocketAddr::new(own.parse().expect("an address"), 0);
        socket.bind(own).expect("an address of ours");
        Self::over(socket.connect(address).await.expect("somebody listens")).await
    }

    /// Over TLS, to a server that is called `kith.test`.
    pub(crate) async fn open_tls(address: SocketAddr, config: &Arc<ClientConfig>) -> Self {
        let connected = TcpStream::connect(address).await.expect("somebody listens");
        let (socket, driven) = halves(connected);
        let name = "kith.test".try_into().expect("a name");
        let tls = TlsConnector::from(Arc::clone(config)).connect(name, driven);
        Self::begin(socket, tls.await.expect("a handshake")).await
    }

    async fn over(connected: TcpStream) -> Self {
        let (socket, driven) = halves(connected);
        Self::begin(socket, driven).await
    }

    async fn begin<S>(socket: std::net::TcpStream, driven: S) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (requests, driver) = handshake(TokioExecutor::new(), TokioIo::new(driven))
            .await
            .expect("HTTP/2");
        tokio::spawn(driver);
        Self { requests, socket }
    }

    pub(crate) fn graph(&self) -> SocialGraphServiceClient<Calls> {
        SocialGraphServiceClient::new(self.calls())
    }

    pub(crate) fn health(&self) -> HealthClient<Calls> {
        HealthClient::new(self.calls())
    }

    pub(crate) fn reflection(&self) -> v1::server_reflection_client::ServerReflectionClient<Calls> {
        v1::server_reflection_client::ServerReflectionClient::new(self.calls())
    }

    pub(crate) fn reflection_alpha(
        &self,
    ) -> v1alpha::server_reflection_client::ServerReflectionClient<Calls> {
        v1alpha::server_reflection_client::ServerReflectionClient::new(self.calls())
    }

    /// For the generated client of any service.
    pub(crate) fn calls(&self) -> Calls {
        Calls(self.requests.clone())
    }

    /// Sends any body to `path`, and answers how the call ended.
    pub(crate) async fn send(&self, path: &str, headers: &[(&str, &str)], body: Body) -> Status {
        let mut request = http::Request::post(format!("http://kith.test{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).expect("a request");
        let response = soon(self.requests.clone().send_request(request)).await;
        let (head, body) = response.expect("an answer").into_parts();
        if let Some(status) = Status::from_header_map(&head.headers) {
            return status;
        }
        let rest = soon(body.collect()).await.expect("a whole answer");
        let trailers = rest.trailers().and_then(Status::from_header_map);
        trailers.unwrap_or_else(|| Status::new(Code::Unknown, "the answer has no status"))
    }

    /// Closes the socket under everything that is still going on.
    pub(crate) fn cut(self) {
        self.socket.shutdown(Shutdown::Both).expect("it is open");
    }
}

/// The same socket twice: to cut, and to speak through.
fn halves(connected: TcpStream) -> (std::net::TcpStream, TcpStream) {
    // Or the second half of each request waits for the acknowledgement of its first.
    connected.set_nodelay(true).expect("it is open");
    let socket = connected.into_std().expect("a socket");
    let driven = socket.try_clone().and_then(TcpStream::from_std);
    (socket, driven.expect("a socket"))
}

/// What the generated clients call.
#[derive(Clone, Debug)]
pub(crate) struct Calls(SendRequest<Body>);

impl Service<http::Request<Body>> for Calls {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = hyper::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        // The generated clients give a path alone, and HTTP/2 wants to know where.
        let whole = format!("http://kith.test{}", request.uri());
        *request.uri_mut() = whole.parse().expect("a URI");
        Box::pin(self.0.send_request(request))
    }
}

/// The body of a unary call: the compressed flag, the length, the message.
pub(crate) fn message_of(message: &impl Message) -> Body {
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.encoded_len()).expect("not that long"));
    message.encode(&mut bytes).expect("room");
    Body::new(Full::new(Bytes::from(bytes)))
}
