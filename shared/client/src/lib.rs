//! Channels to Kith's services with the limits that tonic's own have not.

use std::time::Duration;

use http::{HeaderMap, Uri};
use secrecy::{ExposeSecret, SecretString};
use tonic::metadata::AsciiMetadataValue;
use tonic::service::Interceptor;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tracing::Span;

/// How long a call may take that says nothing of it: as long as the longest that a service takes by default.
const REQUEST_WITHIN: Duration = Duration::from_secs(60);

/// Reads the address of a service from a setting: `http://`, a host, and perhaps a port.
///
/// # Errors
/// Why [`channel`] could not use it, as the rest of a sentence that begins with the setting.
pub fn address(text: &str) -> Result<String, &'static str> {
    let uri: Uri = text.parse().map_err(|_| "is not a URL")?;
    if uri.scheme_str() != Some("http") {
        return Err("does not begin with http://");
    }
    if uri.path() != "/" || uri.query().is_some() {
        return Err("has more than a host and a port");
    }
    Ok(text.to_owned())
}

/// A channel to `address`, for example `http://127.0.0.1:50051`. It connects with the first call, and again when the
/// connection is lost. A call ends after 60 seconds at the latest; give it a shorter deadline with
/// [`Request::set_timeout`].
///
/// # Errors
/// When `address` is not a URI.
pub fn channel(address: &str) -> Result<Channel, tonic::transport::Error> {
    Ok(endpoint(address, REQUEST_WITHIN)?.connect_lazy())
}

fn endpoint(address: &str, within: Duration) -> Result<Endpoint, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(address.to_owned())?
        .connect_timeout(Duration::from_secs(1))
        .timeout(within)
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true)
        .tcp_nodelay(true);
    Ok(endpoint)
}

/// Puts an access token into every call, and the trace that the caller is in.
#[derive(Clone, Debug)]
pub struct BearerToken(AsciiMetadataValue);

impl BearerToken {
    /// For calls by the bearer of `token`.
    ///
    /// # Errors
    /// When the token is not ASCII, and so is none.
    pub fn new(token: &SecretString) -> Result<Self, tonic::metadata::errors::InvalidMetadataValue> {
        let mut value: AsciiMetadataValue = format!("Bearer {}", token.expose_secret()).parse()?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl Interceptor for BearerToken {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        metadata.insert("authorization", self.0.clone());
        let headers: &mut HeaderMap = metadata.as_mut();
        kith_telemetry::inject(&Span::current(), headers);
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_scheme_host_and_port() {
        for good in ["http://127.0.0.1:50051", "http://identity", "http://[::1]:50051/"] {
            assert_eq!(address(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "127.0.0.1:50051",
            "https://identity:50051",
            "postgres://identity:50051",
            "http://identity:50051/v1",
            "http://identity:50051?a=b",
            "http:// identity",
        ] {
            assert!(address(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let bearer = BearerToken::new(&SecretString::from("abc.def.ghi")).expect("ASCII");
        assert!(!format!("{bearer:?}").contains("abc.def.ghi"));
    }

    // Control: without `timeout`, the call waits for ever, as the server answers pings.
    #[tokio::test]
    async fn a_call_that_nobody_answers_ends() {
        use tonic_health::pb::HealthCheckRequest;
        use tonic_health::pb::health_client::HealthClient;

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("its address");
        let never =
            hyper::service::service_fn(|_| std::future::pending::<Result<http::Response<String>, Status>>());
        let accept = async move {
            let (stream, _) = listener.accept().await.expect("a connection");
            hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new())
                .serve_connection(hyper_util::rt::TokioIo::new(stream), never)
                .await
        };
        tokio::spawn(accept);
        let endpoint = endpoint(&format!("http://{address}"), Duration::from_millis(50)).expect("a URL");
        let mut health = HealthClient::new(endpoint.connect_lazy());
        let answer = health.check(HealthCheckRequest::default()).await;
        let code = answer.expect_err("nobody answers").code();
        assert!(
            matches!(code, tonic::Code::Cancelled | tonic::Code::DeadlineExceeded),
            "{code:?}"
        );
    }
}
