use kith_primitives::Etag;

/// Who may write to a user. Each lets in whom the next ones let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AcceptedSenders {
    Everyone,
    /// Friends too.
    Followers,
    Friends,
}

impl AcceptedSenders {
    /// As the database has it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Followers => "followers",
            Self::Friends => "friends",
        }
    }

    /// Of what the database has.
    pub(crate) fn from_database(text: &str) -> Option<Self> {
        [Self::Everyone, Self::Followers, Self::Friends]
            .into_iter()
            .find(|senders| senders.as_str() == text)
    }
}

/// A change of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SettingsChange {
    pub(crate) accepted_senders: AcceptedSenders,
    /// The version that the change was decided on; `None` for any.
    pub(crate) etag: Option<Etag>,
}
