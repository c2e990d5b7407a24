//! Flags of the commands about experiments.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ntk::experiment::{Request, Scale};

use super::{Format, Machine, Output, value};

/// Which settings a run has.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Choice {
    /// A minute's worth; its verdicts are indicative
    #[arg(long, conflicts_with = "full", help_heading = "Settings")]
    pub(crate) quick: bool,

    /// The paper's own sizes, for a machine with many cores
    #[arg(long, help_heading = "Settings")]
    pub(crate) full: bool,

    /// A file of settings, such as a run's config.toml [default: none]
    #[arg(long, value_name = "F.toml", help_heading = "Settings")]
    pub(crate) config: Option<PathBuf>,

    /// One setting; the last word after defaults, scale, file [default: none]
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Settings")]
    pub(crate) set: Vec<String>,

    /// The seeds 0 to N - 1 [default: the experiment's]
    #[arg(long, value_name = "N", value_parser = value::count, allow_negative_numbers = true,
          help_heading = "Settings")]
    pub(crate) seeds: Option<usize>,
}

impl Choice {
    /// What is asked for.
    pub(crate) fn request(&self) -> Request<'_> {
        let scale = match (self.quick, self.full) {
            (true, _) => Some((Scale::Quick, "--quick")),
            (_, true) => Some((Scale::Full, "--full")),
            _ => None,
        };
        Request { scale, file: self.config.as_deref(), set: &self.set, seeds: self.seeds }
    }
}

/// Where data sets are.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct DataDir {
    /// Folder where mnist, fashion and cifar10 are found by name [default: NTK_DATA]
    #[arg(long, value_name = "DIR", hide_short_help = true, help_heading = "Data")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// `ntk run`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  ntk run finite-corrections --quick\n\n\
                        Exit code 1 if a claim that counts failed, at desk and full scale; 0 at --quick.")]
pub(crate) struct Run {
    /// The experiment; `ntk list` has them
    #[arg(value_name = "NAME", required_unless_present = "resume")]
    pub(crate) name: Option<String>,

    #[command(flatten)]
    pub(crate) choice: Choice,

    /// Go on with an interrupted run [default: a new one]
    #[arg(long, value_name = "DIR", conflicts_with = "dry_run", help_heading = "Output")]
    pub(crate) resume: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) fork: Fork,

    /// State tasks, time and settings, and stop
    #[arg(long, help_heading = "Output")]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) data: DataDir,

    #[command(flatten)]
    pub(crate) machine: Machine,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// What becomes of a run whose settings have changed.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Fork {
    /// Begin a new folder with other settings, with the tasks that both share
    #[arg(long, help_heading = "Output")]
    pub(crate) fork: bool,
}

/// `ntk resume`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  ntk resume runs/finite-corrections-1")]
pub(crate) struct Resume {
    /// The folder of a run
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,

    #[command(flatten)]
    pub(crate) choice: Choice,

    #[command(flatten)]
    pub(crate) fork: Fork,

    #[command(flatten)]
    pub(crate) data: DataDir,

    #[command(flatten)]
    pub(crate) machine: Machine,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// `ntk report`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  ntk report runs/finite-corrections-1")]
pub(crate) struct ReportArgs {
    /// The folder of a run
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,

    /// text to read, or one JSON object on the standard output
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// `ntk compare`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  ntk compare a b --tolerance 1e-9\n\n\
                  Exit code 1 if results differ by more than the tolerance, or one has what the other has not.\n\
                        Settings that differ are shown and fail nothing.")]
pub(crate) struct Compare {
    /// The folder of a run
    #[arg(value_name = "A")]
    pub(crate) first: PathBuf,

    /// The folder of another
    #[arg(value_name = "B")]
    pub(crate) second: PathBuf,

    /// Relative difference of a number that passes; 0 asks for the same bits
    #[arg(long, value_name = "T", value_parser = value::not_negative, allow_negative_numbers = true,
          default_value_t = 0.0)]
    pub(crate) tolerance: f64,

    /// text to read, or one JSON object on the standard output
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// `ntk describe`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  ntk describe finite-corrections")]
pub(crate) struct Describe {
    /// The experiment; `ntk list` has them
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    /// text to read, or one JSON object on the standard output
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// `ntk config`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  ntk config show finite-corrections --quick")]
pub(crate) struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: ConfigVerb,
}

/// What can be done with settings.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Each setting of an experiment, and where its value came from
    Show(ConfigShow),
}

/// `ntk config show`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  ntk config show finite-corrections --quick")]
pub(crate) struct ConfigShow {
    /// The experiment; `ntk list` has them
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    #[command(flatten)]
    pub(crate) choice: Choice,

    /// text to read, or one JSON object on the standard output
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// `ntk data`
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  ntk data --data-dir DIR")]
pub(crate) struct DataSets {
    #[command(flatten)]
    pub(crate) data: DataDir,

    /// text to read, or one JSON object on the standard output
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Format::Text)]
    pub(crate) format: Format,
}
