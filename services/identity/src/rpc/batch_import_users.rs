use kith_contracts::identity::v1::batch_import_users_result::Outcome;
use kith_contracts::identity::v1::{
    BatchImportUsersRequest, BatchImportUsersResponse, BatchImportUsersResult, ImportedUser,
};
use kith_primitives::{Failure, ServiceCaller, Violations};
use kith_rpc::{Batch, status::to_rpc_status};

use super::convert;
use crate::App;
use crate::domain::{PersonName, Username};
use crate::store::{Imported, NewUser, users_import};

const MAX: usize = 1000;

/// INVALID_ARGUMENT (BATCH_TOO_LARGE). Of an item: INVALID_ARGUMENT; ALREADY_EXISTS (USERNAME_TAKEN).
pub(super) async fn call(
    app: &App,
    _: ServiceCaller,
    request: BatchImportUsersRequest,
) -> Result<BatchImportUsersResponse, Failure> {
    let batch = Batch::parse("users", &request.users, MAX, parse)?;
    let outcomes = users_import(&app.database, &batch.good(), request.allow_existing).await?;
    Ok(BatchImportUsersResponse {
        results: batch.answer(outcomes, result),
    })
}

fn parse(user: &ImportedUser) -> Result<NewUser, Failure> {
    let mut violations = Violations::new();
    let username = violations.check("username", Username::parse(&user.username));
    let first_name = violations.check("first_name", PersonName::parse_first(&user.first_name));
    let last_name = violations.check("last_name", PersonName::parse_last(&user.last_name));
    match (username, first_name, last_name) {
        (Some(username), Some(first_name), Some(last_name)) => Ok(NewUser {
            username,
            first_name,
            last_name,
        }),
        _ => Err(violations.into_failure()),
    }
}

fn result(outcome: Result<Imported, Failure>) -> BatchImportUsersResult {
    let existing = outcome.as_ref().is_ok_and(|imported| imported.existing);
    let outcome = match outcome {
        Ok(imported) => Outcome::User(convert::user(imported.user)),
        Err(failure) => Outcome::Error(to_rpc_status(&failure)),
    };
    BatchImportUsersResult {
        outcome: Some(outcome),
        existing,
    }
}
