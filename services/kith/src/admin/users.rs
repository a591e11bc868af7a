//! Acts on one user, whom operators know by its name.

use kith_contracts::identity::v1::batch_get_users_result::Outcome;
use kith_contracts::identity::v1::{
    BatchGetUsersRequest, DeactivateUserRequest, DeleteUserRequest, ReactivateUserRequest,
    RevokeAllSessionsRequest, User, UserKey, user_key,
};
use kith_rpc::process::AnyError;
use tonic::{Code, Request, Status};

use crate::operator::{CALL_WITHIN, Operator};
use crate::report::grouped;

/// What is done to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserAction {
    Deactivate,
    Reactivate,
    Delete,
    RevokeSessions,
}

impl UserAction {
    /// What the operator's token must allow.
    pub(crate) fn scopes(self) -> &'static [&'static str] {
        match self {
            UserAction::Deactivate | UserAction::Reactivate => &["identity.users.deactivate"],
            UserAction::Delete => &["identity.users.delete"],
            UserAction::RevokeSessions => &["identity.sessions.revoke"],
        }
    }
}

/// Does it, and answers what has become of the user.
pub(crate) async fn act_on(
    operator: &Operator,
    username: &str,
    action: UserAction,
) -> Result<String, AnyError> {
    let user = find(operator, username).await?;
    let outcome = act(operator, user.id, action).await;
    let done = outcome.map_err(|status| refused(&status))?;
    Ok(format!("{} (user {}) {done}", user.username, user.id))
}

async fn act(operator: &Operator, user_id: i64, action: UserAction) -> Result<String, Status> {
    let mut identity = operator.identity();
    match action {
        UserAction::Deactivate => {
            let request = DeactivateUserRequest { user_id };
            identity.deactivate_user(within(request)).await?;
            Ok("is deactivated".to_owned())
        }
        UserAction::Reactivate => {
            let request = ReactivateUserRequest { user_id };
            identity.reactivate_user(within(request)).await?;
            Ok("is active".to_owned())
        }
        UserAction::Delete => {
            let request = DeleteUserRequest {
                user_id,
                allow_missing: false,
            };
            identity.delete_user(within(request)).await?;
            Ok("is deleted".to_owned())
        }
        UserAction::RevokeSessions => {
            let request = RevokeAllSessionsRequest {
                user_id,
                keep_current: false,
            };
            let answer = identity.revoke_all_sessions(within(request)).await?.into_inner();
            let sessions = u64::try_from(answer.revoked_sessions).unwrap_or_default();
            Ok(match sessions {
                1 => "has lost 1 session".to_owned(),
                sessions => format!("has lost {} sessions", grouped(sessions)),
            })
        }
    }
}

async fn find(operator: &Operator, username: &str) -> Result<User, AnyError> {
    let key = user_key::Key::Username(username.to_owned());
    let request = BatchGetUsersRequest {
        keys: vec![UserKey { key: Some(key) }],
    };
    let answer = operator.identity().batch_get_users(within(request)).await;
    let results = answer.map_err(|status| refused(&status))?.into_inner().results;
    match results.into_iter().next().and_then(|result| result.outcome) {
        Some(Outcome::User(user)) => Ok(user),
        Some(Outcome::Error(status)) if Code::from_i32(status.code) == Code::NotFound => {
            Err(format!("no user is called {username:?}").into())
        }
        Some(Outcome::Error(status)) => Err(status.message.into()),
        None => Err("identity answered neither a user nor an error".into()),
    }
}

pub(super) fn refused(status: &Status) -> AnyError {
    format!("identity refused: {}", status.message()).into()
}

pub(super) fn within<M>(message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.set_timeout(CALL_WITHIN);
    request
}
