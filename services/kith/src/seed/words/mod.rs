//! What seeded people are called, and what they write. In braces stands what is drawn anew each time: see `texts.rs`.

pub(super) mod messages;
pub(super) mod names;
pub(super) mod posts;
pub(super) mod slots;
