use kith_contracts::social_graph::v1::batch_get_relationships_result::Outcome;
use kith_contracts::social_graph::v1::{
    BatchGetRelationshipsRequest, BatchGetRelationshipsResponse, BatchGetRelationshipsResult, Relationship,
};
use kith_primitives::{Caller, Failure, UserId, Violations};
use kith_rpc::{Batch, status::to_rpc_status};
use kith_rules::identity::user_not_found;

use super::convert;
use crate::App;
use crate::store::{not_owned, relationships_find};

const MAX: usize = 100;

/// INVALID_ARGUMENT (ID_INVALID, BATCH_TOO_LARGE); PERMISSION_DENIED (NOT_OWNER); NOT_FOUND (USER_NOT_FOUND). Of an item:
/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (USER_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: BatchGetRelationshipsRequest,
) -> Result<BatchGetRelationshipsResponse, Failure> {
    let batch = Batch::parse("user_ids", &request.user_ids, MAX, |id| {
        Violations::only("", UserId::parse(*id))
    })?;
    let viewer_id = parse_viewer(&request)?;
    if caller.user_id().is_some_and(|caller_id| caller_id != viewer_id) {
        return Err(not_owned(&app.database, viewer_id).await?);
    }
    let (ids, sees_blockers) = (batch.good(), caller.user_id().is_none());
    let rows = relationships_find(&app.database, viewer_id, &ids, sees_blockers).await?;
    let relationships = ids.iter().map(|id| {
        let row = rows.get(&id.get()).cloned().ok_or_else(|| user_not_found(*id))?;
        Ok(convert::relationship(viewer_id, row))
    });
    Ok(BatchGetRelationshipsResponse {
        results: batch.answer(relationships.collect(), result),
    })
}

/// Where the viewer is bad, there is no answer that could tell which users are, so they are told with it.
fn parse_viewer(request: &BatchGetRelationshipsRequest) -> Result<UserId, Failure> {
    let mut violations = Violations::new();
    let viewer_id = violations.check("viewer_id", UserId::parse(request.viewer_id));
    viewer_id.ok_or_else(|| {
        for (place, id) in request.user_ids.iter().enumerate() {
            violations.check(&format!("user_ids[{place}]"), UserId::parse(*id));
        }
        violations.into_failure()
    })
}

fn result(relationship: Result<Relationship, Failure>) -> BatchGetRelationshipsResult {
    let outcome = match relationship {
        Ok(relationship) => Outcome::Relationship(relationship),
        Err(failure) => Outcome::Error(to_rpc_status(&failure)),
    };
    BatchGetRelationshipsResult {
        outcome: Some(outcome),
    }
}
