//! What the tests of several RPCs need.

use kith_contracts::messaging::v1::get_conversation_request::Key;
use kith_contracts::messaging::v1::{
    AcceptedSenders, Conversation, DeleteMessageRequest, DeleteMessageScope, EditMessageRequest,
    GetConversationRequest, GetUnreadCountRequest, ListMessagesRequest, MarkReadRequest, MarkReadResponse,
    Message, SendMessageRequest, SendMessageResponse, UnreadCount, UpdateMessagingSettingsRequest,
};
use kith_contracts::social_graph::v1::{BlockUserRequest, UnblockUserRequest};
use kith_testkit::{TestApp, TestUser};
pub(crate) use kith_testkit::{answer, execute, refusal};
use tonic::{Response, Status};

/// Two new users.
pub(crate) async fn two(app: &TestApp) -> (TestUser, TestUser) {
    let mut users = app.users(&["alice", "bob"]).await.into_iter();
    users.next().zip(users.next()).expect("two users")
}

/// Two new users, and somebody who has nothing to do with them.
pub(crate) async fn three(app: &TestApp) -> (TestUser, TestUser, TestUser) {
    let [alice, bob, carol] = app
        .users(&["alice", "bob", "carol"])
        .await
        .try_into()
        .expect("three users");
    (alice, bob, carol)
}

/// Tries to send a message, with a request_id or an empty one.
pub(crate) async fn try_send(
    app: &TestApp,
    from: &TestUser,
    to: &TestUser,
    content: &str,
    request_id: &str,
) -> Result<Response<SendMessageResponse>, Status> {
    let request = SendMessageRequest {
        receiver_id: to.id,
        content: content.to_owned(),
        request_id: request_id.to_owned(),
    };
    app.messaging(from).send_message(request).await
}

/// Sends a message.
pub(crate) async fn send(app: &TestApp, from: &TestUser, to: &TestUser, content: &str) -> Message {
    let sent = answer(try_send(app, from, to, content, "").await);
    sent.message.expect("a message")
}

/// Sends messages that say `1`, `2` and so on.
pub(crate) async fn send_many(app: &TestApp, from: &TestUser, to: &TestUser, count: u32) -> Vec<Message> {
    let mut messages = Vec::new();
    for number in 1..=count {
        messages.push(send(app, from, to, &number.to_string()).await);
    }
    messages
}

/// Sends so many messages as by one statement, past the service. There are none before.
pub(crate) async fn send_in_bulk(app: &TestApp, from: &TestUser, to: &TestUser, count: u32) -> i64 {
    send(app, from, to, "first").await;
    let (from, to) = (from.id, to.id);
    let bulk = format!(
        "INSERT INTO messaging.messages (conversation_id, seq, sender_id, receiver_id, content)
            SELECT id, seq, {from}, {to}, 'message ' || seq FROM messaging.conversations, generate_series(2, {count}) AS seq
            WHERE {from} IN (low_user_id, high_user_id) AND {to} IN (low_user_id, high_user_id);
        UPDATE messaging.conversations SET last_seq = {count}, active_at = (SELECT max(created_at) FROM messaging.messages)
            WHERE {from} IN (low_user_id, high_user_id) AND {to} IN (low_user_id, high_user_id);
        UPDATE messaging.members SET received_seq = {count} WHERE user_id = {to} AND peer_id = {from}"
    );
    execute(app, &bulk).await;
    i64::from(count)
}

/// The conversation of two users, as the one sees it.
pub(crate) async fn conversation(app: &TestApp, user: &TestUser, peer: &TestUser) -> Conversation {
    let request = GetConversationRequest {
        key: Some(Key::PeerId(peer.id)),
    };
    let found = answer(app.messaging(user).get_conversation(request).await);
    found.conversation.expect("a conversation")
}

/// The first page of a conversation, newest first, as `user` sees it.
pub(crate) async fn messages(app: &TestApp, user: &TestUser, conversation_id: i64) -> Vec<Message> {
    let request = ListMessagesRequest {
        conversation_id,
        page_size: 100,
        ..Default::default()
    };
    answer(app.messaging(user).list_messages(request).await).messages
}

