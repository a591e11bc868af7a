//! A collector: what it is sent by OTLP, it keeps.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use tokio::sync::oneshot;
use tonic::codec::CompressionEncoding;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// A span, and who exported it.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) resource: BTreeMap<String, String>,
    pub(crate) scope: String,
    pub(crate) span: Span,
}

impl Received {
    pub(crate) fn service(&self) -> &str {
        &self.resource["service.name"]
    }

    pub(crate) fn kind(&self) -> SpanKind {
        self.span.kind()
    }

    pub(crate) fn is_error(&self) -> bool {
        let status = self.span.status.as_ref();
        status.is_some_and(|status| status.code() == StatusCode::Error)
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        attributes(&self.span.attributes).remove(name)
    }
}

/// What has come.
#[derive(Debug, Default)]
struct Kept {
    spans: Vec<Received>,
    metrics: BTreeMap<String, BTreeMap<String, String>>,
    /// The value of `x-test` of each export.
    headers: Vec<Option<String>>,
}

/// A collector, in a thread of its own, until it is dropped.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    _ended_by_drop: oneshot::Sender<()>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().expect("an address"))
    }

    pub(crate) fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).expect("a port");
        listener.set_nonblocking(true).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let (kept, (end, ended)) = (Arc::<Mutex<Kept>>::default(), oneshot::channel());
        let service = Keeping(Arc::clone(&kept));
        let serve = async move {
            let incoming =
                TcpIncoming::from(tokio::net::TcpListener::from_std(listener).expect("a listener"));
            let gzip = CompressionEncoding::Gzip;
            Server::builder()
                .add_service(TraceServiceServer::new(service.clone()).accept_compressed(gzip))
                .add_service(MetricsServiceServer::new(service).accept_compressed(gzip))
                .serve_with_incoming_shutdown(incoming, async { drop(ended.await) })
                .await
        };
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(serve)
        });
        Self {
            address,
            kept,
            _ended_by_drop: end,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn spans(&self) -> Vec<Received> {
        self.kept.lock().expect("no panic").spans.clone()
    }

    /// The names of all metrics that have come, with the resource of whoever sent it last.
    pub(crate) fn metrics(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        self.kept.lock().expect("no panic").metrics.clone()
    }

    pub(crate) fn headers(&self) -> Vec<Option<String>> {
        self.kept.lock().expect("no panic").headers.clone()
    }
}

#[derive(Clone)]
struct Keeping(Arc<Mutex<Kept>>);

#[tonic::async_trait]
impl TraceService for Keeping {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut kept = self.0.lock().expect("no panic");
        kept.headers.push(header(&request));
        for of_resource in request.into_inner().resource_spans {
            let resource = of_resource.resource.unwrap_or_default();
            let resource = attributes(&resource.attributes);
            for of_scope in of_resource.scope_spans {
                let scope = of_scope.scope.unwrap_or_default().name;
                kept.spans.extend(of_scope.spans.into_iter().map(|span| Received {
                    resource: resource.clone(),
                    scope: scope.clone(),
                    span,
                }));
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Keeping {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let mut kept = self.0.lock().expect("no panic");
        kept.headers.push(header(&request));
        for of_resource in request.into_inner().resource_metrics {
            let resource = of_resource.resource.unwrap_or_default();
            let resource = attributes(&resource.attributes);
            let metrics = of_resource
                .scope_metrics
                .into_iter()
                .flat_map(|scope| scope.metrics);
            kept.metrics
                .extend(metrics.map(|metric| (metric.name, resource.clone())));
        }
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

fn header<T>(request: &Request<T>) -> Option<String> {
    let value = request.metadata().get("x-test")?;
    value.to_str().ok().map(str::to_owned)
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |pair: &KeyValue| {
        let value = pair.value.clone().and_then(|value| value.value);
        let text = match value? {
            any_value::Value::StringValue(text) => text,
            any_value::Value::IntValue(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        Some((pair.key.clone(), text))
    };
    pairs.iter().filter_map(text).collect()
}
