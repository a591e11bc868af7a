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

    diesel::joinable!(credentials -> users (user_id));
    diesel::joinable!(profiles -> users (user_id));
    diesel::allow_tables_to_appear_in_same_query!(users, credentials, profiles);
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
}