/// What they say.
pub(crate) fn contents(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.content.as_str()).collect()
}

/// Marks a message and all before it as read.
pub(crate) async fn mark(app: &TestApp, user: &TestUser, message_id: i64) -> MarkReadResponse {
    answer(
        app.messaging(user)
            .mark_read(MarkReadRequest { message_id })
            .await,
    )
}

/// What `user` has unread: in one conversation, or in all by 0.
pub(crate) async fn unread(app: &TestApp, user: &TestUser, conversation_id: i64) -> UnreadCount {
    let request = GetUnreadCountRequest { conversation_id };
    let counted = answer(app.messaging(user).get_unread_count(request).await);
    counted.unread_count.expect("a count")
}

/// So many, and no more.
pub(crate) fn exactly(count: i32) -> UnreadCount {
    UnreadCount { count, capped: false }
}

/// Tries to change what a message says.
pub(crate) async fn try_edit(
    app: &TestApp,
    user: &TestUser,
    message_id: i64,
    content: &str,
) -> Result<Message, Status> {
    let request = EditMessageRequest {
        message_id,
        content: content.to_owned(),
        etag: String::new(),
    };
    let edited = app.messaging(user).edit_message(request).await?;
    Ok(edited.into_inner().message.expect("a message"))
}

/// Tries to delete a message.
pub(crate) async fn try_delete(
    app: &TestApp,
    user: &TestUser,
    message_id: i64,
    scope: DeleteMessageScope,
    allow_missing: bool,
) -> Result<Option<Message>, Status> {
    let request = DeleteMessageRequest {
        message_id,
        scope: scope.into(),
        allow_missing,
    };
    let deleted = app.messaging(user).delete_message(request).await?;
    Ok(deleted.into_inner().message)
}

/// Deletes a message that is there.
pub(crate) async fn delete(app: &TestApp, user: &TestUser, id: i64, scope: DeleteMessageScope) -> Message {
    let deleted = try_delete(app, user, id, scope, false).await;
    deleted.expect("a deletion").expect("a message")
}

/// Makes the one block the other.
pub(crate) async fn block(app: &TestApp, blocker: &TestUser, blocked: &TestUser) {
    let request = BlockUserRequest {
        user_id: blocked.id,
        allow_existing: false,
    };
    answer(app.social_graph(blocker).block_user(request).await);
}

/// Ends the block.
pub(crate) async fn unblock(app: &TestApp, blocker: &TestUser, blocked: &TestUser) {
    let request = UnblockUserRequest {
        user_id: blocked.id,
        allow_missing: false,
    };
    answer(app.social_graph(blocker).unblock_user(request).await);
}

/// Makes two users friends, past social-graph.
pub(crate) async fn befriend(app: &TestApp, one: &TestUser, other: &TestUser) {
    let (one, other) = (one.id, other.id);
    let sql = format!("INSERT INTO social_graph.friendships VALUES ({one}, {other}), ({other}, {one})");
    execute(app, &sql).await;
}

/// Makes the one follow the other, past social-graph.
pub(crate) async fn follow(app: &TestApp, follower: &TestUser, followed: &TestUser) {
    let (follower, followed) = (follower.id, followed.id);
    let sql = format!(
        "INSERT INTO social_graph.follows (follower_id, followed_id) VALUES ({follower}, {followed})"
    );
    execute(app, &sql).await;
}

/// Lets only these write to `user`.
pub(crate) async fn accept(app: &TestApp, user: &TestUser, senders: AcceptedSenders) {
    let request = UpdateMessagingSettingsRequest {
        accepted_senders: Some(senders.into()),
        ..Default::default()
    };
    answer(app.messaging(user).update_messaging_settings(request).await);
}

/// Deactivates a user, past identity.
pub(crate) async fn deactivate(app: &TestApp, user: &TestUser) {
    let sql = format!(
        "UPDATE identity.users SET is_active = false WHERE id = {}",
        user.id
    );
    execute(app, &sql).await;
}

/// Deletes a user, past identity.
pub(crate) async fn delete_user(app: &TestApp, user: &TestUser) {
    execute(app, &format!("DELETE FROM identity.users WHERE id = {}", user.id)).await;
}
