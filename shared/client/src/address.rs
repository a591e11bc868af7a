//! Where a service is.

use std::net::IpAddr;

use http::Uri;
use http::uri::{Authority, Scheme};

use crate::ClientError;

/// Reads the address of a service from a setting: `http://` or `https://`, a host, and perhaps a port.
///
/// # Errors
/// Why [`channel`](crate::channel) could not use it, as the rest of a sentence that begins with the setting.
pub fn address(text: &str) -> Result<String, &'static str> {
    Target::parse(text).map(|_| text.to_owned())
}

/// An address, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) scheme: Scheme,
    /// Host and port as they were given.
    pub(crate) authority: Authority,
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Target {
    pub(crate) fn new(text: &str) -> Result<Self, ClientError> {
        Self::parse(text).map_err(|problem| ClientError::Address {
            address: text.to_owned(),
            problem,
        })
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let parts = text.parse::<Uri>().map_err(|_| "is not a URL")?.into_parts();
        let (scheme, default_port) = match parts.scheme {
            Some(scheme) if scheme == Scheme::HTTP => (scheme, 80),
            Some(scheme) if scheme == Scheme::HTTPS => (scheme, 443),
            _ => return Err("does not begin with http:// or https://"),
        };
        let authority = parts.authority.ok_or("has no host")?;
        let nothing_more = parts.path_and_query.is_none_or(|rest| rest == "/");
        if !nothing_more || authority.as_str().contains('@') {
            return Err("has more than a host and a port");
        }
        Ok(Self {
            scheme,
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(default_port),
            authority,
        })
    }

    /// Whether calls go through TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Whether calls leave this machine, as far as the address tells.
    pub(crate) fn is_elsewhere(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(address) => !address.to_canonical().is_loopback(),
            Err(_) => !self.host.eq_ignore_ascii_case("localhost"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_scheme_host_and_port() {
        for good in [
            "http://127.0.0.1:50051",
            "http://identity",
            "http://[::1]:50051/",
            "https://identity:50051",
        ] {
            assert_eq!(address(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "127.0.0.1:50051",
            "identity:50051",
            "postgres://identity:50051",
            "http://identity:50051/v1",
            "http://identity:50051?a=b",
            "http:// identity",
            "http://alice:secret@identity",
        ] {
            assert!(address(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn loopback_is_here_and_everything_else_elsewhere() {
        let is_elsewhere = |host: &str| {
            let target = Target::new(&format!("http://{host}:1")).expect("an address");
            target.is_elsewhere()
        };
        for here in [
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "localhost",
            "LOCALHOST",
        ] {
            assert!(!is_elsewhere(here), "{here}");
        }
        for there in [
            "10.0.0.1",
            "[2001:db8::1]",
            "identity",
            "localhost.example.com",
            "0.0.0.0",
        ] {
            assert!(is_elsewhere(there), "{there}");
        }
    }

    #[test]
    fn the_port_is_that_of_the_scheme_unless_given() {
        let target = |text| Target::new(text).map(|target| (target.host, target.port));
        let of = |host: &str, port| (host.to_owned(), port);
        assert_eq!(target("http://identity").ok(), Some(of("identity", 80)));
        assert_eq!(target("https://identity").ok(), Some(of("identity", 443)));
        assert_eq!(target("https://[::1]:7").ok(), Some(of("::1", 7)));
    }
}
