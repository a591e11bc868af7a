//! What a server tells of its contracts, and whom.

use kith_rpc::ReflectionMode;
use prost::Message;
use prost_types::FileDescriptorProto;
use tonic::{Code, Request, Status};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1alpha;
use tonic_types::StatusExt;

use crate::harness::{Connection, TestServer, refused, soon, with};

const SERVED: [&str; 4] = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "kith.social_graph.v1.SocialGraphService",
];

async fn ask(
    connection: &Connection,
    question: MessageRequest,
    token: Option<&str>,
) -> Result<MessageResponse, Status> {
    let question = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(question),
    };
    let mut request = Request::new(futures::stream::iter([question]));
    if let Some(token) = token {
        request = with(request, "authorization", &format!("Bearer {token}"));
    }
    let mut answers = connection
        .reflection()
        .server_reflection_info(request)
        .await?
        .into_inner();
    let answer = soon(answers.message()).await?.expect("an answer");
    Ok(answer.message_response.expect("an answer"))
}

fn list() -> MessageRequest {
    MessageRequest::ListServices(String::new())
}

/// The services that a server without access control lists, in alphabetical order.
pub(crate) async fn services(connection: &Connection) -> Vec<String> {
    let answer = ask(connection, list(), None).await.expect("an answer");
    let MessageResponse::ListServicesResponse(list) = answer else {
        panic!("{answer:?}");
    };
    let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    names.sort();
    names
}

async fn file_of(connection: &Connection, symbol: &str) -> Result<String, Status> {
    let question = MessageRequest::FileContainingSymbol(symbol.to_owned());
    let MessageResponse::FileDescriptorResponse(answer) = ask(connection, question, None).await? else {
        panic!("no file");
    };
    let file = FileDescriptorProto::decode(answer.file_descriptor_proto[0].as_slice());
    Ok(file.expect("a descriptor").name().to_owned())
}

// Control: `with_service_name` left out; all services of all contracts were listed.
#[tokio::test]
async fn a_server_lists_what_it_serves_and_nothing_else() {
    let server = TestServer::start().await;
    assert_eq!(services(&server.connect().await).await, SERVED);
}

#[tokio::test]
async fn the_old_version_lists_the_same() {
    let server = TestServer::start().await;
    let question = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::ListServices(
            String::new(),
        )),
    };
    let mut client = server.connect().await.reflection_alpha();
    let answers = client
        .server_reflection_info(futures::stream::iter([question]))
        .await;
    let answer = soon(answers.expect("an answer").into_inner().message()).await;
    let answer = answer
        .expect("an answer")
        .and_then(|answer| answer.message_response);
    let Some(v1alpha::server_reflection_response::MessageResponse::ListServicesResponse(list)) = answer
    else {
        panic!("{answer:?}");
    };
    let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(names, SERVED);
}

#[tokio::test]
async fn services_and_the_details_of_errors_can_be_looked_up() {
    let server = TestServer::start().await;
    let connection = server.connect().await;
    for symbol in SERVED.iter().chain(&[
        "google.rpc.ErrorInfo",
        "google.rpc.BadRequest",
        "google.rpc.RetryInfo",
    ]) {
        file_of(&connection, symbol).await.expect(symbol);
    }
    let file = file_of(&connection, "google.rpc.ErrorInfo")
        .await
        .expect("a file");
    assert_eq!(file, "google/rpc/error_details.proto");
}

// Control: the layers without `end_streams`; the end of the stream had no details.
#[tokio::test]
async fn what_is_not_known_is_not_found_and_no_defect() {
    let server = TestServer::start().await;
    let status = file_of(&server.connect().await, "kith.Nothing")
        .await
        .expect_err("unknown");
    assert_eq!(status.code(), Code::NotFound);
    assert!(status.get_error_details().request_info().is_some(), "{status:?}");
}

#[tokio::test]
async fn reflection_that_is_off_is_not_there() {
    let server =
        TestServer::start_with(|options| options.settings.reflection = Some(ReflectionMode::Off)).await;
    let status = ask(&server.connect().await, list(), Some(&server.user_token()))
        .await
        .expect_err("off");
    refused(&status, Code::Unimplemented, "METHOD_UNKNOWN");
}

#[tokio::test]
async fn authenticated_reflection_wants_a_token() {
    let server =
        TestServer::start_with(|options| options.settings.reflection = Some(ReflectionMode::Authenticated))
            .await;
    let connection = server.connect().await;
    let status = ask(&connection, list(), None).await.expect_err("no token");
    refused(&status, Code::Unauthenticated, "TOKEN_MISSING");
    ask(&connection, list(), Some(&server.user_token()))
        .await
        .expect("a user may");
    ask(&connection, list(), Some(&server.service_token(&[])))
        .await
        .expect("a service may");
}

#[tokio::test]
async fn open_reflection_takes_no_notice_of_tokens() {
    let server =
        TestServer::start_with(|options| options.settings.reflection = Some(ReflectionMode::Open)).await;
    ask(&server.connect().await, list(), Some("nonsense"))
        .await
        .expect("open");
}
