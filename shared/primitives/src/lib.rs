//! The words that every layer of Kith shares: typed ids, failures, callers, pages, masks and etags.
//!
//! Nothing here knows gRPC or SQL, so that domain code can depend on it alone.
#![warn(missing_docs)]

mod caller;
mod chain;
mod context;
mod etag;
mod failure;
mod field_mask;
mod ids;
mod page;
mod reason;
mod replay;
mod request_id;
mod text;
mod violations;

pub use caller::{Caller, ServiceCaller, UserCaller};
pub use chain::chain;
pub use context::Context;
pub use etag::Etag;
pub use failure::{Failure, Quota, Resource};
pub use field_mask::FieldMask;
pub use ids::{ConversationId, FriendRequestId, IdInvalid, MessageId, PostId, ServiceId, SessionId, UserId};
pub use page::{Cursor, NameCursor, Page, PageScope, Position};
pub use reason::{Kind, Reason};
pub use replay::{Fingerprint, ReplayKey};
pub use request_id::RequestId;
pub use text::{char_count, excerpt, refuse_nul};
pub use violations::{Invalid, Violation, Violations};
