//! Server reflection, v1 and v1alpha.

use kith_telemetry::CallType;
use tonic::service::Routes;
use tonic_reflection::server::{Builder, Error};

use crate::MAX_UNCOUNTED_MESSAGE_BYTES;
use crate::methods::{Audience, Method, Methods};
use crate::settings::ReflectionMode;

const SERVICES: [&str; 2] = [
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];

/// Adds both versions of reflection to `routes`, and their access rule to `methods`, as `mode` says.
///
/// Only `service`, health and reflection itself are listed: left alone, tonic lists every service of the shared
/// descriptor set. The detail types of `google.rpc` are in that set, so that clients can decode errors.
pub(crate) fn add(
    mode: ReflectionMode,
    service: &'static str,
    routes: Routes,
    methods: Methods,
) -> Result<(Routes, Methods), Error> {
    let audience = match mode {
        ReflectionMode::Off => return Ok((routes, methods)),
        ReflectionMode::Authenticated => Audience::Caller,
        ReflectionMode::Open => Audience::Open,
    };
    let routes = routes
        .add_service(
            builder(service)
                .build_v1()?
                .max_decoding_message_size(MAX_UNCOUNTED_MESSAGE_BYTES),
        )
        .add_service(
            builder(service)
                .build_v1alpha()?
                .max_decoding_message_size(MAX_UNCOUNTED_MESSAGE_BYTES),
        );
    let methods = SERVICES.into_iter().fold(methods, |methods, name| {
        methods.with(Method {
            name: format!("{name}/ServerReflectionInfo"),
            service: name.to_owned(),
            audience,
            scope: String::new(),
            read_only: true,
            call_type: CallType::BidiStream,
        })
    });
    Ok((routes, methods))
}

fn builder(service: &'static str) -> Builder<'static> {
    let builder = Builder::configure()
        .register_encoded_file_descriptor_set(kith_contracts::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET)
        .include_reflection_service(false)
        .with_service_name(service)
        .with_service_name("grpc.health.v1.Health");
    SERVICES.into_iter().fold(builder, Builder::with_service_name)
}
