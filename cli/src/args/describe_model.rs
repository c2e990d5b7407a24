//! The flags of `ntk describe-model`.

use clap::Args;

use super::Format;

/// `ntk describe-model`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  \
                        ntk describe-model mlp:64-512x2-10:relu,param=standard > net.toml")]
pub(crate) struct DescribeModel {
    /// Preset or TOML file
    #[arg(value_name = "M")]
    pub(crate) model: String,

    /// How it is printed
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Format::Text)]
    pub(crate) format: Format,
}
