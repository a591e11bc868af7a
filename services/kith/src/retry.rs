//! Calls that may be made again.

use std::future::Future;
use std::time::Duration;

use tokio::time::sleep;
use tonic::{Code, Status};

/// The pauses before the same call is made again; after the last attempt its answer stands.
const PAUSES: [Duration; 7] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1600),
    Duration::from_millis(3200),
    Duration::from_secs(5),
];

/// Makes a call that is safe to repeat, 8 times within 12 seconds at most, until it succeeds or is refused for good.
pub(crate) async fn with_retries<T, F>(call: impl FnMut() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    with_pauses(&PAUSES, call).await
}

async fn with_pauses<T, F>(pauses: &[Duration], mut call: impl FnMut() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    for pause in pauses {
        match call().await {
            Err(status) if is_passing(status.code()) => sleep(*pause).await,
            answer => return answer,
        }
    }
    call().await
}

/// Whether the same call may succeed later. UNAVAILABLE is also said of an outcome that is unknown.
fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted
    )
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// The answer and the number of calls, of a service that fails `failures` times.
    async fn calls(failures: u32, code: Code) -> (bool, u32) {
        let made = Cell::new(0);
        let answer = with_pauses(&[Duration::ZERO; 7], async || {
            made.set(made.get() + 1);
            if made.get() <= failures {
                Err(Status::new(code, "not now"))
            } else {
                Ok(())
            }
        });
        (answer.await.is_ok(), made.get())
    }

    #[tokio::test]
    async fn what_passes_is_waited_out_and_what_does_not_is_told() {
        assert_eq!(calls(0, Code::Unavailable).await, (true, 1));
        assert_eq!(calls(7, Code::Unavailable).await, (true, 8));
        assert_eq!(calls(8, Code::Unavailable).await, (false, 8));
        assert_eq!(calls(1, Code::PermissionDenied).await, (false, 1));
    }
}
