//! Calls by path and bytes, for requests that the generated clients cannot make.

use std::sync::LazyLock;

use kith_testkit::{Caller, Refusal, TestApp};
use prost::Message;
use prost::bytes::{Buf, BufMut, Bytes};
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, ReflectMessage};
use secrecy::{ExposeSecret, SecretString};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::{Extensions, Request, Response, Status};

/// The contracts' descriptors, read once: each call of the walkers asks for them.
static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(kith_contracts::FILE_DESCRIPTOR_SET).expect("the contracts' descriptors")
});

/// The contracts' descriptors.
pub(crate) fn pool() -> DescriptorPool {
    POOL.clone()
}

/// Every RPC of the contracts.
pub(crate) fn methods() -> Vec<MethodDescriptor> {
    pool()
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .collect()
}

/// `package.Service/Method`.
pub(crate) fn name(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().full_name(), method.name())
}

/// The RPC of that name.
pub(crate) fn method(wanted: &str) -> MethodDescriptor {
    methods()
        .into_iter()
        .find(|method| name(method) == wanted)
        .unwrap_or_else(|| panic!("no RPC is called {wanted}"))
}

/// Calls `method` with these bytes. An item's error in a batch's answer counts as the call's.
pub(crate) async fn call(
    app: &TestApp,
    method: &MethodDescriptor,
    caller: &impl Caller,
    request: Vec<u8>,
) -> Result<DynamicMessage, Refusal> {
    let mut metadata = MetadataMap::new();
    if let Some(token) = caller.token() {
        metadata.insert("authorization", bearer(token));
    }
    call_with(app, method, metadata, request).await
}

/// A token as metadata carries it.
pub(crate) fn bearer(token: &SecretString) -> AsciiMetadataValue {
    let value = format!("Bearer {}", token.expose_secret());
    value.parse().expect("ASCII")
}

/// [`call`] with any metadata.
pub(crate) async fn call_with(
    app: &TestApp,
    method: &MethodDescriptor,
    metadata: MetadataMap,
    request: Vec<u8>,
) -> Result<DynamicMessage, Refusal> {
    let answer = send(app, method, metadata, request)
        .await
        .map_err(|status| Refusal::of(&status))?;
    let answer =
        DynamicMessage::decode(method.output(), answer.into_inner()).expect("an answer of the RPC's type");
    match item_error(&answer) {
        Some(refusal) => Err(refusal),
        None => Ok(answer),
    }
}

/// [`call_with`], and what came of it as it was sent.
pub(crate) async fn send(
    app: &TestApp,
    method: &MethodDescriptor,
    metadata: MetadataMap,
    request: Vec<u8>,
) -> Result<Response<Bytes>, Status> {
    let service = method.parent_service().full_name().to_owned();
    let path = format!("/{}", name(method)).parse().expect("a path");
    let mut client = Grpc::new(app.channel(&service));
    client.ready().await.expect("a connection");
    let request = Request::from_parts(metadata, Extensions::default(), Bytes::from(request));
    client.unary(request, path, RawCodec).await
}

/// The error of the first item of `results` that has one.
fn item_error(answer: &DynamicMessage) -> Option<Refusal> {
    let results = answer.get_field_by_name("results")?;
    let items = results.as_list().expect("results are a list");
    let failed = items
        .iter()
        .map(|item| item.as_message().expect("results are messages"));
    let failed = failed.into_iter().find(|item| item.has_field_by_name("error"))?;
    let error = failed.get_field_by_name("error").expect("it has one");
    let bytes = error.as_message().expect("an error is a message").encode_to_vec();
    let status = tonic_types::pb::Status::decode(bytes.as_slice()).expect("an error is a google.rpc.Status");
    Some(Refusal::of_item(&status))
}

/// A request as the descriptors see it, whose fields can be set by name.
pub(crate) fn dynamic(method: &MethodDescriptor, request: &[u8]) -> DynamicMessage {
    let message = DynamicMessage::decode(method.input(), request).expect("a request of the RPC's type");
    assert_eq!(message.descriptor().full_name(), method.input().full_name());
    message
}

struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
