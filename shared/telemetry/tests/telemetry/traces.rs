//! Where spans hang, and how a trace goes on to the next server.

use std::time::Duration;

use crate::support::{CALLERS_SPAN_ID, METHOD, TRACE_ID, headers, lines, settings, spans, traced_headers};
use http::HeaderMap;
use kith_telemetry::names::{
    ATTEMPTS, DB_NAMESPACE, DB_QUERY_SUMMARY, DB_SYSTEM_NAME, ERROR_TYPE, NETWORK_PEER_ADDRESS,
    NETWORK_PEER_PORT, OTHER, RPC_METHOD, RPC_STATUS_CODE, RPC_SYSTEM_NAME, SERVER_ADDRESS, SERVER_PORT,
};
use kith_telemetry::{
    DatabaseServer, LogFormat, RpcFinished, client_finished, client_span, extract, inject, pool_failed,
    pool_span, query_finished, query_span, rpc_finished, rpc_span, set_parent,
};
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use tracing::Span;

/// A call from a traced caller, in which `work` is done.
fn in_call(work: impl FnOnce()) {
    let span = rpc_span(METHOD, "r1");
    set_parent(&span, extract(&traced_headers()));
    span.in_scope(work);
}

fn finish(code: i32) {
    let duration = Duration::from_millis(1);
    rpc_finished(&RpcFinished {
        method: METHOD,
        request_id: "r1",
        user_id: None,
        service_id: None,
        code,
        reason: "",
        duration,
        cause: String::new(),
    });
}

fn traceparent(span: &Span) -> String {
    let mut headers = HeaderMap::new();
    inject(span, &mut headers);
    headers
        .get("traceparent")
        .map(|value| value.to_str().expect("ASCII").to_owned())
        .unwrap_or_default()
}

fn attribute(span: &SpanData, name: &str) -> Option<String> {
    let attribute = span
        .attributes
        .iter()
        .find(|attribute| attribute.key.as_str() == name);
    attribute.map(|attribute| attribute.value.as_str().into_owned())
}

#[test]
fn the_callers_span_is_the_parent_of_the_call_and_the_call_of_its_queries() {
    let spans = spans(|| {
        in_call(|| {
            pool_span(&DatabaseServer::default()).in_scope(|| ());
            query_span("user_get", None).in_scope(|| ());
        });
    });
    let [pool, query, call] = spans.as_slice() else {
        panic!("{spans:#?}")
    };
    for span in &spans {
        assert_eq!(span.span_context.trace_id().to_string(), TRACE_ID);
    }
    assert_eq!(call.parent_span_id.to_string(), CALLERS_SPAN_ID);
    assert!(call.parent_span_is_remote);
    assert_eq!(query.parent_span_id, call.span_context.span_id());
    assert_eq!(pool.parent_span_id, call.span_context.span_id());
}

#[test]
fn spans_are_named_and_described_as_the_conventions_say() {
    let spans = spans(|| in_call(|| query_span("user_get", None).in_scope(|| ())));
    let [query, call] = spans.as_slice() else {
        panic!("{spans:#?}")
    };
    assert_eq!((call.name.as_ref(), &call.span_kind), (METHOD, &SpanKind::Server));
    assert_eq!(attribute(call, RPC_SYSTEM_NAME).as_deref(), Some("grpc"));
    assert_eq!(attribute(call, RPC_METHOD).as_deref(), Some(METHOD));
    assert_eq!(
        (query.name.as_ref(), &query.span_kind),
        ("user_get", &SpanKind::Client)
    );
    assert_eq!(attribute(query, DB_SYSTEM_NAME).as_deref(), Some("postgresql"));
    assert_eq!(attribute(query, DB_QUERY_SUMMARY).as_deref(), Some("user_get"));
}

#[test]
fn only_what_the_server_did_wrong_is_an_error_of_the_span() {
    for (code, name, ours) in [
        (0, "OK", false),
        (1, "CANCELLED", false),
        (2, "UNKNOWN", true),
        (3, "INVALID_ARGUMENT", false),
        (4, "DEADLINE_EXCEEDED", true),
        (5, "NOT_FOUND", false),
        (6, "ALREADY_EXISTS", false),
        (7, "PERMISSION_DENIED", false),
        (8, "RESOURCE_EXHAUSTED", false),
        (9, "FAILED_PRECONDITION", false),
        (10, "ABORTED", false),
        (11, "OUT_OF_RANGE", false),
        (12, "UNIMPLEMENTED", true),
        (13, "INTERNAL", true),
        (14, "UNAVAILABLE", true),
        (15, "DATA_LOSS", true),
        (16, "UNAUTHENTICATED", false),
    ] {
        let call = spans(|| in_call(|| finish(code))).remove(0);
        assert_eq!(attribute(&call, RPC_STATUS_CODE).as_deref(), Some(name));
        assert_eq!(
            attribute(&call, ERROR_TYPE).as_deref(),
            ours.then_some(name),
            "{name}"
        );
        assert_eq!(call.status == Status::error(""), ours, "{name}");
    }
}

