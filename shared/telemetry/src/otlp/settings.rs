//! What the variables say, and what is wrong with them.
//!
//! The SDK reads some of them by itself, and passes silently over what it does not understand. So each is judged here, and
//! none is followed where nothing is exported.

use std::fs;
use std::time::Duration;

use http::Uri;
use kith_settings::{Reader, Setting, Topic};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use super::rules::{self, Rule, Rules};
use super::warnings::Warnings;
use crate::line::chain;

pub(super) const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";

/// As the specification has it.
const EXPORT_WITHIN: Duration = Duration::from_secs(10);
const DEFAULT_ENDPOINT: &str = "http://localhost:4317";
/// While an export is under way: a connection that is dead without having said so is given up.
const PING_EVERY: Duration = Duration::from_secs(5);
const PING_WITHIN: Duration = Duration::from_secs(5);

/// What is exported, and where to: by default nothing.
#[derive(Clone, Debug, Default)]
pub struct OtlpSettings {
    pub(super) traces: Option<Collector>,
    pub(super) metrics: Option<Collector>,
    pub(super) warnings: Warnings,
}

/// Who takes a signal.
#[derive(Clone, Debug)]
pub(super) struct Collector {
    pub(super) url: String,
    pub(super) endpoint: Endpoint,
    /// How long an export may take.
    pub(super) limit: Duration,
}

impl Topic for OtlpSettings {
    /// None: these variables have no flags.
    fn settings() -> Vec<&'static Setting> {
        Vec::new()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut warnings = Warnings::default();
        let disabled = warnings.tolerate(reader, "OTEL_SDK_DISABLED", rules::boolean, false)?;
        if disabled == Some(true) {
            return Some(Self::default());
        }
        let traces = Signal::TRACES.read(reader, &mut warnings);
        let metrics = Signal::METRICS.read(reader, &mut warnings);
        let wanted = (is_wanted(&traces), is_wanted(&metrics));
        let are_followed = judge_the_rest(reader, &mut warnings, wanted);
        let settings = Self {
            traces: traces?,
            metrics: metrics?,
            warnings,
        };
        are_followed.then_some(settings)
    }
}

/// Also where there is a mistake, so that all are told at once.
fn is_wanted(signal: &Option<Option<Collector>>) -> bool {
    !matches!(signal, Some(None))
}

/// Whether the SDK will follow what it reads by itself, but for what is no more than a warning.
fn judge_the_rest(reader: &mut Reader<'_>, warnings: &mut Warnings, (traces, metrics): (bool, bool)) -> bool {
    let strict = wanted([
        (traces, rules::OF_TRACES),
        (metrics, rules::OF_METRICS),
        (traces || metrics, rules::OF_BOTH),
    ]);
    let tolerated = wanted([
        (traces, rules::TOLERATED_OF_TRACES),
        (traces || metrics, rules::TOLERATED_OF_BOTH),
    ]);
    let all_good = strict.fold(true, |all_good, (name, rule)| {
        reader.variable(name, rule).is_some() && all_good
    });
    tolerated.fold(all_good, |all_good, (name, rule)| {
        warnings.tolerate(reader, name, rule, ()).is_some() && all_good
    })
}

fn wanted(rules: impl IntoIterator<Item = (bool, Rules)>) -> impl Iterator<Item = &'static Rule> {
    let wanted = rules.into_iter().filter(|(is_wanted, _)| *is_wanted);
    wanted.flat_map(|(_, rules)| rules)
}

/// Traces or metrics.
struct Signal {
    /// As it stands in the names of variables.
    name: &'static str,
    exporter: &'static str,
    /// Another bound on an export, in milliseconds.
    export_within: &'static str,
}

impl Signal {
    const TRACES: Self = Self {
        name: "TRACES",
        exporter: "OTEL_TRACES_EXPORTER",
        export_within: "OTEL_BSP_EXPORT_TIMEOUT",
    };
    const METRICS: Self = Self {
        name: "METRICS",
        exporter: "OTEL_METRICS_EXPORTER",
        export_within: "OTEL_METRIC_EXPORT_TIMEOUT",
    };

