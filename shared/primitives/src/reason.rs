//! The closed set of failure kinds, and the reasons that callers can tell apart.

/// What sort of failure it is. Each kind is one gRPC status code, but nothing here says gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request itself is wrong and stays wrong whatever the state of the system.
    InvalidArgument,
    /// The caller did not prove who it is.
    Unauthenticated,
    /// The caller is known and may not do this.
    PermissionDenied,
    /// What the request names is not there, or may not be known to be there.
    NotFound,
    /// What the request would create exists.
    AlreadyExists,
    /// The state of the system forbids it until somebody changes that state.
    FailedPrecondition,
    /// Another change came first; read again and decide again.
    Aborted,
    /// A limit was reached.
    ResourceExhausted,
    /// Nothing was done, or it is unknown; the same call may succeed later.
    Unavailable,
    /// The time that the caller gave, or the server's own limit, ran out.
    DeadlineExceeded,
    /// No such method here.
    Unimplemented,
    /// A defect. The cause goes to the log and never to the caller.
    Internal,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $slug:literal => $kind:ident,)*) => {
        /// Why a call failed, as the contract's `kith.errors.v1.ErrorReason` lists it.
        ///
        /// A reason belongs to exactly one [`Kind`]. A test compares this list with the contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// Every reason there is, in the order of the contract.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)*];

            /// The name on the wire: the contract's value without `ERROR_REASON_`.
            pub const fn slug(self) -> &'static str {
                match self { $(Reason::$variant => $slug,)* }
            }

            /// The one kind that this reason belongs to.
            pub const fn kind(self) -> Kind {
                match self { $(Reason::$variant => Kind::$kind,)* }
            }
        }
    };
}

