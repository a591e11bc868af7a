//! How often somebody may try something.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use kith_primitives::{Context, Failure, Reason, ServiceCaller, ServiceId};
use ring::digest::{SHA256, digest};

/// So many attempts within a time: all of them at once, or one in each part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    attempts: u32,
    within: Duration,
}

impl Limit {
    /// The longest time that a limit is over.
    const WITHIN_MAX: Duration = Duration::from_secs(24 * 3600);

    /// Reads `10/5m`, or `off` for no limit.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Option<Self>, &'static str> {
        if text == "off" {
            return Ok(None);
        }
        let (attempts, within) = text.split_once('/').ok_or("has no /")?;
        let attempts: u32 = attempts.parse().map_err(|_| "has no number before the /")?;
        let within = kith_settings::parse_duration(within).ok_or("has no duration behind the /")?;
        if !(1..=1_000_000).contains(&attempts) {
            return Err("allows less than one attempt, or more than a million");
        }
        if within > Self::WITHIN_MAX || within < Duration::from_micros(attempts.into()) {
            return Err("is over more than a day, or over no time at all");
        }
        Ok(Some(Self { attempts, within }))
    }

    /// Whether whoever keeps to this limit can use up `other` alone.
    pub(crate) fn exhausts(self, other: Self) -> bool {
        let (ours, others) = (self.step(), other.step());
        self.attempts >= other.attempts || ours <= others
    }

    pub(crate) fn bucket(self, whose: Whose, key: String) -> Bucket {
        let step = self.step();
        Bucket {
            key,
            whose,
            step: TimeDelta::microseconds(step),
            room: TimeDelta::microseconds(step.saturating_mul(self.attempts.into())),
        }
    }

    /// The microseconds that give one attempt back.
    fn step(self) -> i64 {
        let step = self.within.as_micros() / u128::from(self.attempts);
        i64::try_from(step).unwrap_or(i64::MAX).max(1)
    }
}

/// Whose attempts a bucket counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Those with one name, whether there is such an account or not.
    Account,
    /// Those of one caller.
    Caller,
    /// Those of one session.
    Session,
}

/// Attempts that are counted together. A bucket holds so many; each that is taken comes back after a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub(crate) key: String,
    pub(crate) whose: Whose,
    /// How long an attempt takes to come back.
    pub(crate) step: TimeDelta,
    /// How long an empty bucket takes to be full.
    pub(crate) room: TimeDelta,
}

impl Bucket {
    /// The refusal of an attempt that could be made `wait` from now. It is the same for accounts that there are and for
    /// those that there are not.
    pub(crate) fn refusal(&self, wait: Duration) -> Failure {
        let (limit, text) = match self.whose {
            Whose::Account => ("account", "too many attempts for this account lately"),
            Whose::Caller => ("caller", "too many attempts by this caller lately"),
            Whose::Session => ("session", "too many attempts by this session lately"),
        };
        // Up to the next millisecond: whoever waits that long must not come too early.
        let millis = u64::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
        Failure::new(Reason::Throttled, text)
            .with_metadata("limit", limit)
            .with_retry_after(Duration::from_millis(millis))
    }
}

/// Where attempts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The service that proved itself and passes on the attempts of its users.
    service: Option<ServiceId>,
    /// The network address: of somebody's own, or as that service says, or else of the service. Of IPv6 the first 64 bits,
    /// which are what one customer of a provider gets.
    network: Option<IpAddr>,
}

impl Origin {
    /// Where the call comes from that this task works for, passed on by `service` or by nobody.
    pub(crate) fn of(service: Option<&ServiceCaller>) -> Self {
        let peer = Context::current().and_then(|context| context.peer);
        Self {
            service: service.map(|service| service.service_id),
            network: peer.map(network),
        }
    }

    /// The service that passes on the attempt.
    pub(crate) fn service(self) -> Option<ServiceId> {
        self.service
    }

    /// The addresses that count as this origin, as PostgreSQL's `cidr`.
    pub(crate) fn addresses(self) -> Option<String> {
        self.network.map(|network| match network {
            IpAddr::V4(address) => format!("{address}/32"),
            IpAddr::V6(address) => format!("{address}/64"),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(service) = self.service {
            write!(f, "service:{service}/")?;
        }
        match self.network {
            Some(network) => network.fmt(f),
            None => f.write_str("unknown"),
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// A name that somebody signs in with, as a key: names are texts of callers, of any length, and not all of them exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameKey(String);

impl NameKey {
    /// The key of a name of this kind, in any case.
    pub(crate) fn of(kind: &str, name: &str) -> Self {
        let text = format!("{kind}:{}", name.to_ascii_lowercase());
        Self(URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes())))
    }
}

impl fmt::Display for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(text: &str) -> Limit {
        Limit::parse(text).expect("a limit").expect("not off")
    }

    #[test]
    fn a_limit_is_attempts_and_a_time_or_off() {
        assert_eq!(Limit::parse("off"), Ok(None));
        let bucket = limit("10/5m").bucket(Whose::Caller, String::new());
        assert_eq!((bucket.step.num_seconds(), bucket.room.num_seconds()), (30, 300));
        for text in [
            "",
            "10",
            "/5m",
            "10/",
            "0/5m",
            "-1/5m",
            "1000001/5m",
            "10/5",
            "1/25h",
            "1/0s",
            "Off",
            "10/ 5m",
        ] {
            assert!(Limit::parse(text).is_err(), "{text}");
        }
    }

    // Control: a room of the whole time; of 7 in 1 ms, with a step that is cut to whole microseconds, an eighth had room.
    #[test]
    fn a_bucket_has_room_for_its_attempts_and_no_more() {
        for text in ["7/1ms", "3/1s", "1/1h", "1000000/1s", "999/1ms"] {
            let attempts = i32::try_from(limit(text).attempts).expect("small");
            let bucket = limit(text).bucket(Whose::Caller, String::new());
            assert!(bucket.step * attempts <= bucket.room, "{text}");
            assert!(bucket.step * (attempts + 1) > bucket.room, "{text}");
        }
    }

    #[test]
    fn a_wait_is_rounded_up() {
        let bucket = limit("1/1s").bucket(Whose::Account, String::new());
        let wait = |micros| bucket.refusal(Duration::from_micros(micros)).retry_after();
        assert_eq!(wait(1), Some(Duration::from_millis(1)));
        assert_eq!(wait(1_000_001), Some(Duration::from_millis(1001)));
    }

    #[test]
    fn whoever_is_faster_or_has_more_at_once_exhausts_a_limit() {
        let account = limit("100/10m");
        assert!(!limit("10/5m").exhausts(account));
        assert!(limit("100/20m").exhausts(account));
        assert!(limit("10/1m").exhausts(account));
    }

    #[test]
    fn of_ipv6_a_network_counts_as_one() {
        let of = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1:2:3"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        let addresses = |text| {
            let network = Some(of(text));
            Origin {
                service: None,
                network,
            }
            .addresses()
        };
        assert_eq!(addresses("2001:db8::1").as_deref(), Some("2001:db8::/64"));
        assert_eq!(addresses("192.0.2.1").as_deref(), Some("192.0.2.1/32"));
    }

    #[test]
    fn names_are_the_same_in_any_case_and_differ_by_kind() {
        assert_eq!(NameKey::of("username", "Alice"), NameKey::of("username", "aLICE"));
        assert_ne!(NameKey::of("username", "a@b.c"), NameKey::of("email", "a@b.c"));
        assert!(!NameKey::of("username", "alice").to_string().contains("alice"));
    }
}
