//! Parsed values of messaging. What is here cannot be wrong.