#[test]
fn a_failed_query_has_the_sort_of_its_error() {
    let finish = |error| {
        query_finished(
            &query_span("follow_create", None),
            "follow_create",
            Duration::ZERO,
            error,
        );
    };
    let spans = spans(|| {
        in_call(|| {
            finish(Some("deadlock"));
            finish(None);
        });
    });
    let errors: Vec<_> = spans[..2]
        .iter()
        .map(|span| (attribute(span, ERROR_TYPE), span.status.clone()))
        .collect();
    assert_eq!(
        errors,
        [
            (Some("deadlock".to_owned()), Status::error("")),
            (None, Status::Unset)
        ]
    );
}

// Control: no field for it in the span; there was neither.
#[test]
fn a_wait_in_vain_for_a_connection_has_the_sort_of_its_error() {
    let spans = spans(|| {
        in_call(|| {
            pool_failed(&pool_span(&DatabaseServer::default()), "SERVER_OVERLOADED");
            drop(pool_span(&DatabaseServer::default()));
        });
    });
    let errors: Vec<_> = spans[..2]
        .iter()
        .map(|span| (attribute(span, ERROR_TYPE), span.status.clone()))
        .collect();
    assert_eq!(
        errors,
        [
            (Some("SERVER_OVERLOADED".to_owned()), Status::error("")),
            (None, Status::Unset)
        ]
    );
}

#[test]
fn lines_of_the_log_do_not_become_events_of_spans() {
    let spans = spans(|| {
        in_call(|| {
            tracing::error!("a line");
            finish(13);
        });
    });
    assert!(spans[0].events.is_empty());
}

#[test]
fn spans_of_other_crates_are_not_exported() {
    assert!(spans(|| tracing::error_span!(target: "h2", "frame").in_scope(|| ())).is_empty());
}

#[test]
fn a_statement_says_which_database_it_asks_as_far_as_that_is_known() {
    let server = DatabaseServer {
        address: Some("db".to_owned()),
        port: Some(6432),
        database: Some("kith".to_owned()),
    };
    let spans = spans(|| {
        in_call(|| {
            pool_span(&server).in_scope(|| ());
            query_span("user_get", Some(&server)).in_scope(|| ());
            query_span("user_get", Some(&DatabaseServer::default())).in_scope(|| ());
        });
    });
    for (span, known) in [(&spans[0], true), (&spans[1], true), (&spans[2], false)] {
        for (name, value) in [
            (SERVER_ADDRESS, "db"),
            (SERVER_PORT, "6432"),
            (DB_NAMESPACE, "kith"),
        ] {
            assert_eq!(attribute(span, name).as_deref(), known.then_some(value), "{name}");
        }
    }
}

// Control: no `is_background`; there were two spans.
#[test]
fn what_a_service_asks_its_database_by_itself_is_no_trace() {
    assert!(
        spans(|| {
            pool_span(&DatabaseServer::default()).in_scope(|| ());
            query_span("migrations_applied", None).in_scope(|| ());
        })
        .is_empty()
    );
}

// Control: `HEALTH_TARGET` exported; there was a span.
#[test]
fn health_checks_are_no_traces_and_have_their_request_id_all_the_same() {
    let check = || {
        let span = rpc_span("grpc.health.v1.Health/Check", "r1");
        set_parent(&span, extract(&HeaderMap::new()));
        span.in_scope(|| tracing::info!("within"));
    };
    assert!(spans(check).is_empty());
    let lines = lines(&settings(LogFormat::Human, "info"), check);
    assert!(lines[0].ends_with("within kith.request_id=r1"), "{lines:?}");
}

// A method that a caller made up is no name.
#[test]
fn a_call_of_no_method_is_named_after_the_system() {
    let call = spans(|| rpc_span(OTHER, "r1").in_scope(|| ())).remove(0);
    assert_eq!(call.name, "grpc");
    assert_eq!(attribute(&call, RPC_METHOD).as_deref(), Some(OTHER));
}

