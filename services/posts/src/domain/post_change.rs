use kith_primitives::Etag;

use super::{Content, MediaUrl, PostKind};

/// A change of a post: what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PostChange {
    pub(crate) content: Option<Content>,
    pub(crate) kind: Option<PostKind>,
    pub(crate) media_url: Option<MediaUrl>,
    /// The version that the change was decided on; `None` for any.
    pub(crate) etag: Option<Etag>,
}