reasons! {
    /// A field that must be set is empty.
    FieldRequired = "FIELD_REQUIRED" => InvalidArgument,
    /// A text is longer than its bound, in Unicode characters.
    FieldTooLong = "FIELD_TOO_LONG" => InvalidArgument,
    /// A text is shorter than its bound, in Unicode characters.
    FieldTooShort = "FIELD_TOO_SHORT" => InvalidArgument,
    /// A value is not of the form that the field asks for.
    FieldMalformed = "FIELD_MALFORMED" => InvalidArgument,
    /// A text has the character U+0000, which PostgreSQL cannot store.
    FieldContainsNul = "FIELD_CONTAINS_NUL" => InvalidArgument,
    /// A URL that is not http or https, or cannot be parsed.
    UrlInvalid = "URL_INVALID" => InvalidArgument,
    /// An id of 0 or below.
    IdInvalid = "ID_INVALID" => InvalidArgument,
    /// A negative page size.
    PageSizeInvalid = "PAGE_SIZE_INVALID" => InvalidArgument,
    /// A page token that this method did not make for these arguments.
    PageTokenInvalid = "PAGE_TOKEN_INVALID" => InvalidArgument,
    /// A field mask with a path that the resource does not have, or that cannot be changed.
    FieldMaskInvalid = "FIELD_MASK_INVALID" => InvalidArgument,
    /// More items in a batch than it may have.
    BatchTooLarge = "BATCH_TOO_LARGE" => InvalidArgument,
    /// A timeout header that cannot be parsed.
    DeadlineMalformed = "DEADLINE_MALFORMED" => InvalidArgument,
    /// A user cannot follow itself.
    SelfFollow = "SELF_FOLLOW" => InvalidArgument,
    /// No access token came with the call.
    TokenMissing = "TOKEN_MISSING" => Unauthenticated,
    /// The access token cannot be read, was not signed here, or is meant for somebody else.
    TokenInvalid = "TOKEN_INVALID" => Unauthenticated,
    /// The access token was good once.
    TokenExpired = "TOKEN_EXPIRED" => Unauthenticated,
    /// Name and password do not belong together.
    CredentialsInvalid = "CREDENTIALS_INVALID" => Unauthenticated,
    /// This method is for another kind of caller.
    CallerNotAllowed = "CALLER_NOT_ALLOWED" => PermissionDenied,
    /// The caller lacks the scope that the method asks for.
    ScopeMissing = "SCOPE_MISSING" => PermissionDenied,
    /// The resource is somebody else's.
    NotOwner = "NOT_OWNER" => PermissionDenied,
    /// The method declares no access rule, so nobody may call it.
    AccessRuleMissing = "ACCESS_RULE_MISSING" => PermissionDenied,
    /// No such user.
    UserNotFound = "USER_NOT_FOUND" => NotFound,
    /// No such follow.
    FollowNotFound = "FOLLOW_NOT_FOUND" => NotFound,
    /// The username belongs to somebody.
    UsernameTaken = "USERNAME_TAKEN" => AlreadyExists,
    /// The email address belongs to somebody.
    EmailTaken = "EMAIL_TAKEN" => AlreadyExists,
    /// The caller follows this user already.
    FollowExists = "FOLLOW_EXISTS" => AlreadyExists,
    /// The user is deactivated and takes no new interactions.
    UserInactive = "USER_INACTIVE" => FailedPrecondition,
    /// The resource has changed since the etag was read.
    EtagMismatch = "ETAG_MISMATCH" => Aborted,
    /// A message larger than the server takes or sends.
    MessageTooLarge = "MESSAGE_TOO_LARGE" => ResourceExhausted,
    /// The server has as many calls as it can serve, or all its database connections are in use.
    ServerOverloaded = "SERVER_OVERLOADED" => ResourceExhausted,
    /// The database's lock table is full.
    DatabaseLocksExhausted = "DATABASE_LOCKS_EXHAUSTED" => ResourceExhausted,
    /// The database does not answer, or changes of others hold what this one needs; nothing was changed.
    DatabaseUnavailable = "DATABASE_UNAVAILABLE" => Unavailable,
    /// The connection broke during COMMIT: the change may or may not have happened.
    OutcomeUnknown = "OUTCOME_UNKNOWN" => Unavailable,
    /// The service is starting or stopping.
    ServiceNotReady = "SERVICE_NOT_READY" => Unavailable,
    /// The deadline passed.
    DeadlineExceeded = "DEADLINE_EXCEEDED" => DeadlineExceeded,
    /// No such method.
    MethodUnknown = "METHOD_UNKNOWN" => Unimplemented,
    /// The request is not a message of the method's type.
    MessageUndecodable = "MESSAGE_UNDECODABLE" => Internal,
    /// A defect on our side.
    Internal = "INTERNAL" => Internal,
    /// The request is compressed in a way that the server does not speak.
    CompressionUnsupported = "COMPRESSION_UNSUPPORTED" => Unimplemented,
    /// No such session among the caller's.
    SessionNotFound = "SESSION_NOT_FOUND" => NotFound,
    /// The refresh token is unknown or has expired, or its session has ended.
    RefreshTokenInvalid = "REFRESH_TOKEN_INVALID" => Unauthenticated,
    /// The refresh token was exchanged a moment ago; another call has its successor.
    TokenAlreadyRotated = "TOKEN_ALREADY_ROTATED" => Unauthenticated,
    /// The refresh token was exchanged long ago, so somebody else may have it; its session has been ended.
    RefreshTokenReused = "REFRESH_TOKEN_REUSED" => Unauthenticated,
    /// No such service account.
    ServiceAccountNotFound = "SERVICE_ACCOUNT_NOT_FOUND" => NotFound,
    /// No such signing key.
    SigningKeyNotFound = "SIGNING_KEY_NOT_FOUND" => NotFound,
    /// A service account of this name exists.
    ServiceAccountExists = "SERVICE_ACCOUNT_EXISTS" => AlreadyExists,
    /// The service account has been revoked.
    ServiceAccountRevoked = "SERVICE_ACCOUNT_REVOKED" => FailedPrecondition,
    /// There is no published signing key that could sign now.
    SigningKeyNotReady = "SIGNING_KEY_NOT_READY" => FailedPrecondition,
    /// The signing key signs, or tokens that it signed may live.
    SigningKeyInUse = "SIGNING_KEY_IN_USE" => FailedPrecondition,
    /// A scope that no method asks for.
    ScopeUnknown = "SCOPE_UNKNOWN" => InvalidArgument,
    /// Too many attempts for this account, or from this caller.
    Throttled = "THROTTLED" => ResourceExhausted,
    /// These two may not interact in this way, because of a block or of what one of them has set.
    InteractionNotAllowed = "INTERACTION_NOT_ALLOWED" => PermissionDenied,
    /// A user cannot be its own friend.
    SelfBefriend = "SELF_BEFRIEND" => InvalidArgument,
    /// A user cannot block itself.
    SelfBlock = "SELF_BLOCK" => InvalidArgument,
    /// A user cannot mute itself.
    SelfMute = "SELF_MUTE" => InvalidArgument,
    /// A user cannot send itself messages.
    SelfMessage = "SELF_MESSAGE" => InvalidArgument,
    /// A duration that is not within its bounds.
    DurationInvalid = "DURATION_INVALID" => InvalidArgument,
    /// No such request by or to the caller.
    FriendRequestNotFound = "FRIEND_REQUEST_NOT_FOUND" => NotFound,
    /// No such friendship.
    FriendshipNotFound = "FRIENDSHIP_NOT_FOUND" => NotFound,
    /// The caller does not block this user.
    BlockNotFound = "BLOCK_NOT_FOUND" => NotFound,
    /// The caller does not mute this user.
    MuteNotFound = "MUTE_NOT_FOUND" => NotFound,
    /// The caller has asked this user already.
    FriendRequestExists = "FRIEND_REQUEST_EXISTS" => AlreadyExists,
    /// The two are friends already.
    FriendshipExists = "FRIENDSHIP_EXISTS" => AlreadyExists,
    /// The caller blocks this user already.
    BlockExists = "BLOCK_EXISTS" => AlreadyExists,
    /// The caller mutes this user already.
    MuteExists = "MUTE_EXISTS" => AlreadyExists,
    /// The user declined a request of the caller's a while ago.
    FriendRequestDeclined = "FRIEND_REQUEST_DECLINED" => FailedPrecondition,
    /// The caller has as many open requests as it may.
    FriendRequestsExhausted = "FRIEND_REQUESTS_EXHAUSTED" => ResourceExhausted,
    /// The caller has sent another request with this request_id before. A new request needs a new id.
    RequestIdReused = "REQUEST_ID_REUSED" => FailedPrecondition,
    /// What the request with this request_id created has been deleted since. It is not created again.
    ResourceDeleted = "RESOURCE_DELETED" => NotFound,
    /// No such post, or its author is blocked by the caller.
    PostNotFound = "POST_NOT_FOUND" => NotFound,
    /// The caller likes this post already.
    LikeExists = "LIKE_EXISTS" => AlreadyExists,
    /// The caller does not like this post, or there is no such post.
    LikeNotFound = "LIKE_NOT_FOUND" => NotFound,
    /// The caller has shared this post already.
    ShareExists = "SHARE_EXISTS" => AlreadyExists,
    /// The caller has not shared this post, or there is no such post.
    ShareNotFound = "SHARE_NOT_FOUND" => NotFound,
    /// No such conversation of the caller's.
    ConversationNotFound = "CONVERSATION_NOT_FOUND" => NotFound,
    /// No such message in a conversation of the caller's.
    MessageNotFound = "MESSAGE_NOT_FOUND" => NotFound,
    /// The message has been deleted, and only its place is left.
    MessageDeleted = "MESSAGE_DELETED" => FailedPrecondition,
}