// Control: a sampler that is not based on parents; there were spans.
#[test]
fn a_caller_that_is_not_sampled_decides_for_us_and_for_the_next_server() {
    let mut sent = String::new();
    let spans = spans(|| {
        let span = rpc_span(METHOD, "r1");
        set_parent(
            &span,
            extract(&headers(&format!("00-{TRACE_ID}-{CALLERS_SPAN_ID}-00"))),
        );
        span.in_scope(|| sent = query_span("user_get", None).in_scope(|| traceparent(&Span::current())));
    });
    assert!(spans.is_empty());
    assert!(
        sent.starts_with(&format!("00-{TRACE_ID}-")) && sent.ends_with("-00"),
        "{sent}"
    );
}

#[test]
fn for_a_client_every_status_but_ok_is_an_error() {
    let server = "10.0.0.7:50051".parse().expect("an address");
    let call = |code| {
        spans(|| {
            let span = client_span(METHOD, "identity", 50051);
            client_finished(&span, code, 2, Some(server));
        })
        .remove(0)
    };
    let refused = call(5);
    assert_eq!(
        (refused.name.as_ref(), &refused.span_kind),
        (METHOD, &SpanKind::Client)
    );
    assert_eq!(refused.status, Status::error(""));
    for (name, value) in [
        (RPC_SYSTEM_NAME, "grpc"),
        (RPC_METHOD, METHOD),
        (RPC_STATUS_CODE, "NOT_FOUND"),
        (ERROR_TYPE, "NOT_FOUND"),
        (SERVER_ADDRESS, "identity"),
        (SERVER_PORT, "50051"),
        (NETWORK_PEER_ADDRESS, "10.0.0.7"),
        (NETWORK_PEER_PORT, "50051"),
        (ATTEMPTS, "2"),
    ] {
        assert_eq!(attribute(&refused, name).as_deref(), Some(value), "{name}");
    }
    let good = call(0);
    assert_eq!(
        (good.status.clone(), attribute(&good, ERROR_TYPE)),
        (Status::Unset, None)
    );
    assert_eq!(attribute(&good, RPC_STATUS_CODE).as_deref(), Some("OK"));
}

#[test]
fn with_an_exporter_the_next_server_hangs_under_our_span() {
    let mut sent = String::new();
    let spans =
        spans(|| in_call(|| sent = query_span("user_get", None).in_scope(|| traceparent(&Span::current()))));
    let own = spans[0].span_context.span_id();
    assert_eq!(sent, format!("00-{TRACE_ID}-{own}-01"));
}

#[test]
fn without_an_exporter_the_callers_context_is_passed_on_as_it_came() {
    for filter in ["info", "trace", "kith::query=debug"] {
        lines(&settings(LogFormat::Human, filter), || {
            in_call(|| {
                let query = query_span("user_get", None);
                let mut headers = HeaderMap::new();
                query.in_scope(|| inject(&Span::current(), &mut headers));
                assert_eq!(headers, traced_headers(), "{filter}");
            });
        });
    }
}

#[test]
fn a_trace_without_state_is_passed_on_without() {
    let mut incoming = traced_headers();
    incoming.remove("tracestate");
    let mut sent = HeaderMap::new();
    lines(&settings(LogFormat::Human, "info"), || {
        let span = rpc_span(METHOD, "r1");
        set_parent(&span, extract(&incoming));
        inject(&span, &mut sent);
    });
    assert_eq!(sent, incoming);
}

#[test]
fn a_call_of_nobody_starts_a_trace_only_where_there_is_an_exporter() {
    let sent = || traceparent(&rpc_span(METHOD, "r1"));
    lines(&settings(LogFormat::Human, "info"), || assert_eq!(sent(), ""));
    spans(|| assert_ne!(sent(), ""));
}

#[test]
fn a_context_that_cannot_be_read_counts_as_not_sent() {
    let zero_trace = format!("00-{}-{CALLERS_SPAN_ID}-01", "0".repeat(32));
    let zero_span = format!("00-{TRACE_ID}-{}-01", "0".repeat(16));
    let short = format!("00-{TRACE_ID}-{CALLERS_SPAN_ID}");
    for wrong in [
        "",
        "nonsense",
        "00---",
        "ff-a-b-01",
        &zero_trace,
        &zero_span,
        &short,
    ] {
        let call = spans(|| {
            let span = rpc_span(METHOD, "r1");
            set_parent(&span, extract(&headers(wrong)));
        })
        .remove(0);
        assert!(call.span_context.is_valid(), "{wrong}");
        assert!(!call.parent_span_is_remote, "{wrong}");
    }
}
