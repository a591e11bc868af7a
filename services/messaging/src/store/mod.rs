//! Every statement on schema `messaging`. Functions take keys and parsed values and return rows.
//!
//! Another service's view is read in a `WITH ... AS MATERIALIZED` step of its own and joined with that step's result,
//! so that the same statements run where each schema has a node of its own.