    /// Who takes it; `None` inside when nobody does.
    fn read(&self, reader: &mut Reader<'_>, warnings: &mut Warnings) -> Option<Option<Collector>> {
        let exporter = reader.variable(self.exporter, |word| rules::one_of(word, &["otlp", "none"]))?;
        if exporter.as_deref() == Some("none") {
            return Some(None);
        }
        let insecure = self.either("INSECURE", |name| {
            warnings.tolerate(reader, name, rules::boolean, false)
        });
        let insecure = insecure?.unwrap_or(false);
        let url = self.value(reader, "ENDPOINT", |text| endpoint(text, insecure))?;
        let url = match (url, exporter) {
            (None, None) => return Some(None),
            (None, Some(_)) => DEFAULT_ENDPOINT.to_owned(),
            (Some(url), _) => url,
        };
        let protocol = self.value(reader, "PROTOCOL", rules::protocol);
        let headers = self.value(reader, "HEADERS", rules::headers);
        let compression = self.value(reader, "COMPRESSION", |word| {
            rules::one_of(word, &["gzip", "none"])
        });
        let limit = self.value(reader, "TIMEOUT", rules::milliseconds);
        let other_limit = reader.variable(self.export_within, rules::milliseconds);
        let tls = self.tls(reader);
        protocol.and(headers).and(compression)?;
        let limit = limit?.unwrap_or(EXPORT_WITHIN);
        let limit = other_limit?.map_or(limit, |other| limit.min(other));
        let endpoint = self.connection(reader, &url, tls?, limit)?;
        Some(Some(Collector { url, endpoint, limit }))
    }

    /// The value for this signal alone, or else for both.
    fn value<T>(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Option<T>> {
        self.either(name, |name| reader.variable(name, &parse))
    }

    fn either<T>(&self, name: &str, mut read: impl FnMut(&str) -> Option<Option<T>>) -> Option<Option<T>> {
        match read(&format!("OTEL_EXPORTER_OTLP_{}_{name}", self.name))? {
            Some(value) => Some(Some(value)),
            None => read(&format!("OTEL_EXPORTER_OTLP_{name}")),
        }
    }

    fn tls(&self, reader: &mut Reader<'_>) -> Option<ClientTlsConfig> {
        let trusted = self.value(reader, "CERTIFICATE", contents);
        let certificate = self.value(reader, "CLIENT_CERTIFICATE", contents);
        let key = self.value(reader, "CLIENT_KEY", contents);
        let tls = match trusted? {
            Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
            None => ClientTlsConfig::new().with_enabled_roots(),
        };
        Some(match (certificate?, key?) {
            (Some(certificate), Some(key)) => tls.identity(Identity::from_pem(certificate, key)),
            _ => tls,
        })
    }

    fn connection(
        &self,
        reader: &mut Reader<'_>,
        url: &str,
        tls: ClientTlsConfig,
        limit: Duration,
    ) -> Option<Endpoint> {
        let plain = Endpoint::from_shared(url.to_owned()).map(|endpoint| {
            endpoint
                .connect_timeout(limit)
                .timeout(limit)
                .http2_keep_alive_interval(PING_EVERY)
                .keep_alive_timeout(PING_WITHIN)
        });
        let endpoint = plain.and_then(|endpoint| match url.starts_with("https:") {
            true => endpoint.tls_config(tls),
            false => Ok(endpoint),
        });
        match endpoint {
            Ok(endpoint) => Some(endpoint),
            Err(error) => {
                let problem = format!("cannot be used with what there is for TLS: {}", chain(&error));
                self.value(reader, "ENDPOINT", |_| Err::<(), _>(problem.clone()));
                None
            }
        }
    }
}

/// The URL of a collector. One without scheme is for TLS, unless told otherwise.
fn endpoint(text: &str, insecure: bool) -> Result<String, String> {
    let url = match (text.contains("://"), insecure) {
        (true, _) => text.to_owned(),
        (false, true) => format!("http://{text}"),
        (false, false) => format!("https://{text}"),
    };
    // Never shown: there may be a password in it.
    let problem = "must be http:// or https://, a host and a port, such as http://collector:4317, and nothing more: \
                   it is for OTLP over gRPC, which has no path";
    let uri: Uri = url.parse().map_err(|_| problem.to_owned())?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    let host_alone = uri
        .authority()
        .is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'));
    let nothing_more = uri.path_and_query().is_none_or(|rest| rest == "/");
    if is_http && host_alone && nothing_more {
        Ok(url)
    } else {
        Err(problem.to_owned())
    }
}

fn contents(path: &str) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot read {path}: {error}"))
}

