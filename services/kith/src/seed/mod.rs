//! Demo data for all services, made through their RPCs: people, what they are to each other, what they post and write.

mod clear;
mod flow;
mod graph;
mod kith;
mod messages;
mod people;
mod plan;
mod posts;
mod random;
mod record;
mod seeder;
mod summary;
mod texts;
mod words;

pub(crate) use self::seeder::{Order, Part, Seeded, seed};
