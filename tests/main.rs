//! The tests of the workspace that concern more than one file, in one binary.

mod modes;
mod numbers;
