//! A token that is renewed while it is good.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use rand::RngExt;
use secrecy::SecretString;
use tokio::sync::Notify;
use tokio::time::Instant;
use tonic::Status;

use crate::BearerToken;
use crate::servers::jittered;

/// The pause after a failed renewal, doubled up to `MAX_PAUSE`.
const MIN_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// A token is no longer used so long before its end, or a tenth of its life before it if that is less.
const MARGIN: Duration = Duration::from_secs(10);
/// The life of a token that is over by our clock when it comes: the clock is wrong.
const LEAST_LIFE: Duration = Duration::from_secs(30);
/// How often a refused token is renewed at most. Where two tokens are sent, the server does not say which one it
/// refused, and a user's bad token must not have the service fetch tokens without end.
const RENEW_REFUSED_EVERY: Duration = Duration::from_secs(30);

/// A token as it was fetched.
pub(super) struct Fetched {
    pub(super) token: BearerToken,
    pub(super) lifetime: Duration,
}

impl Fetched {
    pub(super) fn new(
        access_token: String,
        expire_time: Option<prost_types::Timestamp>,
    ) -> Result<Self, Status> {
        let token = BearerToken::new(&SecretString::from(access_token))
            .map_err(|_| Status::internal("identity gave a token that is none"))?;
        let end = expire_time.and_then(|time| SystemTime::try_from(time).ok());
        let left = end.and_then(|end| end.duration_since(SystemTime::now()).ok());
        Ok(Self {
            token,
            lifetime: left.unwrap_or_default().max(LEAST_LIFE),
        })
    }
}

pub(super) type Fetching = Pin<Box<dyn Future<Output = Result<Fetched, Status>> + Send>>;

/// Fetches tokens.
pub(super) trait Fetch: Send + Sync + 'static {
    /// A new token. It is never asked for another before this one is there.
    fn fetch(&self) -> Fetching;

    /// Whether there will never be a token again after this failure.
    fn is_over(&self, failure: &Status) -> bool;
}

/// Has a token, and the next one before it ends.
pub(super) struct Source {
    fetch: Box<dyn Fetch>,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    token: Option<Held>,
    is_renewing: bool,
    failure: Option<Failure>,
    pause: Duration,
    renewed_refused: Option<Instant>,
}

struct Held {
    token: BearerToken,
    renew_at: Instant,
    ends_at: Instant,
    /// A server took no call with it.
    is_refused: bool,
}

struct Failure {
    status: Status,
    /// When it is tried again; `None` for never.
    again_at: Option<Instant>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source(..)")
    }
}

impl Held {
    fn new(fetched: Fetched) -> Self {
        let (now, life) = (Instant::now(), fetched.lifetime);
        // Not all at the same time, where many processes started together.
        let part = rand::rng().random_range(0.7..0.8);
        Self {
            token: fetched.token,
            renew_at: now + life.mul_f64(part),
            ends_at: now + life - MARGIN.min(life / 10),
            is_refused: false,
        }
    }
}

impl Source {
    pub(super) fn new(fetch: impl Fetch) -> Self {
        Self::starting_with(None, fetch)
    }

    pub(super) fn starting_with(fetched: Option<Fetched>, fetch: impl Fetch) -> Self {
        Self {
            fetch: Box::new(fetch),
            state: Mutex::new(State {
                token: fetched.map(Held::new),
                is_renewing: false,
                failure: None,
                pause: MIN_PAUSE,
                renewed_refused: None,
            }),
            changed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token that is good. Waits only while there is none.
    ///
    /// # Errors
    /// Why the last attempt to get one failed.
    pub(super) async fn token(self: &Arc<Self>) -> Result<BearerToken, Status> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(known) = self.known() {
                return known;
            }
            changed.await;
        }
    }

    /// What there is, and a renewal where it is time for one; `None` while a token is being fetched.
    fn known(self: &Arc<Self>) -> Option<Result<BearerToken, Status>> {
        let now = Instant::now();
        let mut state = self.state();
        let good = state.token.as_ref().filter(|held| now < held.ends_at);
        let (token, is_due) = match good {
            Some(held) => (Some(held.token.clone()), now >= held.renew_at),
            None => (None, true),
        };
        let failed = state.failure.as_ref().filter(|failure| !failure.is_past(now));
        let refusal = failed.map(|failure| failure.status.clone());
        if is_due && refusal.is_none() {
            self.begin_renewal(&mut state);
        }
        match (token, refusal) {
            (Some(token), _) => Some(Ok(token)),
            (None, refusal) => refusal.map(Err),
        }
    }

    fn begin_renewal(self: &Arc<Self>, state: &mut State) {
        if !state.is_renewing {
            state.is_renewing = true;
            // A task of its own: whoever waits for it may go away.
            tokio::spawn(Arc::clone(self).renew());
        }
    }

