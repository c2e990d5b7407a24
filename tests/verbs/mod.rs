//! The verbs on arrays.

mod agreement;
mod closed_forms;
mod misuse;
