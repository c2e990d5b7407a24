//! The flags of `ntk list`.

use clap::Args;

use super::Format;

/// `ntk list`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  ntk list --format json")]
pub(crate) struct List {
    /// How it is printed
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Format::Text)]
    pub(crate) format: Format,
}
