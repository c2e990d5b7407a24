//! The tests of the workspace that concern more than one file, in one binary.

mod laws;
mod modes;
mod numbers;
mod sinks;
