//! Where the results of a command go, and how they are told.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Where results go.
#[derive(Debug, Clone, Args)]
pub(crate) struct Output {
    /// Folder of the results, new or empty [default: runs/COMMAND-NUMBER]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,

    /// text to read, or one JSON object on the standard output
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Format::Text,
          help_heading = "Output")]
    pub(crate) format: Format,

    /// No plots and no report.html
    #[arg(long, help_heading = "Output")]
    pub(crate) no_report: bool,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For reading
    Text,
    /// For programs
    Json,
}
