//! Which calls are made again: the contract decides, as the documentation of the crate says in words.

use std::time::Duration;

use kith_primitives::Reason;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::methods::Unary;
use crate::outcome::Outcome;

/// The pause before the second attempt, doubled for each one after it up to `MAX_PAUSE`.
const MIN_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// What comes after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The caller gets it as it is.
    End,
    /// Another attempt at once: the server was fine, the connection was not.
    AtOnce,
    /// Another attempt that burdens nobody, since nobody was reached.
    Free,
    /// Another attempt if the budget has one, and not before the time that the server asks for.
    Paid { not_before: Duration },
}

/// What comes after an attempt at `method`, which is `None` for streams and methods of others.
pub(crate) fn next(method: Option<Unary>, outcome: &Outcome) -> Next {
    match outcome {
        Outcome::NotTaken(_) => Next::AtOnce,
        Outcome::Unreachable(_) => Next::Free,
        Outcome::Broken(_) if method == Some(Unary::Read) => Next::Paid {
            not_before: Duration::ZERO,
        },
        Outcome::Answered(_, Some(status)) => method.map_or(Next::End, |method| after(method, status)),
        Outcome::Broken(_) | Outcome::Unusable(_) | Outcome::Answered(_, None) => Next::End,
    }
}

fn after(method: Unary, status: &Status) -> Next {
    let details = status.get_error_details();
    let retry_after = details.retry_info().and_then(|info| info.retry_delay);
    let may_repeat = match status.code() {
        Code::Unavailable => {
            method == Unary::Read && !is(&details, Reason::OutcomeUnknown) || did_nothing(&details)
        }
        // Without a time the server does not ask for another attempt.
        Code::ResourceExhausted => is(&details, Reason::ServerOverloaded) && retry_after.is_some(),
        _ => false,
    };
    if may_repeat {
        let not_before = retry_after.unwrap_or_default();
        Next::Paid { not_before }
    } else {
        Next::End
    }
}

/// How long a server asks to be left alone that can do nothing at the moment.
pub(crate) fn rest(status: &Status) -> Option<Duration> {
    let details = status.get_error_details();
    let retry_after = details.retry_info().and_then(|info| info.retry_delay);
    retry_after.filter(|_| status.code() == Code::Unavailable && did_nothing(&details))
}

/// Whether the contract says of the reason that nothing was changed.
fn did_nothing(details: &ErrorDetails) -> bool {
    is(details, Reason::ServiceNotReady) || is(details, Reason::DatabaseUnavailable)
}

fn is(details: &ErrorDetails, reason: Reason) -> bool {
    details
        .error_info()
        .is_some_and(|info| info.domain == "kith" && info.reason == reason.slug())
}

/// The pause after an attempt, counted from 1, before jitter.
pub(crate) fn back_off(attempt: u32) -> Duration {
    let doubled = MIN_PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(10));
    doubled.min(MAX_PAUSE)
}

#[cfg(test)]
mod tests {
    use http::Response;
    use tonic::body::Body;

    use super::*;

    const PAID: Next = Next::Paid {
        not_before: Duration::ZERO,
    };

    fn answered(status: Status) -> Outcome {
        Outcome::Answered(Response::new(Body::empty()), Some(status))
    }

    fn refusal(code: Code, domain: &str, reason: &str, retry_after: Option<Duration>) -> Outcome {
        let mut details = ErrorDetails::new();
        details.set_error_info(reason, domain, []);
        if retry_after.is_some() {
            details.set_retry_info(retry_after);
        }
        answered(Status::with_error_details(code, "planned", details))
    }

    /// What comes after it for a read, for a write, and for a method that is not known.
    fn nexts(outcome: &Outcome) -> [Next; 3] {
        [Some(Unary::Read), Some(Unary::Write), None].map(|method| next(method, outcome))
    }

    #[test]
    fn a_read_is_made_again_when_the_server_is_unavailable_and_a_write_is_not() {
        let plain = answered(Status::unavailable("planned"));
        assert_eq!(nexts(&plain), [PAID, Next::End, Next::End]);
        let broken = Outcome::Broken(Status::unavailable("planned"));
        assert_eq!(nexts(&broken), [PAID, Next::End, Next::End]);
    }

    #[test]
    fn a_write_is_made_again_when_nothing_was_done() {
        for reason in ["SERVICE_NOT_READY", "DATABASE_UNAVAILABLE"] {
            let outcome = refusal(Code::Unavailable, "kith", reason, None);
            assert_eq!(nexts(&outcome), [PAID, PAID, Next::End], "{reason}");
        }
        let of_another = refusal(Code::Unavailable, "proxy", "SERVICE_NOT_READY", None);
        assert_eq!(next(Some(Unary::Write), &of_another), Next::End);
        let not_taken = Outcome::NotTaken(Status::unavailable("planned"));
        assert_eq!(nexts(&not_taken), [Next::AtOnce; 3]);
        let unreachable = Outcome::Unreachable(Status::unavailable("planned"));
        assert_eq!(nexts(&unreachable), [Next::Free; 3]);
    }

    #[test]
    fn an_unknown_outcome_is_never_made_again() {
        let outcome = refusal(Code::Unavailable, "kith", "OUTCOME_UNKNOWN", Some(Duration::ZERO));
        assert_eq!(nexts(&outcome), [Next::End; 3]);
    }

    #[test]
    fn an_overloaded_server_is_asked_again_when_it_says_when() {
        let later = Duration::from_millis(300);
        let overloaded = |after| refusal(Code::ResourceExhausted, "kith", "SERVER_OVERLOADED", after);
        let again = Next::Paid { not_before: later };
        assert_eq!(nexts(&overloaded(Some(later))), [again, again, Next::End]);
        assert_eq!(nexts(&overloaded(None)), [Next::End; 3]);
        let throttled = refusal(Code::ResourceExhausted, "kith", "ANOTHER", Some(later));
        assert_eq!(nexts(&throttled), [Next::End; 3]);
    }

    #[test]
    fn other_codes_stand() {
        for code in (0..17).map(Code::from_i32) {
            if ![Code::Unavailable, Code::Ok].contains(&code) {
                assert_eq!(
                    nexts(&answered(Status::new(code, "planned"))),
                    [Next::End; 3],
                    "{code:?}"
                );
            }
        }
    }

    #[test]
    fn pauses_double_up_to_a_second() {
        let pauses = [1, 2, 3, 4, 5, 99].map(|attempt| back_off(attempt).as_millis());
        assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000]);
    }
}
