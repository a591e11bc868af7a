//! Channels to Kith's services, for the generated client of any of them.
//!
//! ```no_run
//! use kith_client::{Builder, ServiceTokens, TlsFiles};
//! use kith_contracts::identity::v1::GetUserRequest;
//! use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let files = TlsFiles { ca: Some("/etc/kith/ca.pem".into()), ..TlsFiles::default() };
//! let channel = Builder::new("https://identity.kith.svc:50051").tls(files).build()?;
//! let feed = ServiceTokens::new(&channel, "feed", std::env::var("FEED_SECRET")?.into());
//! let mut identity = IdentityServiceClient::new(channel.with_token(feed));
//! let answer = identity.get_user(GetUserRequest { user_id: 1 }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! `examples/tour.rs` is a whole program: a user who signs in and stays signed in, writes that can be repeated, pages, errors by
//! their reason, deadlines. The README lists every setting with its default.
//!
//! # Errors
//!
//! A call fails with a [`tonic::Status`], whatever failed. What Kith has to say of it is in the details: the reason, by which a
//! program decides, every field that is wrong, and the request id, which finds the call in the server's log.
//!
//! ```
//! use kith_contracts::errors::v1::ErrorReason;
//! use tonic_types::StatusExt;
//!
//! fn reason(status: &tonic::Status) -> Option<ErrorReason> {
//!     let info = status.get_details_error_info().filter(|info| info.domain == "kith")?;
//!     ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason))
//! }
//! # let mut details = tonic_types::ErrorDetails::new();
//! # details.set_error_info("SELF_FOLLOW", "kith", []);
//! # let status = tonic::Status::with_error_details(tonic::Code::InvalidArgument, "", details);
//! # assert_eq!(reason(&status), Some(ErrorReason::SelfFollow));
//! ```
//!
//! # What a channel does
//!
//! * **Limits.** A connection is made within 1 second and pinged every 10, also when idle; one that does not answer a
//!   ping for 5 seconds is given up. A call takes 60 seconds at the longest, requests and answers have at most
//!   [`MAX_MESSAGE_BYTES`].
//! * **Servers.** The host is resolved to all its addresses, again every 5 seconds, and at once when a connection fails.
//!   Calls go to those that there is a connection to, of two to the one with fewer calls in flight; one that says it can do
//!   nothing yet is left alone for as long as it asks, while there are others. Without any, they
//!   fail in time with UNAVAILABLE.
//! * **Retries, only where the contract says so.** A method with `idempotency_level = NO_SIDE_EFFECTS` is repeated when
//!   the server is UNAVAILABLE or the connection breaks. Any other is repeated only when it certainly was not
//!   executed: no connection could be made, the server closed it before it took the call, or its reason says that
//!   nothing was done (SERVICE_NOT_READY, DATABASE_UNAVAILABLE). SERVER_OVERLOADED is repeated when the server says
//!   after what time; OUTCOME_UNKNOWN never is. There are at most 4 attempts within the call's deadline, with pauses
//!   that double and vary; and a budget: beyond a reserve of 256, one retry for every 5 calls. Streams, and methods
//!   that no contract of Kith has, are repeated only while no server has taken them.
//! * **Tokens.** [`Channel::with_token`] adds the token of whoever calls: one that there is ([`BearerToken`]), those of a
//!   service account ([`ServiceTokens`]) or of a user who has signed in ([`UserSession`]), which are fetched once for all
//!   calls, and anew before they end. [`Channel::passed_on_by`] adds that of a service that calls for somebody else.
//! * **Context.** The server is told the trace of the current span, how much time is left, and within a call to a service
//!   of Kith also that call's request id and deadline.
#![warn(missing_docs)]

mod address;
mod bearer;
mod budget;
mod builder;
mod call;
mod channel;
mod deadline;
mod dial;
mod error;
mod methods;
mod outcome;
mod resolver;
mod retry;
mod servers;
mod settings;
mod tls;
mod tokens;
mod traced;

pub use address::address;
pub use bearer::BearerToken;
pub use builder::Builder;
pub use channel::Channel;
pub use error::ClientError;
pub use resolver::{Resolver, Resolving};
pub use tls::TlsFiles;
pub use tokens::{ServiceTokens, TokenSource, UserSession};

/// The largest message that is sent or taken, in bytes: as large as Kith's servers take and send them.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// A channel to `address`, for example `http://127.0.0.1:50051`, with the defaults of a [`Builder`].
///
/// # Errors
/// When `address` is none.
pub fn channel(address: &str) -> Result<Channel, ClientError> {
    Builder::new(address).build()
}
