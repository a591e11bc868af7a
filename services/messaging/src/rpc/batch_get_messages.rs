use std::collections::HashMap;

use kith_contracts::messaging::v1::batch_get_messages_result::Outcome;
use kith_contracts::messaging::v1::{
    BatchGetMessagesRequest, BatchGetMessagesResponse, BatchGetMessagesResult,
};
use kith_primitives::{Failure, MessageId, UserCaller, Violations};
use kith_rpc::{Batch, status::to_rpc_status};

use super::convert;
use crate::App;
use crate::store::{MessageRow, message_not_found, messages_find};

const MAX: usize = 100;

/// INVALID_ARGUMENT (BATCH_TOO_LARGE). Of an item: INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (MESSAGE_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: BatchGetMessagesRequest,
) -> Result<BatchGetMessagesResponse, Failure> {
    let parse = |id: &i64| Violations::only("", MessageId::parse(*id));
    let batch = Batch::parse("message_ids", &request.message_ids, MAX, parse)?;
    let ids = batch.good();
    let rows = messages_find(&app.database, caller.user_id, &ids).await?;
    let rows: HashMap<i64, MessageRow> = rows.into_iter().map(|row| (row.id, row)).collect();
    let find = |id: MessageId| rows.get(&id.get()).cloned().ok_or_else(|| message_not_found(id));
    Ok(BatchGetMessagesResponse {
        results: batch.answer(ids.into_iter().map(find).collect(), result),
    })
}

fn result(message: Result<MessageRow, Failure>) -> BatchGetMessagesResult {
    let outcome = match message {
        Ok(row) => Outcome::Message(convert::message(row)),
        Err(failure) => Outcome::Error(to_rpc_status(&failure)),
    };
    BatchGetMessagesResult {
        outcome: Some(outcome),
    }
}
