//! How many calls may be under way at the same time, in all and of one caller.
//!
//! Nobody waits here: a call beyond a limit is refused at once, while its caller still has time to go elsewhere.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use kith_primitives::{Caller, Failure, Reason, ServiceId, UserId};
use kith_telemetry::{Limit, Metrics};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::settings::ServerSettings;

/// When a caller who was refused should try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Who has a share of the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Party {
    User(UserId),
    Service(ServiceId),
    /// Somebody without token; of IPv6 the first 64 bits, which are what one customer of a provider gets.
    Address(IpAddr),
}

impl Party {
    /// Whoever answers for a call: a service that calls for a user does so too.
    pub(crate) fn of(caller: Option<&Caller>, peer: IpAddr) -> Vec<Self> {
        let user = caller.and_then(Caller::user).map(|user| Self::User(user.user_id));
        let service = caller
            .and_then(Caller::service)
            .map(|service| Self::Service(service.service_id));
        let known: Vec<_> = user.into_iter().chain(service).collect();
        if known.is_empty() {
            return vec![Self::Address(network(peer))];
        }
        known
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = address.to_bits() >> 64 << 64;
            Ipv6Addr::from_bits(prefix).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// The limits of a server, and what is left of them.
#[derive(Debug)]
pub(crate) struct Limits {
    calls: Arc<Semaphore>,
    max_calls: usize,
    shares: Arc<Shares>,
    metrics: Metrics,
}

/// The calls under way of each party. Whoever has none is not in it, so that it is never larger than the calls are many.
#[derive(Debug)]
struct Shares {
    max_per_caller: usize,
    max_per_service: usize,
    taken: Mutex<HashMap<Party, usize>>,
}

impl Limits {
    /// As `settings` have them.
    pub(crate) fn new(settings: &ServerSettings, metrics: Metrics) -> Self {
        Self {
            calls: Arc::new(Semaphore::new(settings.max_concurrent_calls)),
            max_calls: settings.max_concurrent_calls,
            shares: Arc::new(Shares {
                max_per_caller: settings.max_concurrent_calls_per_caller,
                max_per_service: settings.max_concurrent_calls_per_service,
                taken: Mutex::default(),
            }),
            metrics,
        }
    }

    /// Takes the place of one more call. SERVER_OVERLOADED when there is none.
    pub(crate) fn admit(&self) -> Result<Place, Failure> {
        let permit = Arc::clone(&self.calls)
            .try_acquire_owned()
            .map_err(|_| self.full())?;
        Ok(Place(Arc::new(Held {
            _permit: permit,
            share: OnceLock::new(),
        })))
    }

    /// Counts the call at `place` to all of `parties`, until it ends. SERVER_OVERLOADED when one of them has its share.
    pub(crate) fn count(&self, place: &Place, parties: Vec<Party>) -> Result<(), Failure> {
        let mut taken = self.shares.taken();
        let count = |party| taken.get(party).copied().unwrap_or_default();
        if let Some(party) = parties
            .iter()
            .find(|party| count(party) >= self.shares.max(**party).0)
        {
            return Err(self.share_taken(*party));
        }
        for party in &parties {
            *taken.entry(*party).or_default() += 1;
        }
        drop(taken);
        let share = Share {
            shares: Arc::clone(&self.shares),
            parties,
        };
        // A call is counted once; a second share would be given back here at once.
        let _ = place.0.share.set(share);
        Ok(())
    }

    fn full(&self) -> Failure {
        self.metrics.call_refused(Limit::Server);
        let text = "the server has as many calls under way as it takes at once";
        let cause = format!("--max-concurrent-calls is {}", self.max_calls);
        overloaded(text).with_cause(cause)
    }

    fn share_taken(&self, party: Party) -> Failure {
        self.metrics.call_refused(match party {
            Party::Service(_) => Limit::Service,
            Party::User(_) | Party::Address(_) => Limit::Caller,
        });
        let text = "the caller has as many calls under way as one caller may have at once";
        let (max, setting) = self.shares.max(party);
        overloaded(text).with_cause(format!("{setting} is {max}: {party:?}"))
    }
}

fn overloaded(text: &str) -> Failure {
    Failure::new(Reason::ServerOverloaded, text).with_retry_after(RETRY_AFTER)
}

impl Shares {
    /// How much one party may have, and the setting that says so.
    fn max(&self, party: Party) -> (usize, &'static str) {
        match party {
            Party::Service(_) => (self.max_per_service, "--max-concurrent-calls-per-service"),
            Party::User(_) | Party::Address(_) => (self.max_per_caller, "--max-concurrent-calls-per-caller"),
        }
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Party, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a call takes up of the limits, given back when the last clone is gone: whatever works for the call has one.
#[derive(Clone, Debug)]
pub(crate) struct Place(Arc<Held>);

#[derive(Debug)]
struct Held {
    _permit: OwnedSemaphorePermit,
    /// Empty until it is known who calls.
    share: OnceLock<Share>,
}

#[derive(Debug)]
struct Share {
    shares: Arc<Shares>,
    parties: Vec<Party>,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        for party in &self.parties {
            match taken.get_mut(party) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(taken.remove(party)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kith_primitives::{ServiceCaller, UserCaller};

    use super::*;

    fn user(id: i64) -> Party {
        Party::User(UserId::from_database(id))
    }

    fn limits(max_concurrent_calls: usize, max_concurrent_calls_per_caller: usize) -> Limits {
        Limits::new(
            &ServerSettings {
                max_concurrent_calls,
                max_concurrent_calls_per_caller,
                max_concurrent_calls_per_service: max_concurrent_calls_per_caller,
                ..ServerSettings::default()
            },
            Metrics::new("test"),
        )
    }

    fn call(limits: &Limits, parties: &[Party]) -> Result<Place, Failure> {
        let place = limits.admit()?;
        limits.count(&place, parties.to_vec())?;
        Ok(place)
    }

    // Control: `count` that does not look at what is taken.
    #[test]
    fn a_call_for_a_user_needs_a_share_of_both() {
        let limits = limits(10, 1);
        let service = Party::Service(ServiceId::from_database(1));
        let first = call(&limits, &[user(1), service]).expect("room");
        assert!(call(&limits, &[user(1)]).is_err());
        assert!(call(&limits, &[service]).is_err());
        assert!(call(&limits, &[user(2), service]).is_err());
        let other = call(&limits, &[user(2)]);
        assert!(other.is_ok(), "{other:?}");
        drop(first);
        let again = call(&limits, &[user(1), service]);
        assert!(again.is_ok(), "{again:?}");
    }

    // Control: services with the share of a user; the second user was refused.
    #[test]
    fn a_service_has_room_for_more_than_one_of_its_users() {
        let limits = Limits::new(
            &ServerSettings {
                max_concurrent_calls_per_caller: 1,
                max_concurrent_calls_per_service: 2,
                ..ServerSettings::default()
            },
            Metrics::new("test"),
        );
        let service = Party::Service(ServiceId::from_database(1));
        let _first = call(&limits, &[user(1), service]).expect("room");
        assert!(call(&limits, &[user(1), service]).is_err());
        let second = call(&limits, &[user(2), service]);
        assert!(second.is_ok(), "{second:?}");
        assert!(call(&limits, &[user(3), service]).is_err());
    }

    // Control: `count` that takes shares before it looks at all of them; the user's stayed taken.
    #[test]
    fn a_refused_call_takes_no_share() {
        let limits = limits(10, 1);
        let service = Party::Service(ServiceId::from_database(1));
        let first = call(&limits, &[service]).expect("room");
        assert!(call(&limits, &[user(1), service]).is_err());
        assert!(call(&limits, &[user(1)]).is_ok());
        drop(first);
    }

    // Control: `drop` that only counts down; 1,000 names stayed.
    #[test]
    fn callers_who_left_leave_nothing_behind() {
        let limits = limits(2, 1);
        for id in 1..=1000 {
            call(&limits, &[user(id)]).expect("room");
        }
        assert_eq!(limits.shares.taken().len(), 0);
    }

    // Control: `Place` that is not shared; the first drop gave it back.
    #[test]
    fn a_place_is_taken_until_nobody_works_for_its_call() {
        let limits = limits(1, 1);
        let place = call(&limits, &[user(1)]).expect("room");
        let detached = place.clone();
        drop(place);
        assert!(limits.admit().is_err());
        assert_eq!(limits.shares.taken().len(), 1);
        drop(detached);
        assert!(limits.admit().is_ok());
    }

    #[test]
    fn whoever_proves_who_it_is_has_no_share_of_its_network() {
        let peer = "192.0.2.1".parse().expect("an address");
        let user_caller = UserCaller {
            user_id: UserId::from_database(1),
            session_id: "s".to_owned(),
        };
        let service_caller = ServiceCaller {
            service_id: ServiceId::from_database(2),
            scopes: BTreeSet::new(),
        };
        let service = Party::Service(ServiceId::from_database(2));
        let of = |caller| Party::of(Some(&caller), peer);
        assert_eq!(of(Caller::User(user_caller.clone())), [user(1)]);
        assert_eq!(of(Caller::Service(service_caller.clone())), [service]);
        let both = Caller::ServiceForUser {
            user: user_caller,
            service: service_caller,
        };
        assert_eq!(of(both), [user(1), service]);
        assert_eq!(Party::of(None, peer), [Party::Address(peer)]);
    }

    #[test]
    fn of_ipv6_a_network_counts_as_one() {
        let of = |text: &str| Party::of(None, text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1:2:3"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
