//! What a command may take of the machine.

use clap::Args;

use super::{Bytes, value};

/// Memory and threads.
#[derive(Debug, Clone, Args)]
pub(crate) struct Machine {
    /// Memory that everything may take together; it cannot change a bit of the result
    #[arg(long, value_name = "SIZE", default_value_t = Bytes(2 << 30),
          value_parser = value::bytes, help_heading = "Machine")]
    pub(crate) memory: Bytes,

    #[command(flatten)]
    pub(crate) threads: Threads,
}

/// How many threads compute.
#[derive(Debug, Clone, Args)]
pub(crate) struct Threads {
    /// Threads; the result is the same for all [default: one per core]
    #[arg(long, value_name = "T", value_parser = value::count, allow_negative_numbers = true,
          help_heading = "Machine")]
    pub(crate) threads: Option<usize>,
}
