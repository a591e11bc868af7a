use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::soon;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const CANCEL: u32 = 8;
const ACK: u8 = 1;

/// A connection whose every byte is the test's: HTTP/2 as a library would not let one speak it.
pub(crate) struct RawConnection {
    socket: TcpStream,
    next_stream: u32,
}

impl RawConnection {
    /// Connects, and says nothing.
    pub(crate) async fn silent(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.expect("somebody listens");
        Self {
            socket,
            next_stream: 1,
        }
    }

    /// Connects and begins as every client does.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let mut connection = Self::silent(address).await;
        let preface = [
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(),
            &frame(SETTINGS, 0, 0, &[]),
        ]
        .concat();
        connection.write(&preface).await;
        connection
    }

    /// The number of streams that the server allows, from its SETTINGS.
    pub(crate) async fn max_concurrent_streams(&mut self) -> Option<u32> {
        loop {
            let (kind, payload) = self.read_frame().await.expect("SETTINGS come first");
            if kind == SETTINGS {
                let mut settings = payload.chunks_exact(6);
                let streams = settings.find(|setting| setting[..2] == MAX_CONCURRENT_STREAMS.to_be_bytes());
                return streams
                    .map(|setting| u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]));
            }
        }
    }

    /// Opens `count` calls to `path` and takes each back at once, all in one piece, as far as the server listens.
    pub(crate) async fn call_and_reset(&mut self, path: &str, count: u32) {
        self.flood(&calls_and_resets(path, self.next_stream, count)).await;
        self.next_stream += 2 * count;
    }

    /// Sends `bytes`, as far as the server listens.
    pub(crate) async fn flood(&mut self, bytes: &[u8]) {
        let _ = soon(self.socket.write_all(bytes)).await;
    }

    /// Begins `count` calls to `path` by the bearer of `token`, whose requests never end, as far as the server listens.
    pub(crate) async fn begin_calls(&mut self, path: &str, token: &str, count: usize) {
        let end_headers = 4;
        let headers = header_block(path, Some(token));
        let mut bytes = Vec::new();
        for _ in 0..count {
            bytes.extend(frame(HEADERS, end_headers, self.next_stream, &headers));
            self.next_stream += 2;
        }
        self.flood(&bytes).await;
    }

    /// Why the next `count` streams were ended that the server ends before their time.
    pub(crate) async fn resets(&mut self, count: usize) -> Vec<u32> {
        let mut reasons = Vec::new();
        while reasons.len() < count {
            let (kind, payload) = self.read_frame().await.expect("the connection lives");
            if kind == RST_STREAM {
                reasons.push(u32::from_be_bytes([
                    payload[0], payload[1], payload[2], payload[3],
                ]));
            }
        }
        reasons
    }

    /// Why the server ended the connection; `None` when it closed it without a word.
    pub(crate) async fn goaway(&mut self) -> Option<u32> {
        while let Some((kind, payload)) = self.read_frame().await {
            if kind == GOAWAY {
                return Some(u32::from_be_bytes([
                    payload[4], payload[5], payload[6], payload[7],
                ]));
            }
        }
        None
    }

    /// Answers the server's PINGs until it says no more.
    pub(crate) async fn until_closed(&mut self) {
        while let Some(head) = self.read_head().await {
            let payload = self.read_payload(&head).await;
            if head[3] == PING && head[4] & ACK == 0 {
                self.write(&frame(PING, ACK, 0, &payload)).await;
            }
        }
    }

    /// Whether the server still takes what is sent, and has not reset the connection.
    pub(crate) async fn is_read(&mut self) -> bool {
        let ping = frame(PING, 0, 0, &[7; 8]);
        for _ in 0..3 {
            if self.socket.write_all(&ping).await.is_err() {
                return false;
            }
            // For the answer of TCP, which the next one then meets.
            sleep(Duration::from_millis(10)).await;
        }
        true
    }

    /// Sends a PING and returns once it is answered: everything before it has been looked at then.
    pub(crate) async fn ping(&mut self) {
        self.write(&frame(PING, 0, 0, &[7; 8])).await;
        loop {
            let head = self.read_head().await.expect("the connection lives");
            let payload = self.read_payload(&head).await;
            if head[3] == PING && head[4] == ACK {
                return assert_eq!(payload, [7; 8]);
            }
            assert_ne!(head[3], GOAWAY, "the server ended the connection");
        }
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.expect("the server reads");
    }

    async fn read_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let head = self.read_head().await?;
        Some((head[3], self.read_payload(&head).await))
    }

    async fn read_head(&mut self) -> Option<[u8; 9]> {
        let mut head = [0; 9];
        soon(self.socket.read_exact(&mut head)).await.ok()?;
        Some(head)
    }

    async fn read_payload(&mut self, head: &[u8; 9]) -> Vec<u8> {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        soon(self.socket.read_exact(&mut payload))
            .await
            .expect("a whole frame");
        payload
    }
}

/// Calls to `path`, from the stream `first` on, each of which is taken back at once.
pub(crate) fn calls_and_resets(path: &str, first: u32, count: u32) -> Vec<u8> {
    let headers = header_block(path, None);
    let pair = |number: u32| {
        // The headers end here, and no body follows yet.
        let (end_headers, stream) = (4, first + 2 * number);
        let call = frame(HEADERS, end_headers, stream, &headers);
        [call, frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())].concat()
    };
    (0..count).flat_map(pair).collect()
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// HPACK without compression: POST and http by their places in the static table, the others as literals.
fn header_block(path: &str, token: Option<&str>) -> Vec<u8> {
    let (post, http, indexed_path, indexed_authority, new_name) = (0x83, 0x86, 0x04, 0x01, 0x00);
    let mut block = vec![post, http, indexed_path];
    block.extend(literal(path));
    block.push(indexed_authority);
    block.extend(literal("kith.test"));
    if let Some(token) = token {
        block.push(new_name);
        block.extend(literal("authorization"));
        block.extend(literal(&format!("Bearer {token}")));
    }
    block
}

fn literal(text: &str) -> Vec<u8> {
    // A length takes 7 bits, and 7 more in each of the bytes that follow where those are full.
    let mut literal = match text.len() {
        length @ 0..127 => vec![u8::try_from(length).expect("short")],
        length => {
            let mut bytes = vec![127];
            prost::encoding::encode_varint((length - 127) as u64, &mut bytes);
            bytes
        }
    };
    literal.extend(text.as_bytes());
    literal
}
