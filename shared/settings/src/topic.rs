//! Settings that belong together.

use crate::{Reader, Setting};

/// A small struct with the settings of one subject.
///
/// Topics are put together by putting structs together: `settings` concatenates theirs, and `read` reads all of them
/// **before** the first `?`, so that every mistake is seen. Pairs and triples of topics are topics.
pub trait Topic: Sized {
    /// Every setting that [`Topic::read`] asks for.
    fn settings() -> Vec<&'static Setting>;

    /// Reads each of them; `None` when something was wrong, which the reader has noted.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;
}

macro_rules! topic_of_topics {
    ($($topic:ident)*) => {
        impl<$($topic: Topic),*> Topic for ($($topic,)*) {
            fn settings() -> Vec<&'static Setting> {
                [$($topic::settings()),*].concat()
            }

            #[allow(non_snake_case)]
            fn read(reader: &mut Reader<'_>) -> Option<Self> {
                $(let $topic = $topic::read(reader);)*
                Some(($($topic?,)*))
            }
        }
    };
}

topic_of_topics!(A B);
topic_of_topics!(A B C);
topic_of_topics!(A B C D);
