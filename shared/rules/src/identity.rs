//! The rules of schema `identity`.

use std::fmt::Display;

use kith_primitives::{Failure, Reason, UserId};

use crate::Breaks::{Existing, Never, Value};
use crate::rules;

/// The protobuf message of a user.
pub const USER: &str = "kith.identity.v1.User";
/// Most characters of a username.
pub const USERNAME_MAX: usize = 150;
/// Most characters of a first or last name.
pub const NAME_MAX: usize = 150;
/// Most characters of an email address (RFC 5321 allows a path of 256 with its angle brackets).
pub const EMAIL_MAX: usize = 254;
/// Most characters of a bio.
pub const BIO_MAX: usize = 500;
/// Most characters of an avatar URL.
pub const AVATAR_URL_MAX: usize = 500;
/// Most characters of a location.
pub const LOCATION_MAX: usize = 100;
/// Most characters of a website URL.
pub const WEBSITE_URL_MAX: usize = 200;
/// Most characters of a device's label.
pub const DEVICE_LABEL_MAX: usize = 100;
/// The protobuf message of a service account.
pub const SERVICE_ACCOUNT: &str = "kith.identity.v1.ServiceAccount";
/// Most characters of a service account's name.
pub const SERVICE_ACCOUNT_NAME_MAX: usize = 100;
/// Most scopes of a service account.
pub const SERVICE_ACCOUNT_SCOPES_MAX: usize = 50;

const HASHED: &str = "only SHA-256 hashes are written";
/// The failure of a call that names a user who is not there, by id or by name.
pub fn user_not_found(user: impl Display) -> Failure {
    Failure::new(Reason::UserNotFound, "there is no such user").with_resource(USER, format!("users/{user}"))
}

/// The failure of an interaction with, or of, a deactivated user.
pub fn user_inactive(id: UserId) -> Failure {
    Failure::new(
        Reason::UserInactive,
        "the user is deactivated and takes no new interactions",
    )
    .with_resource(USER, format!("users/{id}"))
}

const GENERATED: &str = "the database makes the key";
const ONE_EACH: &str = "the row is made with its user and never again";

