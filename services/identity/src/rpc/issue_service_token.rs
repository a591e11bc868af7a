use kith_contracts::identity::v1::{IssueServiceTokenRequest, IssueServiceTokenResponse};
use kith_primitives::{Failure, Reason};

use crate::App;

/// To be built.
#[expect(clippy::unused_async, reason = "to be built")]
pub(super) async fn call(
    _app: &App,
    _request: IssueServiceTokenRequest,
) -> Result<IssueServiceTokenResponse, Failure> {
    Err(Failure::new(Reason::MethodUnknown, "not built yet"))
}
