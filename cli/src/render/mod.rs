//! What a person sees: the terminal, the plots and the report.
//!
//! Everything here takes plain data (strings, slices, small structs) and decides only how it looks. What is computed,
//! which plots are made and what the numbers are called is decided by the commands.

pub(crate) mod plot;
pub(crate) mod progress;
pub(crate) mod quantity;
pub(crate) mod report;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod terminal;
