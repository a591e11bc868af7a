//! The tables, as queries name them. A test compares each column with the database.
//!
//! A service uses the module of its own schema, and the views that other modules publish.

/// Schema `identity`.
pub mod identity {
    diesel::table! {
        /// Accounts.
        identity.users (id) {
            /// Given out by the database, never used again.
            id -> BigInt,
            /// Unique without regard to the case of ASCII letters, kept as it was typed.
            username -> Text,
            /// Unique without regard to the case of ASCII letters.
            email -> Nullable<Text>,
            /// May be empty.
            first_name -> Text,
            /// May be empty.
            last_name -> Text,
            /// False for a deactivated account.
            is_active -> Bool,
            /// When the account was made.
            date_joined -> Timestamptz,
            /// When the account last changed.
            updated_at -> Timestamptz,
            /// Grows by one with each change of the account.
            version -> BigInt,
        }
    }

    diesel::table! {
        /// Password hashes, apart from the users so that none is ever read by accident.
        identity.credentials (user_id) {
            /// Whose.
            user_id -> BigInt,
            /// Argon2id, in PHC format.
            password_hash -> Text,
        }
    }

    diesel::table! {
        /// What users tell about themselves; one for each.
        identity.profiles (user_id) {
            /// Whose.
            user_id -> BigInt,
            /// May be empty.
            bio -> Text,
            /// May be empty.
            avatar_url -> Text,
            /// May be empty.
            location -> Text,
            /// May be empty.
            website_url -> Text,
            /// When the profile was made.
            created_at -> Timestamptz,
            /// When a field last really changed.
            updated_at -> Timestamptz,
            /// Grows by one with each change.
            version -> BigInt,
        }
    }

    diesel::table! {
        /// Published view: what other services may know of an account.
        ///
        /// Read it in a `WITH ... AS MATERIALIZED` step only, so that a schema can move to another node.
        identity.accounts (id) {
            /// The user's id.
            id -> BigInt,
            /// False for a deactivated account.
            is_active -> Bool,
        }
    }

    diesel::table! {
        /// Published view: who is meant by a username.
        ///
        /// Read it in a `WITH ... AS MATERIALIZED` step only, so that a schema can move to another node.
        identity.handles (id) {
            /// The user's id.
            id -> BigInt,
            /// The username with its ASCII letters in lower case; unique.
            username_key -> Text,
            /// False for a deactivated account.
            is_active -> Bool,
        }
    }

    diesel::table! {
        /// Sign-ins that are alive.
        identity.sessions (id) {
            /// The `sid` of its access tokens.
            id -> BigInt,
            /// Whose.
            user_id -> BigInt,
            /// May be empty.
            device_label -> Text,
            /// Where the last token was given out to; may be empty.
            address -> Text,
            /// When the user signed in.
            created_at -> Timestamptz,
            /// When a token was last given out.
            refreshed_at -> Timestamptz,
            /// When it ends.
            expires_at -> Timestamptz,
        }
    }

