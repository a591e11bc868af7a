//! The schema against a live PostgreSQL.

mod bootstrap;
mod cascades;
mod catalogue;
mod counters;
mod foreign_keys;
mod forgetting;
mod graph_rules;
mod guards;
mod invariants;
mod message_rules;
mod migrations;
mod plans;
mod post_rules;
mod primary_keys;
mod repairs;
mod rights;
mod rules;
mod support;
mod tables;
mod watch;
