use kith_primitives::{Failure, Invalid};
use kith_rules::posts::POSTS_TYPE_KNOWN;

/// What sort of post it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PostKind {
    #[default]
    Thoughts,
    Media,
    Milestones,
}

impl PostKind {
    const ALL: [PostKind; 3] = [PostKind::Thoughts, PostKind::Media, PostKind::Milestones];

    /// As the database names it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            PostKind::Thoughts => "thoughts",
            PostKind::Media => "media",
            PostKind::Milestones => "milestones",
        }
    }

    /// Reads what the database says, where a rule keeps everything else out.
    pub(crate) fn from_database(name: &str) -> Result<Self, Failure> {
        let kind = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        kind.ok_or_else(|| Failure::internal(format!("the database has a post of type {name:?}")))
    }

    /// What is wrong with a type that a request names by a number which has no name.
    pub(crate) fn unknown() -> Invalid {
        POSTS_TYPE_KNOWN.invalid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_comes_back_from_the_database() {
        for kind in PostKind::ALL {
            assert_eq!(PostKind::from_database(kind.as_str()).ok(), Some(kind));
        }
        assert!(PostKind::from_database("poem").is_err());
    }
}
