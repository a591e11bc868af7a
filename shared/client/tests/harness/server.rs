use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::{Buf, BufMut, Bytes};
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper_util::rt::{TokioExecutor, TokioIo};
use kith_client::{Builder as ChannelBuilder, Channel};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Status;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::Grpc;
use tower::service_fn;

/// What becomes of a call.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// An empty message.
    Answer,
    /// An encoded message.
    Message(Vec<u8>),
    Refuse(Status),
    /// The connection is cut when the call has been read.
    Break,
    /// No answer ever.
    Hang,
}

/// A call as it came.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) message: Bytes,
    pub(crate) headers: HeaderMap,
    pub(crate) at: Instant,
}

type Plan = dyn Fn(usize, &Call) -> Reply + Send + Sync;

/// A server of any method.
pub(crate) struct FakeServer {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

struct Shared {
    plan: Box<Plan>,
    calls: Mutex<Vec<Call>>,
    connections: Mutex<usize>,
    /// Has connections take no more calls.
    drain: Mutex<CancellationToken>,
    cut: CancellationToken,
}

impl FakeServer {
    /// A server that does with the nth call, counted from 0, what `plan` says.
    pub(crate) async fn start(plan: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::on(([127, 0, 0, 1], 0).into(), None, plan).await
    }

    /// A server that does what `plan` says of each call.
    pub(crate) async fn reading(plan: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        let plan = Box::new(move |_, call: &Call| plan(call));
        Self::serve(([127, 0, 0, 1], 0).into(), None, plan).await
    }

    pub(crate) async fn answering() -> Self {
        Self::start(|_| Reply::Answer).await
    }

    pub(crate) async fn on(
        address: SocketAddr,
        tls: Option<ServerConfig>,
        plan: impl Fn(usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::serve(address, tls, Box::new(move |nth, _| plan(nth))).await
    }

    async fn serve(address: SocketAddr, tls: Option<ServerConfig>, plan: Box<Plan>) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let server = Self {
            address: listener.local_addr().expect("an address"),
            shared: Arc::new(Shared {
                plan,
                calls: Mutex::default(),
                connections: Mutex::default(),
                drain: Mutex::default(),
                cut: CancellationToken::new(),
            }),
            tasks: TaskTracker::new(),
        };
        let acceptor = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let accept = accept(
            listener,
            acceptor,
            Arc::clone(&server.shared),
            server.tasks.clone(),
        );
        server
            .tasks
            .spawn(server.shared.cut.clone().run_until_cancelled_owned(accept));
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn channel(&self) -> Channel {
        ChannelBuilder::new(self.url()).build().expect("a channel")
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().expect("no panic").clone()
    }

    /// How many calls there were.
    pub(crate) fn count(&self) -> usize {
        self.shared.calls.lock().expect("no panic").len()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.shared.connections.lock().expect("no panic")
    }

    /// Ends every connection as servers do: calls that have begun are finished. New ones are accepted.
    pub(crate) fn close_connections(&self) {
        std::mem::take(&mut *self.shared.drain.lock().expect("no panic")).cancel();
    }

    /// Cuts every connection and stops listening.
    pub(crate) async fn kill(&self) {
        self.shared.cut.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.shared.cut.cancel();
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>, tasks: TaskTracker) {
    loop {
        let (socket, _) = listener.accept().await.expect("a connection");
        let (shared, tls) = (Arc::clone(&shared), tls.clone());
        let cut = shared.cut.clone();
        let connection = async move {
            match tls {
                None => serve(socket, shared).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(socket).await {
                        serve(stream, shared).await;
                    }
                }
            }
        };
        tasks.spawn(cut.run_until_cancelled_owned(connection));
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, shared: Arc<Shared>) {
    *shared.connections.lock().expect("no panic") += 1;
    let drain = shared.drain.lock().expect("no panic").clone();
    let broken = CancellationToken::new();
    let breaks = broken.clone();
    let service =
        hyper::service::service_fn(move |request| answer(Arc::clone(&shared), breaks.clone(), request));
    let connection = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        () = broken.cancelled() => {}
        () = drain.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn answer(
    shared: Arc<Shared>,
    broken: CancellationToken,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (path, headers) = (request.uri().path().to_owned(), request.headers().clone());
    let handler = service_fn(move |message: tonic::Request<Bytes>| {
        let reply = shared.next(Call {
            path: path.clone(),
            message: message.into_inner(),
            headers: headers.clone(),
            at: Instant::now(),
        });
        let broken = broken.clone();
        async move {
            match reply {
                Reply::Answer => Ok(tonic::Response::new(Bytes::new())),
                Reply::Message(bytes) => Ok(tonic::Response::new(bytes.into())),
                Reply::Refuse(status) => Err(status),
                Reply::Hang => pending().await,
                Reply::Break => {
                    broken.cancel();
                    pending().await
                }
            }
        }
    });
    let mut grpc = Grpc::new(Raw).max_decoding_message_size(usize::MAX);
    Ok(grpc.unary(handler, request).await)
}

impl Shared {
    fn next(&self, call: Call) -> Reply {
        let mut calls = self.calls.lock().expect("no panic");
        let reply = (self.plan)(calls.len(), &call);
        calls.push(call);
        reply
    }
}

/// Messages as they are on the wire.
#[derive(Clone, Copy, Debug, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
