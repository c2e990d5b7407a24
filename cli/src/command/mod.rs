//! The sub-commands, one a file.
//!
//! A command turns what was typed into what is meant, calls the library, and hands plain data to [`crate::render`].

pub(crate) mod bench;
pub(crate) mod converge;
pub(crate) mod curvature;
pub(crate) mod data;
pub(crate) mod describe_model;
pub(crate) mod experiment;
pub(crate) mod import;
pub(crate) mod infinite;
mod inputs;
pub(crate) mod kernel;
pub(crate) mod landscape;
pub(crate) mod list;
pub(crate) mod phase;
pub(crate) mod predict;
mod results;
pub(crate) mod shell;
pub(crate) mod spectrum;
mod tale;
pub(crate) mod tape;
pub(crate) mod train;
