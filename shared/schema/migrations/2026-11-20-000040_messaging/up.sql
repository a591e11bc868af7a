-- One for each two users, with the lower id first. Whoever sends locks the row: that is what makes numbers without gaps,
-- and lets them become visible in their order. It goes away with either user, and everything beneath it goes with it.
CREATE TABLE messaging.conversations (
    id bigint GENERATED ALWAYS AS IDENTITY
        CONSTRAINT messaging_conversations_pkey PRIMARY KEY,
    low_user_id bigint NOT NULL
        CONSTRAINT messaging_conversations_low_user_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    high_user_id bigint NOT NULL
        CONSTRAINT messaging_conversations_high_user_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    -- Of the last message, whatever became of it.
    last_seq bigint NOT NULL DEFAULT 0
        CONSTRAINT messaging_conversations_last_seq_not_negative CHECK (last_seq >= 0),
    -- Never moves back.
    active_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT messaging_conversations_not_with_oneself CHECK (low_user_id <> high_user_id),
    CONSTRAINT messaging_conversations_low_before_high CHECK (low_user_id <= high_user_id),
    CONSTRAINT messaging_conversations_pair_key UNIQUE (low_user_id, high_user_id),
    -- For the foreign key of members.
    CONSTRAINT messaging_conversations_sides_key UNIQUE (id, low_user_id, high_user_id)
);

-- A user's conversations are those of both pages, merged.
CREATE INDEX messaging_conversations_low_page ON messaging.conversations (low_user_id, active_at DESC, id DESC);
CREATE INDEX messaging_conversations_high_page ON messaging.conversations (high_user_id, active_at DESC, id DESC);

-- Two rows for each conversation, one for each side. That the two users are those of the conversation is proven by the
-- first foreign key, and that both rows are there by the second.
CREATE TABLE messaging.members (
    conversation_id bigint,
    user_id bigint,
    peer_id bigint,
    low_user_id bigint NOT NULL GENERATED ALWAYS AS (least(user_id, peer_id)) STORED,
    high_user_id bigint NOT NULL GENERATED ALWAYS AS (greatest(user_id, peer_id)) STORED,
    -- Of the last message that the peer has sent, whatever became of it.
    received_seq bigint NOT NULL DEFAULT 0,
    -- What the user has marked as read. Decides what is unread.
    read_seq bigint NOT NULL DEFAULT 0
        CONSTRAINT messaging_members_read_seq_not_negative CHECK (read_seq >= 0),
    -- How far the peer may know of it.
    receipt_seq bigint NOT NULL DEFAULT 0
        CONSTRAINT messaging_members_receipt_seq_not_negative CHECK (receipt_seq >= 0),
    muted_at timestamptz,
    mute_expires_at timestamptz,
    CONSTRAINT messaging_members_pkey PRIMARY KEY (conversation_id, user_id, peer_id),
    CONSTRAINT messaging_members_conversation_fkey FOREIGN KEY (conversation_id, low_user_id, high_user_id)
        REFERENCES messaging.conversations (id, low_user_id, high_user_id) ON DELETE CASCADE,
    CONSTRAINT messaging_members_mirror_fkey FOREIGN KEY (conversation_id, peer_id, user_id)
        REFERENCES messaging.members (conversation_id, user_id, peer_id) ON DELETE CASCADE,
    CONSTRAINT messaging_members_receipt_after_read CHECK (receipt_seq <= read_seq),
    CONSTRAINT messaging_members_mute_expires_later CHECK (mute_expires_at > muted_at),
    CONSTRAINT messaging_members_mute_begins CHECK (muted_at IS NOT NULL OR mute_expires_at IS NULL)
);

CREATE INDEX messaging_members_sides ON messaging.members (conversation_id, low_user_id, high_user_id);
-- Where a user may have something unread: few of many conversations.
CREATE INDEX messaging_members_unread ON messaging.members (user_id, conversation_id) WHERE received_seq > read_seq;

