//! The users of an edge list, made by their numbers.

use std::collections::{HashMap, HashSet};

use kith_contracts::identity::v1::batch_import_users_result::Outcome;
use kith_contracts::identity::v1::{BatchImportUsersRequest, BatchImportUsersResult, ImportedUser};
use kith_rpc::process::AnyError;
use tonic::Request;

use super::edges::Edge;
use crate::operator::{CALL_WITHIN, Operator};
use crate::retry::with_retries;

/// The most users that one call takes.
const BATCH: usize = 1000;

/// The ids of numbers, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Users {
    ids: HashMap<u64, i64>,
    pub(super) made: u64,
    pub(super) existing: u64,
}

/// A number that identity made no user of, and why.
pub(super) type Refused = HashMap<u64, String>;

impl Users {
    pub(super) fn id(&self, number: u64) -> Option<i64> {
        self.ids.get(&number).copied()
    }

    /// Makes users of the numbers in `edges` that have none yet, or finds those that exist.
    pub(super) async fn make(&mut self, operator: &Operator, edges: &[Edge]) -> Result<Refused, AnyError> {
        let mut seen = HashSet::new();
        let numbers = edges.iter().flat_map(|edge| [edge.from, edge.to]);
        let new: Vec<u64> = numbers
            .filter(|number| !self.ids.contains_key(number) && seen.insert(*number))
            .collect();
        let mut refused = Refused::new();
        for numbers in new.chunks(BATCH) {
            let results = import(operator, numbers).await?;
            for (number, result) in numbers.iter().zip(results) {
                if let Err(problem) = self.note(*number, result) {
                    refused.insert(*number, problem);
                }
            }
        }
        Ok(refused)
    }

    fn note(&mut self, number: u64, result: BatchImportUsersResult) -> Result<(), String> {
        let user = match result.outcome {
            Some(Outcome::User(user)) => user,
            Some(Outcome::Error(status)) => return Err(status.message),
            None => return Err("identity answered neither a user nor an error".to_owned()),
        };
        self.ids.insert(number, user.id);
        if result.existing {
            self.existing += 1;
        } else {
            self.made += 1;
        }
        Ok(())
    }
}

async fn import(operator: &Operator, numbers: &[u64]) -> Result<Vec<BatchImportUsersResult>, AnyError> {
    let user = |number: &u64| ImportedUser {
        username: format!("u{number}"),
        ..Default::default()
    };
    let users: Vec<_> = numbers.iter().map(user).collect();
    let answer = with_retries(async || {
        let mut request = Request::new(BatchImportUsersRequest {
            users: users.clone(),
            allow_existing: true,
        });
        request.set_timeout(CALL_WITHIN);
        operator.identity().batch_import_users(request).await
    });
    let answer = answer
        .await
        .map_err(|status| format!("identity refused the users: {}", status.message()))?;
    let results = answer.into_inner().results;
    if results.len() != numbers.len() {
        return Err("identity answered another number of users than it was asked for".into());
    }
    Ok(results)
}
