//! Whose web pages may call.

use http::header::ORIGIN;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Uri};
use kith_settings::{Reader, Setting};

const ORIGINS: Setting = Setting::new(
    "grpc-web-origins",
    "origins of the web pages that may call by gRPC-Web, which is off without any",
)
.value("origins with commas between, such as https://app.example.com,http://localhost:5173");

/// The origins of the web pages that may call, each as browsers send it: scheme, host, and the port where it is not that of
/// the scheme. There is no origin that stands for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins(Vec<HeaderValue>);

impl Origins {
    /// Reads origins with commas between.
    ///
    /// # Errors
    /// Why one of them could never be what a browser sends, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let origins = text.split(',').map(|origin| checked(origin.trim()));
        origins.collect::<Result<_, _>>().map(Self)
    }

    /// The origin of a page that may not call; `None` for pages that may, and for what is no page at all.
    pub(super) fn stranger<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let mut origins = headers.get_all(ORIGIN).iter();
        origins.find(|origin| !self.0.contains(origin))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = HeaderValue> {
        self.0.iter().cloned()
    }
}

fn checked(origin: &str) -> Result<HeaderValue, String> {
    let problem = |problem| format!("has {origin:?}, which {problem}");
    let value = canonical(origin).map_err(problem)?;
    HeaderValue::from_str(&value).map_err(|_| problem("is not ASCII"))
}

fn canonical(origin: &str) -> Result<String, &'static str> {
    if origin.contains('*') {
        return Err("stands for more than one origin: each must be named");
    }
    let parts = origin.parse::<Uri>().map_err(|_| "is no origin")?.into_parts();
    let scheme = parts
        .scheme
        .filter(|scheme| ["http", "https"].contains(&scheme.as_str()));
    let scheme = scheme.ok_or("does not begin with http:// or https://")?;
    let authority = parts.authority.ok_or("has no host")?;
    let default_port = if scheme == Scheme::HTTP { 80 } else { 443 };
    let port = match authority.port_u16().filter(|port| *port != default_port) {
        Some(port) => format!(":{port}"),
        None => String::new(),
    };
    let canonical = format!("{scheme}://{}{port}", authority.host().to_ascii_lowercase());
    if canonical == origin {
        Ok(canonical)
    } else {
        Err(
            "is not as browsers send it: scheme and host in lower case, a port other than the scheme's own, no path",
        )
    }
}

pub(crate) const fn setting() -> &'static Setting {
    &ORIGINS
}

/// `Some(None)` when gRPC-Web is off.
pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Option<Origins>> {
    reader.optional(&ORIGINS, |reader, setting| {
        reader.value_with(setting, Origins::parse)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for good in [
            "https://app.example.com",
            "http://localhost:5173",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "https://app.example.com, http://localhost:5173",
        ] {
            assert!(Origins::parse(good).is_ok(), "{good}");
        }
        for (bad, problem) in [
            ("*", "each must be named"),
            ("https://*.example.com", "each must be named"),
            ("null", "does not begin with"),
            ("app.example.com", "does not begin with"),
            ("ftp://app.example.com", "does not begin with"),
            ("https://app.example.com/", "is not as browsers send it"),
            ("https://app.example.com/page", "is not as browsers send it"),
            ("https://App.example.com", "is not as browsers send it"),
            ("https://app.example.com:443", "is not as browsers send it"),
            ("http://localhost:80", "is not as browsers send it"),
            ("https://alice@app.example.com", "is not as browsers send it"),
            ("https://app.example.com,", "is no origin"),
            ("https://münchen.example", "is no origin"),
        ] {
            let told = Origins::parse(bad).expect_err(bad);
            assert!(told.contains(problem), "{bad}: {told}");
        }
    }

    // Control: `stranger` that looks at the first alone; the second of two was let in.
    #[test]
    fn whoever_sends_an_origin_must_be_named_and_whoever_sends_none_is_no_page() {
        let origins = Origins::parse("https://a.example,https://b.example").expect("origins");
        let let_in = |sent: &[&'static str]| {
            let mut all = HeaderMap::new();
            for origin in sent {
                all.append(ORIGIN, HeaderValue::from_static(origin));
            }
            origins.stranger(&all).is_none()
        };
        assert!(let_in(&[]) && let_in(&["https://a.example"]) && let_in(&["https://b.example"]));
        for other in [
            "https://c.example",
            "null",
            "http://a.example",
            "https://a.example:444",
            "",
        ] {
            assert!(!let_in(&[other]), "{other:?}");
        }
        assert!(!let_in(&["https://a.example", "https://c.example"]));
    }
}