    diesel::table! {
        /// Refresh tokens, the exchanged ones too.
        identity.refresh_tokens (token_hash) {
            /// SHA-256 of the token.
            token_hash -> Bytea,
            /// The session it keeps alive.
            session_id -> BigInt,
            /// When it was given out.
            created_at -> Timestamptz,
            /// When it was exchanged; NULL for the session's live one.
            rotated_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        /// What users are found by, kept by the triggers of `users` alone.
        identity.user_names (name, user_id) {
            /// In lower case.
            name -> Text,
            /// Whose.
            user_id -> BigInt,
        }
    }

    diesel::table! {
        /// The public halves of the keys that sign access tokens; their times tell their states.
        identity.signing_keys (key_id) {
            /// The RFC 7638 thumbprint of the public key.
            key_id -> Text,
            /// The raw Ed25519 public key, 32 bytes.
            public_key -> Bytea,
            /// When services could first learn of it.
            published_at -> Timestamptz,
            /// When it began to sign; NULL before.
            activated_at -> Nullable<Timestamptz>,
            /// When it ceased to sign; NULL before.
            retired_at -> Nullable<Timestamptz>,
            /// When it ceased to be trusted; NULL before. For ever.
            removed_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        /// Internal services that may call as themselves.
        identity.service_accounts (id) {
            /// Given out by the database, never used again.
            id -> BigInt,
            /// Unique.
            name -> Text,
            /// What its tokens may do, sorted.
            scopes -> Array<Text>,
            /// SHA-256 of the secret.
            secret_hash -> Bytea,
            /// When the account was made.
            created_at -> Timestamptz,
            /// When its secret last changed.
            secret_updated_at -> Timestamptz,
            /// When it was revoked; NULL while it is good.
            revoked_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        /// Who made attempts lately. Unlogged: a crash of the server empties it.
        identity.throttles (key) {
            /// What is throttled.
            key -> Text,
            /// When all attempts are there again.
            full_at -> Timestamptz,
        }
    }

    diesel::table! {
        /// What happened that is relevant to security. Only added to, but for counted events.
        identity.audit_events (id) {
            /// Given out by the database.
            id -> BigInt,
            /// What happened.
            #[sql_name = "type"]
            event_type -> Text,
            /// Who did it, such as `user:7`; may be empty.
            actor -> Text,
            /// The service that passed it on, such as `service:3`; may be empty.
            service -> Text,
            /// What it was done to, such as `users/7`; may be empty.
            subject -> Text,
            /// Where the call came from; may be empty.
            address -> Text,
            /// The call; may be empty.
            request_id -> Text,
            /// How often, for events that are counted; else 1.
            count -> BigInt,
            /// The minute of a counted event, NULL for others.
            minute -> Nullable<Timestamptz>,
            /// When it (first) happened.
            created_at -> Timestamptz,
            /// When it last happened.
            updated_at -> Timestamptz,
        }
    }

    diesel::joinable!(credentials -> users (user_id));
    diesel::joinable!(profiles -> users (user_id));
    diesel::joinable!(sessions -> users (user_id));
    diesel::joinable!(refresh_tokens -> sessions (session_id));
    diesel::joinable!(user_names -> users (user_id));
    diesel::allow_tables_to_appear_in_same_query!(
        users,
        credentials,
        profiles,
        sessions,
        refresh_tokens,
        user_names
    );
}

/// Schema `social_graph`.
pub mod social_graph {
    diesel::table! {
        /// Who follows whom.
        social_graph.follows (follower_id, followed_id) {
            /// The user who follows.
            follower_id -> BigInt,
            /// The user who is followed.
            followed_id -> BigInt,
            /// When it began.
            created_at -> Timestamptz,
        }
    }

    diesel::table! {
        /// How many rows of `follows` each user is in, kept by triggers alone. A user without a row has none.
        social_graph.follow_counts (user_id) {
            /// Whose.
            user_id -> BigInt,
            /// How many follow the user.
            followers -> BigInt,
            /// How many the user follows.
            following -> BigInt,
        }
    }

    diesel::table! {
        /// Who blocks whom.
        social_graph.blocks (blocker_id, blocked_id) {
            /// The user who blocks.
            blocker_id -> BigInt,
            /// The user who is blocked.
            blocked_id -> BigInt,
            /// When it began.
            created_at -> Timestamptz,
        }
    }

    diesel::table! {
        /// Who mutes whom.
        social_graph.mutes (muter_id, muted_id) {
            /// The user who mutes.
            muter_id -> BigInt,
            /// The user who is muted.
            muted_id -> BigInt,
            /// When it began.
            created_at -> Timestamptz,
            /// When it ends by itself; a row may stay beyond that. NULL for never.
            expires_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        /// Who asks whom for friendship; one for each pair of users.
        social_graph.friend_requests (id) {
            /// Given out by the database, never used again.
            id -> BigInt,
            /// The user who asks.
            from_user_id -> BigInt,
            /// The user who is asked.
            to_user_id -> BigInt,
            /// May be empty.
            note -> Text,
            /// When it was asked.
            created_at -> Timestamptz,
        }
    }

    diesel::table! {
        /// Who may not ask whom for friendship, and until when.
        social_graph.friend_request_declines (from_user_id, to_user_id) {
            /// The user who asked.
            from_user_id -> BigInt,
            /// The user who declined.
            to_user_id -> BigInt,
            /// When the first may ask again; a row may stay beyond that.
            expires_at -> Timestamptz,
        }
    }

    diesel::table! {
        /// Who is whose friend; two rows for each friendship.
        social_graph.friendships (user_id, friend_id) {
            /// The one.
            user_id -> BigInt,
            /// The other.
            friend_id -> BigInt,
            /// When it began, the same in both rows.
            created_at -> Timestamptz,
        }
    }

    diesel::table! {
        /// How many rows of `friendships` each user has, kept by triggers alone. A user without a row has none.
        social_graph.friend_counts (user_id) {
            /// Whose.
            user_id -> BigInt,
            /// How many friends the user has.
            friends -> BigInt,
        }
    }

    diesel::table! {
        /// Published view: who follows whom. Read it in a `WITH ... AS MATERIALIZED` step only.
        social_graph.follow_edges (follower_id, followed_id) {
            /// The user who follows.
            follower_id -> BigInt,
            /// The user who is followed.
            followed_id -> BigInt,
            /// When it began.
            created_at -> Timestamptz,
        }
    }

    diesel::table! {
        /// Published view: who is whose friend, in both directions. Read it in a `WITH ... AS MATERIALIZED` step only.
        social_graph.friend_edges (user_id, friend_id) {
            /// The one.
            user_id -> BigInt,
            /// The other.
            friend_id -> BigInt,
            /// When it began.
            created_at -> Timestamptz,
        }
    }

    diesel::table! {
        /// Published view: who blocks whom. Read it in a `WITH ... AS MATERIALIZED` step only.
        social_graph.block_edges (blocker_id, blocked_id) {
            /// The user who blocks.
            blocker_id -> BigInt,
            /// The user who is blocked.
            blocked_id -> BigInt,
            /// When it began.
            created_at -> Timestamptz,
        }
    }

    diesel::table! {
        /// Published view: who mutes whom now. Read it in a `WITH ... AS MATERIALIZED` step only.
        social_graph.mute_edges (muter_id, muted_id) {
            /// The user who mutes.
            muter_id -> BigInt,
            /// The user who is muted.
            muted_id -> BigInt,
            /// When it began.
            created_at -> Timestamptz,
        }
    }
}

/// Schema `posts`.
pub mod posts {
    diesel::table! {
        /// What users post and reply. No column has the counters of another row.
        posts.posts (id) {
            /// Given out by the database, never used again.
            id -> BigInt,
            /// Who wrote it.
            author_id -> BigInt,
            /// 1 to 500 characters, not only white space.
            content -> Text,
            /// `thoughts`, `media` or `milestones`.
            #[sql_name = "type"]
            kind -> Text,
            /// May be empty.
            media_url -> Text,
            /// What it replies to. NULL for a post that is no reply.
            parent_id -> Nullable<BigInt>,
            /// When it was made.
            created_at -> Timestamptz,
            /// When its author last changed it.
            updated_at -> Timestamptz,
            /// Counts the changes by its author.
            version -> BigInt,
            /// How many rows of `likes` it has, kept by triggers alone.
            likes_count -> BigInt,
            /// How many posts have it as `parent_id`, kept by triggers alone.
            comment_count -> BigInt,
            /// How many rows of `shares` it has, kept by triggers alone.
            shares_count -> BigInt,
            /// Whether there are any, kept by the database.
            is_shared -> Bool,
        }
    }

    diesel::table! {
        /// What posts said before they were changed.
        posts.post_edits (post_id, version) {
            /// The post.
            post_id -> BigInt,
            /// The post's version then.
            version -> BigInt,
            /// Its content then.
            content -> Text,
            /// Its type then.
            #[sql_name = "type"]
            kind -> Text,
            /// Its media URL then.
            media_url -> Text,
            /// When it began to say this.
            started_at -> Timestamptz,
            /// When it was changed.
            ended_at -> Timestamptz,
        }
    }

    diesel::table! {
        /// Who likes which post.
        posts.likes (post_id, user_id) {
            /// The post.
            post_id -> BigInt,
            /// Who likes it.
            user_id -> BigInt,
            /// Since when.
            created_at -> Timestamptz,
        }
    }

    diesel::table! {
        /// Who has shared which post.
        posts.shares (post_id, user_id) {
            /// The post.
            post_id -> BigInt,
            /// Who has shared it.
            user_id -> BigInt,
            /// When.
            created_at -> Timestamptz,
        }
    }

    diesel::table! {
        /// Whom posts mention.
        posts.mentions (post_id, user_id) {
            /// The post.
            post_id -> BigInt,
            /// Who is mentioned.
            user_id -> BigInt,
            /// When the post was made.
            created_at -> Timestamptz,
            /// The places of the `@`s, in characters from 0.
            starts -> Array<Integer>,
            /// The places behind the names, one for each start.
            ends -> Array<Integer>,
        }
    }

    diesel::table! {
        /// Which topics posts name.
        posts.hashtags (post_id, tag) {
            /// The post.
            post_id -> BigInt,
            /// In lower case, without `#`.
            tag -> Text,
            /// When the post was made.
            created_at -> Timestamptz,
            /// The places of the `#`s, in characters from 0.
            starts -> Array<Integer>,
            /// The places behind the tags, one for each start.
            ends -> Array<Integer>,
        }
    }

    diesel::table! {
        /// Which request of a user made which post.
        posts.requests (user_id, request_id) {
            /// Whose request.
            user_id -> BigInt,
            /// What the user called it.
            request_id -> Uuid,
            /// The SHA-256 of what it asked for.
            fingerprint -> Bytea,
            /// The post that it made, which may be gone.
            post_id -> BigInt,
            /// When.
            created_at -> Timestamptz,
        }
    }
}

/// Schema `messaging`.
pub mod messaging {
    diesel::table! {
        /// One for each two users who have written to each other.
        messaging.conversations (id) {
            /// Given out by the database, never used again.
            id -> BigInt,
            /// The one with the lower id.
            low_user_id -> BigInt,
            /// The one with the higher id.
            high_user_id -> BigInt,
            /// That of the last message.
            last_seq -> BigInt,
            /// When the last message was sent. Never moves back.
            active_at -> Timestamptz,
            /// When the first one was.
            created_at -> Timestamptz,
        }
    }

    diesel::table! {
        /// What each of the two has read of a conversation; two rows for each.
        messaging.members (conversation_id, user_id, peer_id) {
            /// The conversation.
            conversation_id -> BigInt,
            /// The one.
            user_id -> BigInt,
            /// The other.
            peer_id -> BigInt,
            /// The lower id of the two.
            low_user_id -> BigInt,
            /// The higher id of the two.
            high_user_id -> BigInt,
            /// That of the last message by the other.
            received_seq -> BigInt,
            /// How far the one has marked messages as read.
            read_seq -> BigInt,
            /// How far the other may know of it.
            receipt_seq -> BigInt,
            /// Since when the one has muted the conversation. NULL when it has not.
            muted_at -> Nullable<Timestamptz>,
            /// When the mute ends by itself, which may be over. NULL for never.
            mute_expires_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        /// What users write to each other.
        messaging.messages (id) {
            /// Given out by the database, never used again.
            id -> BigInt,
            /// The conversation of the two.
            conversation_id -> BigInt,
            /// The place in the conversation, from 1 on, without gaps.
            seq -> BigInt,
            /// Who wrote it.
            sender_id -> BigInt,
            /// To whom.
            receiver_id -> BigInt,
            /// 1 to 4,000 characters, not only white space. NULL when the message has been deleted.
            content -> Nullable<Text>,
            /// When it was sent. Says nothing of the order.
            created_at -> Timestamptz,
            /// When its content last changed. NULL when it never did.
            edited_at -> Nullable<Timestamptz>,
            /// When it was deleted for both. NULL when it was not.
            deleted_at -> Nullable<Timestamptz>,
            /// Counts its edits and its deletion.
            version -> BigInt,
            /// Whether the sender has deleted it for itself.
            hidden_from_sender -> Bool,
            /// Whether the receiver has deleted it for itself.
            hidden_from_receiver -> Bool,
        }
    }

    diesel::table! {
        /// What messages said before they were edited.
        messaging.message_edits (message_id, version) {
            /// The message.
            message_id -> BigInt,
            /// The message's version then.
            version -> BigInt,
            /// Its content then.
            content -> Text,
            /// When it began to say this.
            started_at -> Timestamptz,
            /// When it was edited.
            ended_at -> Timestamptz,
        }
    }

    diesel::table! {
        /// Which request of a user sent which message.
        messaging.requests (user_id, request_id) {
            /// Whose request.
            user_id -> BigInt,
            /// What the user called it.
            request_id -> Uuid,
            /// The SHA-256 of what it asked for.
            fingerprint -> Bytea,
            /// The message that it sent, which may be gone.
            message_id -> BigInt,
            /// When.
            created_at -> Timestamptz,
        }
    }

    diesel::table! {
        /// What users have set. A user without a row has set nothing.
        messaging.settings (user_id) {
            /// Whose.
            user_id -> BigInt,
            /// Who may write to the user: `everyone`, `followers` or `friends`.
            accepted_senders -> Text,
            /// When a setting last really changed.
            updated_at -> Timestamptz,
            /// Grows by one with each change.
            version -> BigInt,
        }
    }

    diesel::table! {
        /// Published view: who may write to whom. Read it in a `WITH ... AS MATERIALIZED` step only.
        messaging.accepted_senders (user_id) {
            /// Whose setting. Users who are not there accept everyone.
            user_id -> BigInt,
            /// `everyone`, `followers` (friends too) or `friends`.
            senders -> Text,
        }
    }
}
