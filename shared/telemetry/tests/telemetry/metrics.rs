//! What goes out to OpenTelemetry has the names, units and attributes of its conventions, and says what Prometheus reads.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use kith_telemetry::{CallType, Metrics, PoolReading};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ScopeMetrics};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

/// The points of each metric, with its unit, as `unit attributes = count or value`.
fn exported(exporter: &InMemoryMetricExporter) -> BTreeMap<String, Vec<String>> {
    let mut metrics = BTreeMap::new();
    let finished = exporter.get_finished_metrics().expect("metrics");
    let last = finished.last().expect("an export");
    for metric in last.scope_metrics().flat_map(ScopeMetrics::metrics) {
        let mut points: Vec<String> = match metric.data() {
            AggregatedMetrics::F64(MetricData::Histogram(histogram)) => histogram
                .data_points()
                .map(|point| told(point.attributes(), point.count()))
                .collect(),
            AggregatedMetrics::U64(MetricData::Sum(sum)) => sum
                .data_points()
                .map(|point| told(point.attributes(), point.value()))
                .collect(),
            AggregatedMetrics::I64(MetricData::Sum(sum)) => sum
                .data_points()
                .map(|point| told(point.attributes(), point.value()))
                .collect(),
            other => panic!("{}: {other:?}", metric.name()),
        };
        points.sort();
        points.insert(0, metric.unit().to_owned());
        metrics.insert(metric.name().to_owned(), points);
    }
    metrics
}

fn told<'a>(attributes: impl Iterator<Item = &'a KeyValue>, value: impl Display) -> String {
    let mut words: Vec<String> = attributes
        .map(|attribute| format!("{}={}", attribute.key, attribute.value))
        .collect();
    words.sort();
    format!("{} = {value}", words.join(" "))
}

#[test]
fn what_is_exported_has_the_names_of_the_conventions() {
    let exporter = InMemoryMetricExporter::default();
    let reader = PeriodicReader::builder(exporter.clone()).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    let metrics = Metrics::with_meter("posts", &provider.meter("test"));
    let get = metrics.method(CallType::Unary, "kith.test.v1.TestService", "Get");
    for code in [0, 0, 5, 13] {
        get.begin().answered(code);
    }
    drop(metrics.other_methods().begin());
    let database = metrics.database();
    database.watch_pool(|| {
        Some(PoolReading {
            used: 2,
            idle: 3,
            max: 8,
            pending: 1,
        })
    });
    database.waited(Duration::from_millis(1));
    database.timed_out();
    database.query_finished("post_create", Duration::from_millis(1), None);
    database.query_finished("post_create", Duration::from_millis(1), Some("deadlock"));
    provider.force_flush().expect("an export");

    let pool = "db.client.connection.pool.name=posts";
    let call = "rpc.method=kith.test.v1.TestService/Get";
    let query = "db.query.summary=post_create db.system.name=postgresql";
    let wanted = [
        (
            "rpc.server.call.duration",
            vec![
                "s".to_owned(),
                format!("error.type=INTERNAL {call} rpc.status_code=INTERNAL rpc.system.name=grpc = 1"),
                "rpc.method=_OTHER rpc.status_code=CANCELLED rpc.system.name=grpc = 1".to_owned(),
                format!("{call} rpc.status_code=NOT_FOUND rpc.system.name=grpc = 1"),
                format!("{call} rpc.status_code=OK rpc.system.name=grpc = 2"),
            ],
        ),
        (
            "db.client.connection.count",
            vec![
                "{connection}".to_owned(),
                format!("{pool} db.client.connection.state=idle = 3"),
                format!("{pool} db.client.connection.state=used = 2"),
            ],
        ),
        (
            "db.client.connection.max",
            vec!["{connection}".to_owned(), format!("{pool} = 8")],
        ),
        (
            "db.client.connection.pending_requests",
            vec!["{request}".to_owned(), format!("{pool} = 1")],
        ),
        (
            "db.client.connection.timeouts",
            vec!["{timeout}".to_owned(), format!("{pool} = 1")],
        ),
        (
            "db.client.connection.wait_time",
            vec!["s".to_owned(), format!("{pool} = 1")],
        ),
        (
            "db.client.operation.duration",
            vec![
                "s".to_owned(),
                format!("{query} = 1"),
                "db.query.summary=post_create db.system.name=postgresql error.type=deadlock = 1".to_owned(),
            ],
        ),
    ];
    let exported = exported(&exporter);
    assert_eq!(exported.len(), wanted.len(), "{exported:#?}");
    for (name, points) in wanted {
        assert_eq!(exported.get(name), Some(&points), "{name}");
    }
}

#[test]
fn each_service_of_a_process_has_its_own() {
    let [one, other] = ["one", "other"].map(Metrics::new);
    drop(one.method(CallType::Unary, "a.B", "C").begin());
    assert!(one.text().contains(r#"grpc_service="a.B""#));
    assert!(!other.text().contains(r#"grpc_service="a.B""#));
}
