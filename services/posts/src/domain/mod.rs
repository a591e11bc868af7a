//! Parsed values of posts. What is here cannot be wrong.
