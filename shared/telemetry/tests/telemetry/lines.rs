//! What stands in the log.

use std::time::Duration;

use crate::support::{METHOD, TRACE_ID, lines, settings, traced_headers};
use kith_telemetry::{
    LogFormat, RpcFinished, extract, query_finished, query_span, rpc_finished, rpc_span, set_parent,
};
use serde_json::{Value, json};

fn call(code: i32) -> RpcFinished<'static> {
    let duration = Duration::from_micros(1234);
    RpcFinished {
        method: METHOD,
        request_id: "r1",
        user_id: None,
        service_id: None,
        code,
        reason: "",
        duration,
        cause: String::new(),
    }
}

/// The lines as JSON, without their time.
fn json_lines(filter: &str, work: impl FnOnce()) -> Vec<Value> {
    let parse = |line: &String| {
        let mut line: Value = serde_json::from_str(line).expect("JSON");
        let time = line
            .as_object_mut()
            .and_then(|members| members.remove("timestamp"))
            .expect("a time");
        assert!(time.as_str().is_some_and(|time| time.ends_with('Z')), "{time}");
        line
    };
    lines(&settings(LogFormat::Json, filter), work)
        .iter()
        .map(parse)
        .collect()
}

#[test]
fn the_access_log_has_one_flat_line_for_each_call() {
    let lines = json_lines("info", || {
        let span = rpc_span(METHOD, "r1");
        set_parent(&span, extract(&traced_headers()));
        let cause = "relation \"users\" does not exist\nat character 1".to_owned();
        span.in_scope(|| {
            rpc_finished(&RpcFinished {
                reason: "INTERNAL",
                user_id: Some(7),
                service_id: Some(3),
                cause,
                ..call(13)
            });
        });
    });
    assert_eq!(
        lines,
        [json!({
            "level": "ERROR",
            "target": "kith::access",
            "message": "call finished",
            "rpc.method": METHOD,
            "rpc.status_code": "INTERNAL",
            "duration_ms": 1.234,
            "kith.request_id": "r1",
            "user.id": 7,
            "kith.service_id": 3,
            "trace_id": TRACE_ID,
            "kith.error.reason": "INTERNAL",
            "kith.error.cause": "relation \"users\" does not exist\nat character 1",
        })]
    );
}

#[test]
fn a_good_call_of_an_untraced_caller_says_no_more_than_there_is() {
    let lines = lines(&settings(LogFormat::Human, "info"), || {
        rpc_span(METHOD, "r1").in_scope(|| rpc_finished(&call(0)));
    });
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    let (_time, line) = line.split_once(' ').expect("a time");
    assert_eq!(
        line,
        format!(
            " INFO kith::access: call finished rpc.method={METHOD} rpc.status_code=OK duration_ms=1.234 \
             kith.request_id=r1"
        )
    );
}

#[test]
fn a_cause_of_several_lines_stays_on_one() {
    let lines = lines(&settings(LogFormat::Human, "info"), || {
        rpc_finished(&RpcFinished {
            cause: "one\ntwo \u{1b}[31m".to_owned(),
            ..call(13)
        });
    });
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].ends_with(r#"kith.error.cause="one\ntwo \u{1b}[31m""#),
        "{lines:?}"
    );
}

#[test]
fn the_level_says_whose_fault_it_was() {
    for (method, code, reason, level) in [
        (METHOD, 0, "", "INFO"),
        (METHOD, 5, "USER_NOT_FOUND", "INFO"),
        (METHOD, 8, "MESSAGE_TOO_LARGE", "INFO"),
        (METHOD, 8, "SERVER_OVERLOADED", "WARN"),
        (METHOD, 14, "DATABASE_UNAVAILABLE", "WARN"),
        (METHOD, 13, "INTERNAL", "ERROR"),
        // Anybody can send such requests, as many as they like.
        (METHOD, 13, "MESSAGE_UNDECODABLE", "INFO"),
        ("grpc.health.v1.Health/Check", 0, "", "DEBUG"),
    ] {
        let call = RpcFinished {
            method,
            reason,
            ..call(code)
        };
        let lines = json_lines("debug", || rpc_finished(&call));
        assert_eq!(lines[0]["level"], level, "{method} {code} {reason}");
    }
}

#[test]
fn health_checks_are_not_seen_at_info() {
    let method = "grpc.health.v1.Health/Check";
    assert_eq!(
        json_lines("info", || rpc_finished(&RpcFinished { method, ..call(0) })),
        [json!(null); 0]
    );
}

#[test]
fn every_line_within_a_call_shows_which_call_whatever_the_filter_says() {
    for filter in ["info", "warn", "some_crate=warn"] {
        let lines = json_lines(filter, || {
            let span = rpc_span(METHOD, "r1");
            set_parent(&span, extract(&traced_headers()));
            let inner = span.in_scope(|| query_span("user_get", None));
            span.in_scope(|| {
                inner.in_scope(|| tracing::warn!(target: "some_crate", attempt = 2, "look {}", "here"));
            });
        });
        assert_eq!(
            lines,
            [json!({
                "level": "WARN",
                "target": "some_crate",
                "message": "look here",
                "attempt": 2,
                "kith.request_id": "r1",
                "trace_id": TRACE_ID,
            })],
            "{filter}"
        );
    }
}

#[test]
fn a_line_outside_of_a_call_shows_none() {
    let lines = json_lines(
        "info",
        || tracing::info!(target: "t", ok = true, part = %"x", "ready"),
    );
    let expected = json!({"level": "INFO", "target": "t", "message": "ready", "ok": true, "part": "x"});
    assert_eq!(lines, [expected]);
}

#[test]
fn a_message_cannot_forge_another_line() {
    let lines = lines(&settings(LogFormat::Human, "info"), || {
        tracing::info!(name = "a b", empty = "", "one\n2026-01-01 {}", "\u{1b}[2J");
    });
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].ends_with(r#": one\n2026-01-01 \u{1b}[2J name="a b" empty="""#),
        "{lines:?}"
    );
}

#[test]
fn an_error_is_shown_with_all_that_lies_behind_it() {
    let source = std::io::Error::other("disk on fire");
    let error = std::io::Error::other(Outer(source));
    let lines = json_lines("info", || {
        tracing::warn!(error = &error as &(dyn std::error::Error + 'static), "gave up");
    });
    assert_eq!(lines[0]["error"], "outer: disk on fire");
}

#[derive(Debug)]
struct Outer(std::io::Error);

impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("outer")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn the_end_of_a_query_is_a_line_at_debug() {
    let query = || {
        rpc_span(METHOD, "r1").in_scope(|| {
            query_finished(
                &query_span("user_get", None),
                "user_get",
                Duration::from_millis(2),
                Some("deadlock"),
            );
        });
    };
    assert_eq!(json_lines("info", query), [json!(null); 0]);
    assert_eq!(
        json_lines("info,kith::query=debug", query),
        [json!({
            "level": "DEBUG",
            "target": "kith::query",
            "message": "query finished",
            "db.query.summary": "user_get",
            "duration_ms": 2.0,
            "error.type": "deadlock",
            "kith.request_id": "r1",
        })]
    );
}
