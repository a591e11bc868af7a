use std::net::SocketAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tonic::Status;

use super::soon;

/// The page that is let in.
pub(crate) const PAGE: &str = "https://app.kith.test";

/// The two forms of gRPC-Web.
pub(crate) const BINARY: &str = "application/grpc-web+proto";
pub(crate) const TEXT: &str = "application/grpc-web-text";

/// A connection as a browser has it: HTTP, and no gRPC.
pub(crate) enum Web {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// What a browser gets.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Web {
    pub(crate) async fn http1(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.expect("somebody listens");
        Self::http1_over(socket).await
    }

    pub(crate) async fn http1_over(socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (requests, driver) = http1::handshake(TokioIo::new(socket)).await.expect("HTTP/1.1");
        tokio::spawn(driver);
        Self::Http1(requests)
    }

    pub(crate) async fn http2(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.expect("somebody listens");
        let connected = http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await;
        let (requests, driver) = connected.expect("HTTP/2");
        tokio::spawn(driver);
        Self::Http2(requests)
    }

    /// Sends a request as it is, but for the origin-form that HTTP/1.1 has.
    pub(crate) async fn send(&mut self, mut request: Request<Full<Bytes>>) -> hyper::Result<Answer> {
        let response = match self {
            Self::Http1(requests) => soon(requests.send_request(request)).await?,
            Self::Http2(requests) => {
                let whole = format!("http://kith.test{}", request.uri().path());
                *request.uri_mut() = whole.parse().expect("a URI");
                request.headers_mut().remove("host");
                soon(requests.send_request(request)).await?
            }
        };
        let (head, body) = response.into_parts();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: soon(body.collect()).await?.to_bytes(),
        })
    }

    /// Calls `path` in `form`, from our page.
    pub(crate) async fn call(
        &mut self,
        path: &str,
        form: &str,
        headers: &[(&str, &str)],
        message: &impl Message,
    ) -> Answer {
        let body = match form {
            TEXT => BASE64_STANDARD.encode(framed(message)).into(),
            _ => framed(message),
        };
        let from_page = [
            &[("origin", PAGE), ("content-type", form), ("accept", form)],
            headers,
        ]
        .concat();
        let answer = self.send(post(path, &from_page, body)).await;
        answer.expect("an answer")
    }
}

/// A request with these headers.
pub(crate) fn post(path: &str, headers: &[(&str, &str)], body: Bytes) -> Request<Full<Bytes>> {
    request("POST", path, headers, body)
}

pub(crate) fn request(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Request<Full<Bytes>> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "kith.test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body)).expect("a request")
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().expect("ASCII"));
        assert!(values.next().is_none(), "more than one {name}");
        value
    }

    /// Takes the answer apart into its messages and its trailers, which must be there, once, at the end.
    pub(crate) fn frames(&self) -> (Vec<Bytes>, HeaderMap) {
        assert_eq!(self.status, StatusCode::OK);
        let mut rest = match self.header("content-type") {
            Some("application/grpc-web-text+proto") => of_text(&self.body),
            Some(BINARY) => self.body.clone(),
            other => panic!("{other:?}"),
        };
        let mut messages = Vec::new();
        loop {
            assert!(rest.len() >= 5, "no trailers: {:?}", self.body);
            let head = rest.split_to(5);
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
            let content = rest.split_to(usize::try_from(length).expect("short"));
            match head[0] {
                0 => messages.push(content),
                0x80 => {
                    assert!(rest.is_empty(), "more after the trailers: {rest:?}");
                    return (messages, trailers(&content));
                }
                other => panic!("a frame of kind {other}"),
            }
        }
    }

    /// The only message of an answer that is OK.
    pub(crate) fn message<M: Message + Default>(&self) -> M {
        let (messages, trailers) = self.frames();
        assert_eq!(
            trailers.get("grpc-status").map(HeaderValue::as_bytes),
            Some(b"0".as_slice())
        );
        assert_eq!(messages.len(), 1);
        M::decode(messages[0].clone()).expect("a message")
    }

    /// The status of one that is not.
    pub(crate) fn refusal(&self) -> Status {
        let (messages, mut trailers) = self.frames();
        assert!(messages.is_empty(), "{messages:?}");
        // Clients show headers and trailers together: what stood in both would be there twice.
        for (name, value) in &self.headers {
            assert!(!trailers.contains_key(name), "{name} stands in two places");
            trailers.insert(name, value.clone());
        }
        Status::from_header_map(&trailers).expect("a status")
    }
}

fn framed(message: &impl Message) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.encoded_len()).expect("not that long"));
    message.encode(&mut bytes).expect("room");
    bytes.freeze()
}

/// The text of each piece is padded by itself.
fn of_text(text: &[u8]) -> Bytes {
    let quads = text
        .chunks(4)
        .map(|quad| BASE64_STANDARD.decode(quad).expect("base64"));
    quads.flatten().collect()
}

fn trailers(lines: &[u8]) -> HeaderMap {
    let lines = std::str::from_utf8(lines).expect("ASCII");
    let pairs = lines
        .split_terminator("\r\n")
        .map(|line| line.split_once(':').expect("name:value"));
    let header = |(name, value): (&str, &str)| {
        let value = HeaderValue::from_str(value.trim()).expect("a value");
        (name.parse::<HeaderName>().expect("a name"), value)
    };
    pairs.map(header).collect()
}
