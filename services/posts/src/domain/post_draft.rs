use kith_primitives::{Fingerprint, PostId};

use super::{Content, MediaUrl, PostKind};

/// A post that somebody wants to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PostDraft {
    pub(crate) content: Content,
    pub(crate) kind: PostKind,
    pub(crate) media_url: MediaUrl,
    /// What it replies to.
    pub(crate) parent_id: Option<PostId>,
}

impl PostDraft {
    /// Equal for requests that ask for the same, in whatever words: a type that is not said is the default one.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::new("CreatePost")
            .text(self.content.as_str())
            .text(self.kind.as_str())
            .text(self.media_url.as_str())
            .number(self.parent_id.map_or(0, PostId::get))
    }
}
