//! What came of a call.

use std::fmt::Debug;

use tonic::{Response, Status};

use crate::Refusal;

/// The answer of a call that must go well.
///
/// # Panics
/// When it did not.
#[track_caller]
pub fn answer<T>(call: Result<Response<T>, Status>) -> T {
    call.expect("an answer").into_inner()
}

/// The refusal of a call that must fail.
///
/// # Panics
/// When it went well.
#[track_caller]
pub fn refusal<T: Debug>(call: Result<Response<T>, Status>) -> Refusal {
    Refusal::of(&call.expect_err("a refusal"))
}