rules! {
    /// Primary key.
    USERS_PKEY = "identity_users_pkey": Never { because: GENERATED };
    /// A username is not empty.
    USERS_USERNAME_REQUIRED = "identity_users_username_required":
        Value { field: "username", reason: Reason::FieldRequired, description: "must not be empty" };
    /// A username has at most [`USERNAME_MAX`] characters.
    USERS_USERNAME_LENGTH = "identity_users_username_length":
        Value { field: "username", reason: Reason::FieldTooLong, description: "must have at most 150 characters" };
    /// A username has only the allowed characters.
    USERS_USERNAME_CHARACTERS = "identity_users_username_characters":
        Value { field: "username", reason: Reason::FieldMalformed, description: "may only have ASCII letters, digits and @ . + - _" };
    /// No two usernames differ only in case.
    USERS_USERNAME_KEY = "identity_users_username_key":
        Existing { reason: Reason::UsernameTaken, resource: USER, message: "this username is taken" };
    /// An email address has at most [`EMAIL_MAX`] characters.
    USERS_EMAIL_LENGTH = "identity_users_email_length":
        Value { field: "email", reason: Reason::FieldTooLong, description: "must have at most 254 characters" };
    /// An email address has one @ with text on both sides, without white space or control characters of ASCII.
    USERS_EMAIL_FORMAT = "identity_users_email_format":
        Value { field: "email", reason: Reason::FieldMalformed, description: "must be an address with one @, without white space" };
    /// No two email addresses differ only in the case of ASCII letters.
    USERS_EMAIL_KEY = "identity_users_email_key":
        Existing { reason: Reason::EmailTaken, resource: USER, message: "this email address is taken" };
    /// A first name has at most [`NAME_MAX`] characters.
    USERS_FIRST_NAME_LENGTH = "identity_users_first_name_length":
        Value { field: "first_name", reason: Reason::FieldTooLong, description: "must have at most 150 characters" };
    /// A last name has at most [`NAME_MAX`] characters.
    USERS_LAST_NAME_LENGTH = "identity_users_last_name_length":
        Value { field: "last_name", reason: Reason::FieldTooLong, description: "must have at most 150 characters" };
    /// Primary key.
    CREDENTIALS_PKEY = "identity_credentials_pkey": Never { because: ONE_EACH };
    /// A credential belongs to a user.
    CREDENTIALS_USER_ID_FKEY = "identity_credentials_user_id_fkey": Never { because: ONE_EACH };
    /// Only Argon2id hashes are stored.
    CREDENTIALS_PASSWORD_HASH_ALGORITHM = "identity_credentials_password_hash_algorithm":
        Never { because: "only the password hasher writes it" };
    /// Primary key.
    PROFILES_PKEY = "identity_profiles_pkey": Never { because: ONE_EACH };
    /// A profile belongs to a user.
    PROFILES_USER_ID_FKEY = "identity_profiles_user_id_fkey": Never { because: ONE_EACH };
    /// A bio has at most [`BIO_MAX`] characters.
    PROFILES_BIO_LENGTH = "identity_profiles_bio_length":
        Value { field: "profile.bio", reason: Reason::FieldTooLong, description: "must have at most 500 characters" };
    /// An avatar URL has at most [`AVATAR_URL_MAX`] characters.
    PROFILES_AVATAR_URL_LENGTH = "identity_profiles_avatar_url_length":
        Value { field: "profile.avatar_url", reason: Reason::FieldTooLong, description: "must have at most 500 characters" };
    /// An avatar URL is empty, http or https.
    PROFILES_AVATAR_URL_SCHEME = "identity_profiles_avatar_url_scheme":
        Value { field: "profile.avatar_url", reason: Reason::UrlInvalid, description: "must be an http or https URL" };
    /// A location has at most [`LOCATION_MAX`] characters.
    PROFILES_LOCATION_LENGTH = "identity_profiles_location_length":
        Value { field: "profile.location", reason: Reason::FieldTooLong, description: "must have at most 100 characters" };
    /// A website URL has at most [`WEBSITE_URL_MAX`] characters.
    PROFILES_WEBSITE_URL_LENGTH = "identity_profiles_website_url_length":
        Value { field: "profile.website_url", reason: Reason::FieldTooLong, description: "must have at most 200 characters" };
    /// A website URL is empty, http or https.
    PROFILES_WEBSITE_URL_SCHEME = "identity_profiles_website_url_scheme":
        Value { field: "profile.website_url", reason: Reason::UrlInvalid, description: "must be an http or https URL" };
    /// Primary key.
    SESSIONS_PKEY = "identity_sessions_pkey": Never { because: GENERATED };
    /// A session belongs to a user.
    SESSIONS_USER_ID_FKEY = "identity_sessions_user_id_fkey":
        Never { because: "a sign-in that meets the deletion of its user is told that the credentials are wrong" };
    /// A device's label has at most [`DEVICE_LABEL_MAX`] characters.
    SESSIONS_DEVICE_LABEL_LENGTH = "identity_sessions_device_label_length":
        Value { field: "device_label", reason: Reason::FieldTooLong, description: "must have at most 100 characters" };
    /// Primary key.
    REFRESH_TOKENS_PKEY = "identity_refresh_tokens_pkey": Never { because: "tokens are 256 random bits" };
    /// Only hashes are stored.
    REFRESH_TOKENS_TOKEN_HASH_LENGTH = "identity_refresh_tokens_token_hash_length": Never { because: HASHED };
    /// A refresh token belongs to a session.
    REFRESH_TOKENS_SESSION_ID_FKEY = "identity_refresh_tokens_session_id_fkey":
        Never { because: "the session's row is locked before its token is written" };
    /// A session has at most one live token.
    REFRESH_TOKENS_LIVE_KEY = "identity_refresh_tokens_live_key":
        Never { because: "the live token is marked as exchanged before its successor is written" };
    /// Primary key.
    USER_NAMES_PKEY = "identity_user_names_pkey": Never { because: "only the triggers of users write it" };
    /// Names belong to a user.
    USER_NAMES_USER_ID_FKEY = "identity_user_names_user_id_fkey":
        Never { because: "only the triggers of users write it" };
    /// Primary key.
    SIGNING_KEYS_PKEY = "identity_signing_keys_pkey": Never { because: "a key that is there is not published again" };
    /// Only Ed25519 keys are stored.
    SIGNING_KEYS_PUBLIC_KEY_LENGTH = "identity_signing_keys_public_key_length":
        Never { because: "the type of a key has 32 bytes" };
    /// Only an active key can be retired.
    SIGNING_KEYS_RETIRED_ONCE_ACTIVE = "identity_signing_keys_retired_once_active":
        Never { because: "only the active key is retired" };
    /// At most one key signs.
    SIGNING_KEYS_ACTIVE_KEY = "identity_signing_keys_active_key":
        Never { because: "keys change under a lock, and the active one is retired before the next" };
    /// Primary key.
    SERVICE_ACCOUNTS_PKEY = "identity_service_accounts_pkey": Never { because: GENERATED };
    /// A service account's name is not empty.
    SERVICE_ACCOUNTS_NAME_REQUIRED = "identity_service_accounts_name_required":
        Value { field: "name", reason: Reason::FieldRequired, description: "must not be empty" };
    /// A service account's name has at most [`SERVICE_ACCOUNT_NAME_MAX`] characters.
    SERVICE_ACCOUNTS_NAME_LENGTH = "identity_service_accounts_name_length":
        Value { field: "name", reason: Reason::FieldTooLong, description: "must have at most 100 characters" };
    /// A service account's name has only the allowed characters.
    SERVICE_ACCOUNTS_NAME_CHARACTERS = "identity_service_accounts_name_characters":
        Value { field: "name", reason: Reason::FieldMalformed, description: "may only have the characters a-z, 0-9 and -" };
    /// No two service accounts have one name.
    SERVICE_ACCOUNTS_NAME_KEY = "identity_service_accounts_name_key":
        Existing { reason: Reason::ServiceAccountExists, resource: SERVICE_ACCOUNT, message: "a service account of this name exists" };
    /// A service account has at most [`SERVICE_ACCOUNT_SCOPES_MAX`] scopes.
    SERVICE_ACCOUNTS_SCOPES_COUNT = "identity_service_accounts_scopes_count":
        Value { field: "scopes", reason: Reason::BatchTooLarge, description: "must have at most 50 items" };
    /// Only hashes are stored.
    SERVICE_ACCOUNTS_SECRET_HASH_LENGTH = "identity_service_accounts_secret_hash_length": Never { because: HASHED };
    /// Primary key.
    THROTTLES_PKEY = "identity_throttles_pkey": Never { because: "a row that is there is updated" };
    /// Primary key.
    AUDIT_EVENTS_PKEY = "identity_audit_events_pkey": Never { because: GENERATED };
    /// What is counted happened.
    AUDIT_EVENTS_COUNT_POSITIVE = "identity_audit_events_count_positive":
        Never { because: "counts begin with 1 and grow" };
    /// A counted event has one row for each minute.
    AUDIT_EVENTS_COUNTED_KEY = "identity_audit_events_counted_key":
        Never { because: "a row that is there is counted on" };
}

