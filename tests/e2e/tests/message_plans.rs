//! The statements of messaging are served by indexes too.

use diesel_async::SimpleAsyncConnection;
use kith_contracts::messaging::v1::get_conversation_request::Key;
use kith_contracts::messaging::v1::*;
use kith_testkit::{TestApp, TestUser};

use crate::plans::{Plans, app_of_the_moment};

/// Some 2,000 users, of whom the first has a conversation of 20 messages with each of the others, and each of the others a
/// short one with another. The first has read half of them, has half of the others among its friends and followers, and is
/// blocked by the rest, as everybody is by some.
const FILL: &str = "
    INSERT INTO identity.users (username) SELECT 'filler' || number FROM generate_series(1, 2000) AS number;
    INSERT INTO identity.profiles (user_id) SELECT id FROM identity.users ON CONFLICT DO NOTHING;
    SET session_replication_role = replica;
    INSERT INTO messaging.conversations (low_user_id, high_user_id, last_seq)
        SELECT the.first, id, 20 FROM identity.users, (SELECT min(id) FROM identity.users) AS the (first) WHERE id <> first
        UNION ALL
        SELECT one.id, other.id, 4 FROM identity.users AS one JOIN identity.users AS other ON other.id = one.id + 7
        WHERE one.id > (SELECT min(id) FROM identity.users);
    INSERT INTO messaging.members (conversation_id, user_id, peer_id, received_seq, read_seq, receipt_seq)
        SELECT id, user_id, peer_id, last_seq - place, CASE id % 2 WHEN 0 THEN last_seq ELSE 0 END, 0
        FROM messaging.conversations, LATERAL (
            VALUES (low_user_id, high_user_id, 0), (high_user_id, low_user_id, 1)) AS side (user_id, peer_id, place);
    INSERT INTO messaging.messages (conversation_id, seq, sender_id, receiver_id, content, created_at)
        SELECT id, seq, CASE seq % 2 WHEN 0 THEN high_user_id ELSE low_user_id END,
            CASE seq % 2 WHEN 0 THEN low_user_id ELSE high_user_id END, 'message ' || seq, now() - random() * interval '1 year'
        FROM messaging.conversations, generate_series(1, last_seq) AS seq ORDER BY random();
    INSERT INTO messaging.message_edits SELECT id, 1, 'said before', created_at FROM messaging.messages WHERE seq < 3;
    INSERT INTO messaging.requests SELECT sender_id, gen_random_uuid(), sha256('1'), id FROM messaging.messages;
    INSERT INTO messaging.settings SELECT id, 'friends' FROM identity.users WHERE id % 2 = 0;
    INSERT INTO social_graph.blocks SELECT id, first FROM identity.users, (SELECT min(id) FROM identity.users) AS the (first)
        WHERE id % 4 > 1 AND id <> first;
    INSERT INTO social_graph.blocks SELECT one.id, other.id FROM identity.users AS one
        JOIN identity.users AS other ON other.id BETWEEN one.id + 20 AND one.id + 29;
    INSERT INTO social_graph.friendships SELECT id, first FROM identity.users, (SELECT min(id) FROM identity.users) AS the (first)
        WHERE id % 4 < 2 AND id <> first;
    INSERT INTO social_graph.friendships SELECT friend_id, user_id, created_at FROM social_graph.friendships;
    INSERT INTO social_graph.follows SELECT user_id, friend_id FROM social_graph.friendships;
    RESET session_replication_role;
    VACUUM (ANALYZE)";

const WALKS: [&str; 3] = [
    "social_graph_blocks_by_blocked",
    "social_graph_blocks_page",
    "messaging_messages_by_member",
];

/// Makes one call, and looks at the plans of its statements, none of which walks all that a user is in.
macro_rules! check {
    ($plans:ident, $client:expr, $rpc:ident($request:expr), $($index:literal)*) => {{
        let answer = $client.$rpc($request).await.expect(stringify!($rpc)).into_inner();
        let plans = $plans.assert_served_by(stringify!($rpc), &[$($index),*]).await;
        for walk in WALKS {
            assert!(!plans.contains(&format!(" {walk} ")), "{}: {plans}", stringify!($rpc));
        }
        answer
    }};
}

async fn lists(app: &TestApp, user: &TestUser, plans: &mut Plans) {
    let mut messaging = app.messaging(user);
    let (mut conversations, mut sent, mut received) = (String::new(), String::new(), String::new());
    for _page in 0..2 {
        let request = ListConversationsRequest {
            page_size: 10,
            page_token: conversations,
        };
        conversations = check!(
            plans, messaging, list_conversations(request),
            "messaging_conversations_low_page" "messaging_conversations_high_page" "messaging_members_pkey"
            "messaging_messages_unread" "messaging_messages_seq_key"
        )
        .next_page_token;
        let request = ListSentMessagesRequest {
            page_size: 10,
            page_token: sent,
        };
        sent = check!(
            plans, messaging, list_sent_messages(request),
            "messaging_messages_sent_page" "messaging_members_pkey"
        )
        .next_page_token;
        let request = ListReceivedMessagesRequest {
            page_size: 10,
            page_token: received,
        };
        received = check!(
            plans, messaging, list_received_messages(request),
            "messaging_messages_received_page" "messaging_members_pkey"
        )
        .next_page_token;
        for token in [&conversations, &sent, &received] {
            assert!(!token.is_empty(), "there is another page");
        }
    }
    let request = SearchMessagesRequest {
        query: "message 19".to_owned(),
        ..Default::default()
    };
    check!(
        plans, messaging, search_messages(request),
        "messaging_messages_sent_page" "messaging_messages_received_page"
    );
}

