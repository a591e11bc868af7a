//! The form of the closures that use a connection.

use std::future::Future;

use crate::{Abort, Connection};

/// An async closure over a connection: `async |conn: &mut Connection| { ...; Ok(value) }`.
///
/// It may borrow from its surroundings. It is cloned for each attempt, so what it owns (`async move`) must be `Clone`;
/// what it does beside its statements happens once for each attempt. The future is `Send`, so that handlers can be.
///
/// There is no need to implement it: every such closure does.
pub trait Work<'c, T>:
    AsyncFnOnce(&'c mut Connection) -> Result<T, Abort>
    + FnOnce(&'c mut Connection) -> <Self as Work<'c, T>>::Answer
    + Clone
    + Send
{
    /// The closure's future. That of `AsyncFnOnce` cannot be named yet, hence this second way to it.
    type Answer: Future<Output = Result<T, Abort>> + Send;
}

impl<'c, F, T, Answer> Work<'c, T> for F
where
    F: AsyncFnOnce(&'c mut Connection) -> Result<T, Abort>
        + FnOnce(&'c mut Connection) -> Answer
        + Clone
        + Send,
    Answer: Future<Output = Result<T, Abort>> + Send,
{
    type Answer = Answer;
}
