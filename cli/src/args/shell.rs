//! The flags of `ntk completions` and `ntk man`.

use clap::Args;
use clap_complete::Shell;

use super::COMMANDS;

/// `ntk completions`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  \
                        ntk completions bash > ~/.local/share/bash-completion/completions/ntk")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// `ntk man`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  ntk man kernel | man -l -")]
pub(crate) struct Man {
    /// The page of one command [default: the program's]
    #[arg(value_name = "COMMAND", value_parser = COMMANDS)]
    pub(crate) command: Option<String>,
}
