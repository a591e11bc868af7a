use kith_contracts::posts::v1::{ListHomeTimelineRequest, ListHomeTimelineResponse};
use kith_primitives::{Caller, Failure, Page, PageScope, UserCaller, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::home_timeline_page;

/// INVALID_ARGUMENT (PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID).
pub(super) async fn call(
    app: &App,
    (user, caller): (UserCaller, Caller),
    request: ListHomeTimelineRequest,
) -> Result<ListHomeTimelineResponse, Failure> {
    let page = parse(user.user_id, &request)?;
    let (rows, next_page_token) = home_timeline_page(&app.database, user.user_id, &page).await?;
    let items = rows.into_iter().map(|row| convert::timeline_item(&caller, row));
    Ok(ListHomeTimelineResponse {
        items: items.collect::<Result<_, _>>()?,
        next_page_token,
    })
}

fn parse(user_id: UserId, request: &ListHomeTimelineRequest) -> Result<Page, Failure> {
    let mut violations = Violations::new();
    let scope = PageScope::new("ListHomeTimeline", &[user_id.get()]);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    page.ok_or_else(|| violations.into_failure())
}
