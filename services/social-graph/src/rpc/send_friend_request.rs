use kith_contracts::social_graph::v1::send_friend_request_response::Result as Sent;
use kith_contracts::social_graph::v1::{
    SendFriendRequestOutcome as Outcome, SendFriendRequestRequest, SendFriendRequestResponse,
};
use kith_primitives::{Failure, UserCaller, UserId, Violations};
use kith_rules::social_graph::FRIEND_REQUESTS_NO_SELF_REQUEST;

use super::convert;
use crate::App;
use crate::domain::{Note, Pair};
use crate::store::{Asked, request_send};

/// INVALID_ARGUMENT (ID_INVALID, SELF_BEFRIEND, FIELD_TOO_LONG, FIELD_CONTAINS_NUL); NOT_FOUND (USER_NOT_FOUND);
/// FAILED_PRECONDITION (USER_INACTIVE, FRIEND_REQUEST_DECLINED); PERMISSION_DENIED (INTERACTION_NOT_ALLOWED); ALREADY_EXISTS
/// (FRIEND_REQUEST_EXISTS, FRIENDSHIP_EXISTS) unless allow_existing; RESOURCE_EXHAUSTED (FRIEND_REQUESTS_EXHAUSTED).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: SendFriendRequestRequest,
) -> Result<SendFriendRequestResponse, Failure> {
    let (pair, note) = parse(caller.user_id, &request)?;
    let asked = request_send(&app.database, app.friends, pair, &note, request.allow_existing).await?;
    let (outcome, result) = match asked {
        Asked::Created(row) => (
            Outcome::Created,
            Sent::FriendRequest(convert::friend_request(row)),
        ),
        Asked::BecameFriends(row) => (Outcome::BecameFriends, Sent::Friendship(convert::friendship(row))),
        Asked::RequestExisting(row) => (
            Outcome::Existing,
            Sent::FriendRequest(convert::friend_request(row)),
        ),
        Asked::FriendshipExisting(row) => (Outcome::Existing, Sent::Friendship(convert::friendship(row))),
    };
    Ok(SendFriendRequestResponse {
        outcome: outcome.into(),
        result: Some(result),
    })
}

fn parse(from: UserId, request: &SendFriendRequestRequest) -> Result<(Pair, Note), Failure> {
    let mut violations = Violations::new();
    let to = violations.check("user_id", UserId::parse(request.user_id));
    let pair =
        to.and_then(|to| violations.check("user_id", Pair::new(from, to, &FRIEND_REQUESTS_NO_SELF_REQUEST)));
    let note = violations.check("note", Note::parse(&request.note));
    pair.zip(note).ok_or_else(|| violations.into_failure())
}