async fn one_conversation(app: &TestApp, user: &TestUser, peer: &TestUser, plans: &mut Plans) {
    let mut messaging = app.messaging(user);
    let key = Some(Key::PeerId(peer.id));
    let found = check!(
        plans, messaging, get_conversation(GetConversationRequest { key }),
        "messaging_conversations_pair_key" "messaging_messages_unread"
    );
    let conversation_id = found.conversation.expect("a conversation").id;
    let key = Some(Key::ConversationId(conversation_id));
    check!(
        plans,
        messaging,
        get_conversation(GetConversationRequest { key }),
        "messaging_members_pkey"
    );
    for after_seq in [None, Some(5)] {
        let request = ListMessagesRequest {
            conversation_id,
            after_seq,
            page_size: 3,
            ..Default::default()
        };
        check!(plans, messaging, list_messages(request), "messaging_messages_seq_key" "messaging_members_pkey");
    }
    let request = SearchMessagesRequest {
        query: "message 19".to_owned(),
        conversation_id,
        ..Default::default()
    };
    check!(
        plans,
        messaging,
        search_messages(request),
        "messaging_messages_seq_key"
    );
    let request = GetUnreadCountRequest { conversation_id };
    check!(plans, messaging, get_unread_count(request), "messaging_members_pkey" "messaging_messages_unread");
    let request = GetUnreadCountRequest { conversation_id: 0 };
    check!(plans, messaging, get_unread_count(request), "messaging_members_unread" "messaging_messages_unread");
    let request = MuteConversationRequest {
        conversation_id,
        ttl: None,
    };
    check!(
        plans,
        messaging,
        mute_conversation(request),
        "messaging_members_pkey"
    );
    let request = MarkAllReadRequest { conversation_id };
    check!(plans, messaging, mark_all_read(request), "messaging_members_unread" "social_graph_blocks_pkey");
}

async fn one_message(app: &TestApp, user: &TestUser, peer: &TestUser, plans: &mut Plans) {
    let mut messaging = app.messaging(user);
    let request = SendMessageRequest {
        receiver_id: peer.id,
        content: "hello".to_owned(),
        request_id: format!("00000000-0000-4000-8000-{:012}", plans.read()),
    };
    let sent = check!(
        plans, messaging, send_message(request),
        "messaging_conversations_pair_key" "messaging_requests_pkey" "identity_users_pkey" "social_graph_blocks_pkey"
        "messaging_settings_pkey" "social_graph_friendships_pkey" "messaging_members_pkey"
    );
    let message_id = sent.message.expect("a message").id;
    let request = GetMessageRequest { message_id };
    check!(plans, messaging, get_message(request), "messaging_messages_pkey" "messaging_members_pkey");
    let request = EditMessageRequest {
        message_id,
        content: "hello!".to_owned(),
        etag: String::new(),
    };
    check!(plans, messaging, edit_message(request), "messaging_messages_pkey" "social_graph_blocks_pkey");
    let request = ListMessageEditsRequest {
        message_id,
        ..Default::default()
    };
    check!(
        plans,
        messaging,
        list_message_edits(request),
        "messaging_message_edits_pkey"
    );
    let request = MarkReadRequest { message_id };
    check!(plans, messaging, mark_read(request), "messaging_members_pkey" "social_graph_blocks_pkey");
    let request = DeleteMessageRequest {
        message_id,
        scope: DeleteMessageScope::Both.into(),
        allow_missing: false,
    };
    check!(plans, messaging, delete_message(request), "messaging_messages_pkey" "messaging_message_edits_pkey");
}

// Control: without messaging_messages_unread, counting read by messaging_messages_seq_key.
#[tokio::test]
async fn every_statement_of_messaging_is_served_by_indexes_planned_for_its_arguments_or_for_any() {
    let app = app_of_the_moment().await;
    let user = app.user("popular").await;
    let mut superuser = app.database.superuser().await;
    for statement in FILL.split(';') {
        superuser.batch_execute(statement).await.expect("rows");
    }
    // One who accepts friends only, and is one.
    let friend = (user.id + 1..).find(|id| id % 4 == 0).expect("an id");
    let friend = app.signed_in(friend, "friend");
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let mut plans = Plans::of(&app.database, mode).await;
        lists(&app, &user, &mut plans).await;
        one_conversation(&app, &user, &friend, &mut plans).await;
        one_message(&app, &user, &friend, &mut plans).await;
        one_message(&app, &friend, &user, &mut plans).await;
    }
}
