//! Conversations, and how far they are read.

use kith_contracts::messaging::v1::{MarkReadRequest, SendMessageRequest};
use kith_rpc::process::AnyError;

use super::flow::{Progress, Tally, each};
use super::kith::{IN_FLIGHT, Kith, Made, ask};
use super::plan::{Plan, PlannedConversation};

/// Sends the messages of the plan, those of a conversation one after the other; and marks as read what is read.
pub(super) async fn send(kith: &Kith, plan: &Plan, ids: &[i64]) -> Result<Tally, AnyError> {
    let conversations = 0..plan.conversations_count();
    let count = conversations
        .clone()
        .map(|index| plan.messages_count(index))
        .sum();
    let mut progress = Progress::new("messages", count);
    let work = async |index| converse(kith, plan, ids, index).await;
    each(conversations, IN_FLIGHT, work, |results| {
        results.iter().for_each(|made| progress.note(made));
        Ok(())
    })
    .await?;
    Ok(progress.end())
}

async fn converse(kith: &Kith, plan: &Plan, ids: &[i64], index: usize) -> Result<Vec<Made>, AnyError> {
    let PlannedConversation {
        members,
        messages,
        is_read,
    } = plan.conversation(index);
    let members = members.map(|member| ids[member]);
    // The last message that each has got.
    let mut got = [0; 2];
    let (mut results, mut last) = (Vec::with_capacity(messages.len()), 0);
    for (place, message) in messages.into_iter().enumerate() {
        let (by, to) = (message.by, 1 - message.by);
        let message = SendMessageRequest {
            receiver_id: members[to],
            content: message.content,
            request_id: plan.message_request_id(index, place),
        };
        let (id, made) = send_one(kith, members[by], message).await?;
        if id > 0 {
            got[to] = id;
        }
        last = by;
        results.push(made);
    }
    // Whoever wrote last has read what came before.
    mark_read(kith, members[last], got[last]).await?;
    if is_read {
        mark_read(kith, members[1 - last], got[1 - last]).await?;
    }
    Ok(results)
}

/// Answers the id too; 0 for a message that was deleted since, or could not be sent.
async fn send_one(kith: &Kith, by: i64, message: SendMessageRequest) -> Result<(i64, Made), AnyError> {
    let answer = ask(message, |request| {
        let mut messaging = kith.messaging(by);
        async move { messaging.send_message(request).await }
    });
    match answer.await {
        Ok(answer) => {
            let id = answer.message.ok_or("messaging answered no message")?.id;
            Ok((id, Made::new_unless(answer.replayed)))
        }
        Err(status) => Ok((0, Made::of_failure("messaging", &status)?)),
    }
}

async fn mark_read(kith: &Kith, by: i64, message_id: i64) -> Result<(), AnyError> {
    if message_id == 0 {
        return Ok(());
    }
    let answer = ask(MarkReadRequest { message_id }, |request| {
        let mut messaging = kith.messaging(by);
        async move { messaging.mark_read(request).await }
    });
    match answer.await {
        Ok(_) => Ok(()),
        // Deleted since, perhaps.
        Err(status) => Made::of_failure("messaging", &status).map(drop),
    }
}
