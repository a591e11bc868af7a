//! What crosses services: every RPC of the contracts, every rule, and storms.
//!
//! The walkers take the RPCs and fields from the descriptor set, so that a new one fails them until it has its row.

mod access_matrix;
mod bad_input;
mod big_deletion;
mod clients;
mod cross_schema;
mod crossing_storm;
mod first_messages;
mod fleet;
mod follow_storm;
mod graph_storm;
mod hang_ups;
mod load;
mod message_deletions;
mod message_kill;
mod message_model;
mod message_plans;
mod message_storm;
mod metrics;
mod outages;
mod plans;
mod post_replays;
mod post_storm;
mod processes;
mod raw;
mod refresh_storm;
mod registration_storm;
mod replicas;
mod rolling_restarts;
mod rows;
mod rules;
mod service_accounts;
mod size;
mod tampered_tokens;
mod tour;
mod traces;