#[cfg(test)]
mod tests {
    use kith_settings::{Environment, Program, load};

    use super::*;

    fn read<const N: usize>(variables: [(&str, &str); N]) -> Result<OtlpSettings, Vec<String>> {
        let program = Program {
            name: "demo",
            version: "1",
            about: "",
        };
        let settings = load(&program, ["demo".into()], &Environment::from(variables));
        settings.map_err(|error| error.mistakes().iter().map(ToString::to_string).collect())
    }

    fn urls<const N: usize>(variables: [(&str, &str); N]) -> (Option<String>, Option<String>) {
        let settings = read(variables).expect("no mistake");
        let url = |collector: Option<Collector>| collector.map(|collector| collector.url);
        (url(settings.traces), url(settings.metrics))
    }

    fn both(url: &str) -> (Option<String>, Option<String>) {
        (Some(url.to_owned()), Some(url.to_owned()))
    }

    const URL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317");

    #[test]
    fn nothing_is_exported_unless_somebody_says_so() {
        assert_eq!(urls([]), (None, None));
        assert_eq!(
            urls([("OTEL_SERVICE_NAME", "x"), ("OTEL_TRACES_SAMPLER", "always_on")]),
            (None, None)
        );
        assert_eq!(
            urls([("OTEL_TRACES_EXPORTER", "otlp")]),
            (Some(DEFAULT_ENDPOINT.to_owned()), None)
        );
        assert_eq!(
            urls([("OTEL_METRICS_EXPORTER", "otlp")]),
            (None, Some(DEFAULT_ENDPOINT.to_owned()))
        );
    }

    #[test]
    fn an_endpoint_is_for_both_signals_or_for_one() {
        let of_traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://traces:1");
        assert_eq!(urls([URL]), both("http://collector:4317"));
        assert_eq!(urls([of_traces]), (Some("https://traces:1".to_owned()), None));
        assert_eq!(
            urls([URL, of_traces]),
            (
                Some("https://traces:1".to_owned()),
                Some("http://collector:4317".to_owned())
            )
        );
        assert_eq!(urls([URL, ("OTEL_TRACES_EXPORTER", "none")]).0, None);
    }

    // Control: `OTEL_SDK_DISABLED` not read; the endpoint counted.
    #[test]
    fn a_disabled_sdk_wins_over_everything_and_judges_nothing() {
        for word in ["true", "TRUE"] {
            assert_eq!(
                urls([
                    URL,
                    ("OTEL_SDK_DISABLED", word),
                    ("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier pigeon")
                ]),
                (None, None)
            );
        }
        assert_eq!(
            urls([URL, ("OTEL_SDK_DISABLED", "false")]),
            both("http://collector:4317")
        );
    }

    fn warnings<const N: usize>(variables: [(&str, &str); N]) -> Vec<String> {
        let settings = read(variables).expect("no mistake");
        let variables = settings.warnings.variables();
        variables.into_iter().map(str::to_owned).collect()
    }

