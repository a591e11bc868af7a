use std::collections::HashMap;

use kith_contracts::identity::v1::batch_get_users_result::Outcome;
use kith_contracts::identity::v1::user_key::Key;
use kith_contracts::identity::v1::{
    BatchGetUsersRequest, BatchGetUsersResponse, BatchGetUsersResult, User, UserKey,
};
use kith_primitives::{Caller, Failure, Invalid, Reason, UserId, Violations};
use kith_rpc::{Batch, status::to_rpc_status};
use kith_rules::identity::user_not_found;

use super::convert;
use crate::App;
use crate::domain::Username;
use crate::store::users_find;

const MAX: usize = 100;

#[derive(Clone)]
enum Wanted {
    Id(UserId),
    Username(Username),
}

/// INVALID_ARGUMENT (BATCH_TOO_LARGE). Of an item: INVALID_ARGUMENT; NOT_FOUND (USER_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    _: Caller,
    request: BatchGetUsersRequest,
) -> Result<BatchGetUsersResponse, Failure> {
    let batch = Batch::parse("keys", &request.keys, MAX, parse)?;
    let wanted = batch.good();
    let found = find(app, &wanted).await?;
    let outcomes = wanted.iter().map(|wanted| found.get(wanted)).collect();
    Ok(BatchGetUsersResponse {
        results: batch.answer(outcomes, result),
    })
}

fn parse(key: &UserKey) -> Result<Wanted, Failure> {
    match &key.key {
        Some(Key::UserId(id)) => Violations::only("user_id", UserId::parse(*id)).map(Wanted::Id),
        Some(Key::Username(name)) => {
            Violations::only("username", Username::parse(name)).map(Wanted::Username)
        }
        None => {
            let missing = Invalid::new(Reason::FieldRequired, "must be a user_id or a username");
            Violations::only("key", Err(missing))
        }
    }
}

fn result(outcome: Result<User, Failure>) -> BatchGetUsersResult {
    let outcome = match outcome {
        Ok(user) => Outcome::User(user),
        Err(failure) => Outcome::Error(to_rpc_status(&failure)),
    };
    BatchGetUsersResult {
        outcome: Some(outcome),
    }
}

async fn find(app: &App, wanted: &[Wanted]) -> Result<Found, Failure> {
    let (mut ids, mut names) = (Vec::new(), Vec::new());
    for wanted in wanted {
        match wanted {
            Wanted::Id(id) => ids.push(id.get()),
            Wanted::Username(name) => names.push(name.clone()),
        }
    }
    let users: Vec<User> = users_find(&app.database, &ids, &names)
        .await?
        .into_iter()
        .map(convert::user)
        .collect();
    Ok(Found {
        by_name: users
            .iter()
            .map(|user| (user.username.to_ascii_lowercase(), user.clone()))
            .collect(),
        by_id: users.into_iter().map(|user| (user.id, user)).collect(),
    })
}

struct Found {
    by_id: HashMap<i64, User>,
    by_name: HashMap<String, User>,
}

impl Found {
    fn get(&self, wanted: &Wanted) -> Result<User, Failure> {
        match wanted {
            Wanted::Id(id) => self
                .by_id
                .get(&id.get())
                .cloned()
                .ok_or_else(|| user_not_found(id)),
            Wanted::Username(name) => self
                .by_name
                .get(&name.key())
                .cloned()
                .ok_or_else(|| user_not_found(name.as_str())),
        }
    }
}