    async fn renew(self: Arc<Self>) {
        let fetched = self.fetch.fetch().await;
        let mut state = self.state();
        state.is_renewing = false;
        match fetched {
            Ok(fetched) => {
                state.token = Some(Held::new(fetched));
                state.failure = None;
                state.pause = MIN_PAUSE;
            }
            Err(status) => {
                tracing::warn!(code = ?status.code(), message = status.message(), "no token could be fetched");
                let pause = jittered(state.pause);
                state.pause = (state.pause * 2).min(MAX_PAUSE);
                let is_over = self.fetch.is_over(&status);
                if is_over && state.token.as_ref().is_some_and(|held| held.is_refused) {
                    state.token = None;
                }
                state.failure = Some(Failure {
                    again_at: (!is_over).then(|| Instant::now() + pause),
                    status: told(&status),
                });
            }
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// A server refused a call with this token. Other calls go on with it until there is another one: it was perhaps
    /// not this token that was meant, or not every server that would refuse it.
    pub(super) fn refused(self: &Arc<Self>, used: &HeaderValue) {
        let now = Instant::now();
        let mut state = self.state();
        let is_paused = state
            .failure
            .as_ref()
            .is_some_and(|failure| !failure.is_past(now));
        let was_renewed = state
            .renewed_refused
            .is_some_and(|last| now < last + RENEW_REFUSED_EVERY);
        let held = state.token.as_mut().filter(|held| held.token.header() == used);
        if let Some(held) = held
            && !is_paused
            && !was_renewed
        {
            held.is_refused = true;
            state.renewed_refused = Some(now);
            self.begin_renewal(&mut state);
        }
    }

    /// [`Source::refused`], and whether another attempt would go otherwise. Waits while a token is being fetched.
    pub(super) async fn replaced(self: &Arc<Self>, used: &HeaderValue) -> bool {
        self.refused(used);
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            {
                let state = self.state();
                match &state.token {
                    Some(held) if held.token.header() == used && state.is_renewing => {}
                    Some(held) => return held.token.header() != used,
                    // The next attempt waits for one, or says why there is none.
                    None => return true,
                }
            }
            changed.await;
        }
    }
}

impl Failure {
    fn is_past(&self, now: Instant) -> bool {
        self.again_at.is_some_and(|again_at| now >= again_at)
    }
}

/// What a caller is told who gets no token.
fn told(status: &Status) -> Status {
    let message = format!("no token could be fetched: {}", status.message());
    Status::with_details(status.code(), message, status.details().to_vec().into())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;
    use tokio::time::{advance, sleep};

    use super::*;

    const LIFE: Duration = Duration::from_secs(3600);

    /// Gives tokens `1`, `2` and so on, each after a second, or fails while it is told to.
    #[derive(Default)]
    struct Issuer {
        asked: AtomicUsize,
        at_once: AtomicUsize,
        failure: Mutex<Option<Status>>,
    }

    impl Fetch for Arc<Issuer> {
        fn fetch(&self) -> Fetching {
            let issuer = Arc::clone(self);
            Box::pin(async move {
                assert_eq!(issuer.at_once.fetch_add(1, Ordering::SeqCst), 0, "twice at once");
                let number = issuer.asked.fetch_add(1, Ordering::SeqCst) + 1;
                sleep(Duration::from_secs(1)).await;
                issuer.at_once.fetch_sub(1, Ordering::SeqCst);
                let failure = issuer.failure.lock().expect("no panic").clone();
                failure.map_or_else(
                    || {
                        Ok(Fetched {
                            token: BearerToken::new(&number.to_string().into()).expect("ASCII"),
                            lifetime: LIFE,
                        })
                    },
                    Err,
                )
            })
        }

        fn is_over(&self, failure: &Status) -> bool {
            failure.code() == tonic::Code::Unauthenticated
        }
    }

    impl Issuer {
        fn fails(&self, failure: Option<Status>) {
            *self.failure.lock().expect("no panic") = failure;
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    fn source() -> (Arc<Issuer>, Arc<Source>) {
        let issuer = Arc::new(Issuer::default());
        (Arc::clone(&issuer), Arc::new(Source::new(issuer)))
    }

    async fn token(source: &Arc<Source>) -> Result<String, Status> {
        let header = source.token().await?.header();
        Ok(header.to_str().expect("ASCII").to_owned())
    }

    // Control: `is_renewing` that is never set; the issuer was asked twice at once.
    #[tokio::test(start_paused = true)]
    async fn all_calls_wait_for_one_fetch() {
        let (issuer, source) = source();
        for answer in join_all((0..64).map(|_| token(&source))).await {
            assert_eq!(answer.expect("a token"), "Bearer 1");
        }
        assert_eq!(issuer.asked(), 1);
    }

    // Control: `renew_at` at the end of the life; the first token was still in use.
    #[tokio::test(start_paused = true)]
    async fn the_next_token_is_there_before_the_old_one_ends() {
        let (issuer, source) = source();
        token(&source).await.expect("a token");
        advance(LIFE.mul_f64(0.69)).await;
        assert_eq!(token(&source).await.expect("the old one"), "Bearer 1");
        assert_eq!(issuer.asked(), 1);
        advance(LIFE.mul_f64(0.12)).await;
        let began = Instant::now();
        assert_eq!(token(&source).await.expect("the old one"), "Bearer 1");
        assert_eq!(began.elapsed(), Duration::ZERO);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(token(&source).await.expect("the new one"), "Bearer 2");
    }

    // Control: a failure that takes the token away; the first call after it failed.
    #[tokio::test(start_paused = true)]
    async fn a_good_token_outlives_an_issuer_that_fails() {
        let (issuer, source) = source();
        token(&source).await.expect("a token");
        issuer.fails(Some(Status::unavailable("planned")));
        let began = Instant::now();
        while began.elapsed() < LIFE - Duration::from_secs(15) {
            assert_eq!(token(&source).await.expect("the old one"), "Bearer 1");
            sleep(Duration::from_secs(1)).await;
        }
        let tries = issuer.asked() - 1;
        // In a quarter of an hour, with pauses of up to a minute and a half.
        assert!((10..100).contains(&tries), "{tries}");
        sleep(Duration::from_secs(15)).await;
        let status = token(&source).await.expect_err("it has ended");
        assert_eq!(status.code(), tonic::Code::Unavailable);
        assert_eq!(status.message(), "no token could be fetched: planned");

        issuer.fails(None);
        sleep(MAX_PAUSE * 2).await;
        token(&source).await.expect("another one");
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_goes_away_takes_no_fetch_with_it() {
        let (issuer, source) = source();
        let impatient = tokio::time::timeout(Duration::from_millis(1), token(&source));
        impatient.await.expect_err("a fetch takes longer");
        assert_eq!(token(&source).await.expect("a token"), "Bearer 1");
        assert_eq!(issuer.asked(), 1);
    }

    // Control: no `renewed_refused`; the second refusal was answered by a third token.
    #[tokio::test(start_paused = true)]
    async fn a_refused_token_is_replaced_but_not_again_and_again() {
        let (_, source) = source();
        let first = source.token().await.expect("a token").header();
        assert!(source.replaced(&first).await);
        let second = source.token().await.expect("a token").header();
        assert_eq!(second, "Bearer 2");
        assert!(source.replaced(&first).await, "there is another already");
        assert!(!source.replaced(&second).await);
        assert_eq!(token(&source).await.expect("it stays"), "Bearer 2");
        advance(RENEW_REFUSED_EVERY).await;
        assert!(source.replaced(&second).await);
    }

    // Control: `refused` that takes the token away; no call had one until the issuer was back.
    #[tokio::test(start_paused = true)]
    async fn a_refused_token_stays_in_use_until_there_is_another() {
        let (issuer, source) = source();
        let first = source.token().await.expect("a token").header();
        issuer.fails(Some(Status::unavailable("planned")));
        let (replaced, meanwhile) = tokio::join!(source.replaced(&first), async {
            sleep(Duration::from_millis(1)).await;
            let began = Instant::now();
            (token(&source).await, began.elapsed())
        });
        assert!(!replaced);
        assert_eq!(meanwhile.0.expect("the old one"), "Bearer 1");
        assert_eq!(meanwhile.1, Duration::ZERO);
        assert_eq!(token(&source).await.expect("the old one"), "Bearer 1");
        assert_eq!(issuer.asked(), 2);
    }

    // Control: `renew` that leaves a refused token there; it was sent again and again.
    #[tokio::test(start_paused = true)]
    async fn a_refused_token_goes_when_there_will_be_no_other() {
        let (issuer, source) = source();
        let first = source.token().await.expect("a token").header();
        issuer.fails(Some(Status::unauthenticated("planned")));
        assert!(source.replaced(&first).await);
        let status = token(&source).await.expect_err("it is over");
        assert_eq!(status.code(), tonic::Code::Unauthenticated);
    }

    // Control: `is_over` that is always false; the issuer was asked again.
    #[tokio::test(start_paused = true)]
    async fn what_is_over_is_not_asked_for_again() {
        let (issuer, source) = source();
        issuer.fails(Some(Status::unauthenticated("planned")));
        token(&source).await.expect_err("refused");
        sleep(LIFE).await;
        let status = token(&source).await.expect_err("refused for ever");
        assert_eq!(status.code(), tonic::Code::Unauthenticated);
        assert_eq!(issuer.asked(), 1);
    }

    #[test]
    fn a_clock_that_is_wrong_costs_no_storm_of_fetches() {
        let long_ago = prost_types::Timestamp { seconds: 1, nanos: 0 };
        let fetched = Fetched::new("token".to_owned(), Some(long_ago)).expect("a token");
        assert_eq!(fetched.lifetime, LEAST_LIFE);
    }
}
