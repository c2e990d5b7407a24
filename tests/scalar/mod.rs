//! Derivatives of scalar code: closed forms, the laws for scalar variables, and the classical programs.

mod closed_forms;
mod laws;
pub mod programs;
mod recording;
