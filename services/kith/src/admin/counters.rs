//! Walks over all users' counters.

use std::time::{Duration, Instant};

use kith_contracts::social_graph::v1::{
    CounterDrift, Counts, RepairCountersRequest, RepairCountersResponse, VerifyCountersRequest,
    VerifyCountersResponse,
};
use kith_rpc::process::AnyError;
use tonic::{Request, Status};

use crate::operator::{CALL_WITHIN, Operator};
use crate::retry::with_retries;
use crate::terminal::Terminal;

/// The most users that one call looks at.
const PAGE_SIZE: i32 = 100;

/// What came of a walk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checked {
    pub(crate) users: u64,
    pub(crate) drifts: u64,
    pub(crate) took: Duration,
}

/// What one call answered.
struct Page {
    drifts: Vec<CounterDrift>,
    users: i64,
    next_page_token: String,
}

/// Compares all counters with what they count, and writes a line for each drift.
pub(crate) async fn verify_counters(
    operator: &Operator,
    terminal: &mut Terminal,
) -> Result<Checked, AnyError> {
    walk(terminal, async |page_token| {
        let mut request = Request::new(VerifyCountersRequest {
            page_size: PAGE_SIZE,
            page_token,
        });
        request.set_timeout(CALL_WITHIN);
        let answer = operator
            .social_graph()
            .verify_counters(request)
            .await?
            .into_inner();
        let VerifyCountersResponse {
            drifts,
            verified_users: users,
            next_page_token,
        } = answer;
        Ok(Page {
            drifts,
            users,
            next_page_token,
        })
    })
    .await
}

/// The same, and sets right what drifted.
pub(crate) async fn repair_counters(
    operator: &Operator,
    terminal: &mut Terminal,
) -> Result<Checked, AnyError> {
    walk(terminal, async |page_token| {
        let mut request = Request::new(RepairCountersRequest {
            page_size: PAGE_SIZE,
            page_token,
        });
        request.set_timeout(CALL_WITHIN);
        let answer = operator
            .social_graph()
            .repair_counters(request)
            .await?
            .into_inner();
        let RepairCountersResponse {
            drifts,
            verified_users: users,
            next_page_token,
        } = answer;
        Ok(Page {
            drifts,
            users,
            next_page_token,
        })
    })
    .await
}

async fn walk(
    terminal: &mut Terminal,
    call: impl AsyncFn(String) -> Result<Page, Status>,
) -> Result<Checked, AnyError> {
    let began = Instant::now();
    let (mut users, mut drifts, mut page_token) = (0, 0, String::new());
    loop {
        let page = with_retries(async || call(page_token.clone()).await).await;
        let page = page.map_err(|status| format!("social-graph refused: {}", status.message()))?;
        users += u64::try_from(page.users).unwrap_or_default();
        for drift in page.drifts {
            drifts += 1;
            terminal.result(&describe(&drift))?;
        }
        terminal.advance(0, users);
        if page.next_page_token.is_empty() {
            break;
        }
        page_token = page.next_page_token;
    }
    terminal.finish();
    Ok(Checked {
        users,
        drifts,
        took: began.elapsed(),
    })
}

fn describe(drift: &CounterDrift) -> String {
    let counts = |counts: &Option<Counts>| {
        let counts = counts.unwrap_or_default();
        format!(
            "{} followers, {} following, {} friends",
            counts.followers_count, counts.following_count, counts.friends_count
        )
    };
    let user_id = drift.counted.unwrap_or_default().user_id;
    format!(
        "user {user_id}: counted {}; there are {}\n",
        counts(&drift.counted),
        counts(&drift.actual)
    )
}