-- That sender and receiver are the two members is proven by the foreign key.
CREATE TABLE messaging.messages (
    id bigint GENERATED ALWAYS AS IDENTITY
        CONSTRAINT messaging_messages_pkey PRIMARY KEY,
    conversation_id bigint NOT NULL,
    seq bigint NOT NULL
        CONSTRAINT messaging_messages_seq_positive CHECK (seq > 0),
    sender_id bigint NOT NULL,
    receiver_id bigint NOT NULL,
    content text
        CONSTRAINT messaging_messages_content_length CHECK (char_length(content) <= 4000)
        -- The characters with Unicode's property White_Space.
        CONSTRAINT messaging_messages_content_not_blank CHECK (btrim(content,
            E'\u0009\u000a\u000b\u000c\u000d\u0020\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008'
            '\u2009\u200a\u2028\u2029\u202f\u205f\u3000') <> ''),
    created_at timestamptz NOT NULL DEFAULT now(),
    edited_at timestamptz,
    deleted_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    hidden_from_sender boolean NOT NULL DEFAULT false,
    hidden_from_receiver boolean NOT NULL DEFAULT false,
    CONSTRAINT messaging_messages_seq_key UNIQUE (conversation_id, seq),
    CONSTRAINT messaging_messages_members_fkey FOREIGN KEY (conversation_id, sender_id, receiver_id)
        REFERENCES messaging.members (conversation_id, user_id, peer_id) ON DELETE CASCADE,
    CONSTRAINT messaging_messages_content_until_deleted CHECK ((content IS NULL) = (deleted_at IS NOT NULL))
);

-- For the foreign key alone. Led by the sender, so that no plan walks a conversation by it.
CREATE INDEX messaging_messages_by_member ON messaging.messages (sender_id, receiver_id, conversation_id);
CREATE INDEX messaging_messages_sent_page ON messaging.messages (sender_id, created_at DESC, id DESC)
    WHERE NOT hidden_from_sender;
CREATE INDEX messaging_messages_received_page ON messaging.messages (receiver_id, created_at DESC, id DESC)
    WHERE NOT hidden_from_receiver;
-- What can be unread. Apart from the others, so that nobody who deletes a million messages makes counting slow.
CREATE INDEX messaging_messages_unread ON messaging.messages (conversation_id, receiver_id, seq)
    WHERE content IS NOT NULL AND NOT hidden_from_receiver;

-- What a message said until it was changed to the next version.
CREATE TABLE messaging.message_edits (
    message_id bigint
        CONSTRAINT messaging_message_edits_message_id_fkey REFERENCES messaging.messages (id) ON DELETE CASCADE,
    version bigint,
    content text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT messaging_message_edits_pkey PRIMARY KEY (message_id, version)
);

-- Which request sent which message. The message may be gone.
CREATE TABLE messaging.requests (
    user_id bigint
        CONSTRAINT messaging_requests_user_id_fkey REFERENCES identity.users (id) ON DELETE CASCADE,
    request_id uuid,
    fingerprint bytea NOT NULL
        CONSTRAINT messaging_requests_fingerprint_length CHECK (octet_length(fingerprint) = 32),
    message_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT messaging_requests_pkey PRIMARY KEY (user_id, request_id)
);

-- The one definition of what is unread: visible messages by the other with a higher seq than the reader has marked.
-- Whoever counts looks at 1,001 of them at most.
--
-- Of such a form that the planner puts the body in the place of the call, and so reads the index alone.
CREATE FUNCTION messaging.unread(reader_id bigint, in_conversation bigint, marked_seq bigint) RETURNS SETOF bigint
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT seq FROM messaging.messages
    WHERE conversation_id = in_conversation AND receiver_id = reader_id AND seq > marked_seq
        AND content IS NOT NULL AND NOT hidden_from_receiver;
END;

REVOKE EXECUTE ON FUNCTION messaging.unread(bigint, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION messaging.unread(bigint, bigint, bigint) TO kith_messaging;
GRANT SELECT, INSERT (low_user_id, high_user_id), UPDATE (last_seq, active_at) ON messaging.conversations TO kith_messaging;
GRANT
    SELECT, INSERT (conversation_id, user_id, peer_id),
    UPDATE (received_seq, read_seq, receipt_seq, muted_at, mute_expires_at)
    ON messaging.members TO kith_messaging;
GRANT
    SELECT, INSERT (conversation_id, seq, sender_id, receiver_id, content),
    UPDATE (content, edited_at, deleted_at, version, hidden_from_sender, hidden_from_receiver)
    ON messaging.messages TO kith_messaging;
GRANT SELECT, INSERT, DELETE ON messaging.message_edits TO kith_messaging;
GRANT SELECT, INSERT ON messaging.requests TO kith_messaging;