    // Control: `Reader::variable` in place of `tolerate`; each was a mistake.
    #[test]
    fn what_is_set_for_other_programs_is_warned_of_and_stops_nothing() {
        for (name, value) in [
            ("OTEL_SDK_DISABLED", "1"),
            ("OTEL_SDK_DISABLED", "yes"),
            ("OTEL_LOGS_EXPORTER", "otlp"),
            ("OTEL_PROPAGATORS", "b3"),
            ("OTEL_PROPAGATORS", "tracecontext,baggage,xray"),
            ("OTEL_EXPORTER_OTLP_INSECURE", "1"),
            ("OTEL_EXPORTER_OTLP_METRICS_INSECURE", "yes"),
        ] {
            assert_eq!(warnings([URL, (name, value)]), [name], "{value}");
            assert_eq!(
                urls([URL, (name, value)]),
                both("http://collector:4317"),
                "{name}"
            );
        }
        assert_eq!(warnings([("OTEL_SDK_DISABLED", "1")]), ["OTEL_SDK_DISABLED"]);
        let nothing: [String; 0] = [];
        assert_eq!(warnings([("OTEL_LOGS_EXPORTER", "otlp")]), nothing);
        for good in [
            ("OTEL_SDK_DISABLED", "False"),
            ("OTEL_LOGS_EXPORTER", "none"),
            ("OTEL_PROPAGATORS", "tracecontext,baggage"),
            ("OTEL_EXPORTER_OTLP_INSECURE", "TRUE"),
        ] {
            assert_eq!(warnings([URL, good]), nothing, "{good:?}");
        }
    }

    #[test]
    fn a_boolean_that_is_neither_is_false() {
        let odd = ("OTEL_EXPORTER_OTLP_INSECURE", "1");
        let bare = ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317");
        assert_eq!(urls([bare, odd]), both("https://collector:4317"));
        // It counts as false, and not as unset.
        let of_all = ("OTEL_EXPORTER_OTLP_INSECURE", "true");
        let of_traces = ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "1");
        assert_eq!(
            urls([bare, of_all, of_traces]),
            (
                Some("https://collector:4317".to_owned()),
                Some("http://collector:4317".to_owned())
            )
        );
    }

    #[test]
    fn an_endpoint_without_scheme_is_secure_unless_told_otherwise() {
        let bare = ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317");
        assert_eq!(urls([bare]), both("https://collector:4317"));
        assert_eq!(
            urls([bare, ("OTEL_EXPORTER_OTLP_INSECURE", "true")]),
            both("http://collector:4317")
        );
    }

    #[test]
    fn the_shorter_of_two_limits_counts() {
        let limit = |name: &'static str, value| {
            read([URL, (name, value)])
                .expect("good")
                .traces
                .map(|to| to.limit)
        };
        let millis = |number| Some(Duration::from_millis(number));
        assert_eq!(limit("X", ""), millis(10_000));
        assert_eq!(limit("OTEL_EXPORTER_OTLP_TIMEOUT", "250"), millis(250));
        assert_eq!(
            limit("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "20000"),
            millis(20_000)
        );
        assert_eq!(limit("OTEL_BSP_EXPORT_TIMEOUT", "300"), millis(300));
    }

    // Each of these would be passed over silently by the SDK, or break the first export instead of the start.
    #[test]
    fn what_the_sdk_would_pass_over_is_a_mistake() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_METRICS_EXPORTER", "prometheus"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
            ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_BSP_SCHEDULE_DELAY", "5s"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "soon"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "no pair"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "sometimes"),
            ("OTEL_RESOURCE_ATTRIBUTES", "zone"),
            (
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
                "http://collector:4318/v1/metrics",
            ),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "grpc://collector:4317"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.crt"),
        ] {
            let mistakes = read([URL, (name, value)]).expect_err(name);
            assert_eq!(mistakes.len(), 1, "{name}: {mistakes:?}");
            assert!(mistakes[0].starts_with(&format!("{name}: ")), "{mistakes:?}");
        }
    }

    #[test]
    fn what_it_follows_is_none() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_LOGS_EXPORTER", "none"),
            ("OTEL_PROPAGATORS", "tracecontext,baggage"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "4096"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=s%3Decret, tenant=a"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Delta"),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "deployment.environment.name=test,zone=a",
            ),
        ] {
            assert_eq!(
                urls([URL, (name, value)]),
                both("http://collector:4317"),
                "{name}"
            );
        }
    }

    #[test]
    fn secrets_are_not_told() {
        let mistakes = read([
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://alice:hush@collector"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://collector"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api key=hush"),
        ]);
        let mistakes = mistakes.expect_err("mistakes");
        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
        assert!(!mistakes.concat().contains("hush"), "{mistakes:?}");
    }
}