/// Columns that may not be NULL, by table.
pub static REQUIRED_COLUMNS: &[(&str, &[&str])] = &[
    (
        "users",
        &[
            "id",
            "username",
            "first_name",
            "last_name",
            "is_active",
            "date_joined",
            "updated_at",
            "version",
        ],
    ),
    ("credentials", &["user_id", "password_hash"]),
    (
        "profiles",
        &[
            "user_id",
            "bio",
            "avatar_url",
            "location",
            "website_url",
            "created_at",
            "updated_at",
            "version",
        ],
    ),
    (
        "sessions",
        &[
            "id",
            "user_id",
            "device_label",
            "address",
            "created_at",
            "refreshed_at",
            "expires_at",
        ],
    ),
    ("refresh_tokens", &["token_hash", "session_id", "created_at"]),
    ("user_names", &["name", "user_id"]),
    ("signing_keys", &["key_id", "public_key", "published_at"]),
    (
        "service_accounts",
        &[
            "id",
            "name",
            "scopes",
            "secret_hash",
            "created_at",
            "secret_updated_at",
        ],
    ),
    ("throttles", &["key", "full_at"]),
    (
        "audit_events",
        &[
            "id",
            "type",
            "actor",
            "service",
            "subject",
            "address",
            "request_id",
            "count",
            "created_at",
            "updated_at",
        ],
    ),
];
