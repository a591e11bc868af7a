//! A connection on loan, and what becomes of it when the borrower is gone.

use deadpool::managed::Object;

use crate::pool::Manager;
use crate::session::Cancel;
use crate::{Connection, DbError, DbErrorKind};

/// What to do with a connection whose borrower was dropped while a statement may be running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abandoned {
    /// Let the statement finish, which is cheaper than a new connection; for reads.
    Drain,
    /// Stop the statement and close the connection, so that its transaction and its locks are gone.
    HangUp,
}

/// A connection on loan. Unless it is given back by [`Lease::end`], it counts as abandoned.
pub(crate) struct Lease {
    pooled: Object<Manager>,
    abandoned: Option<Abandoned>,
}

impl Lease {
    pub(crate) fn new(pooled: Object<Manager>, abandoned: Abandoned) -> Self {
        Self {
            pooled,
            abandoned: Some(abandoned),
        }
    }

    pub(crate) fn cancel(&self) -> Cancel {
        self.pooled.session.cancel()
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.pooled.session.connection
    }

    /// Gives the connection back, with the error of the last statement, if it failed.
    pub(crate) fn end(mut self, error: Option<&DbError>) {
        self.abandoned = None;
        if error.is_some_and(|error| *error.kind() == DbErrorKind::PlanChanged) {
            self.outdate_pool();
        }
        let spoiled = error.is_some_and(DbError::spoils_connection);
        if spoiled || self.pooled.session.in_transaction() {
            self.pooled.session.hang_up();
        }
        self.pooled.session.rest(false);
    }

    /// Closes the connection, whatever it is doing.
    pub(crate) fn hang_up(mut self) {
        self.abandoned = None;
        self.pooled.session.hang_up();
    }

    /// All connections have the statements prepared that a migration has made useless.
    fn outdate_pool(&self) {
        if let Some(pool) = Object::pool(&self.pooled) {
            pool.manager().outdate(&self.pooled);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        match self.abandoned {
            None => {}
            Some(Abandoned::Drain) => self.pooled.session.rest(true),
            Some(Abandoned::HangUp) => self.pooled.session.abandon(),
        }
    }
}
