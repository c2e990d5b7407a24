//! What was typed: the flags of every sub-command, each checked for itself.
//!
//! Decided here: names, defaults, the form of a value, which flags exclude one another. Left to others: what the words mean
//! together with the data and the model.

mod bench;
mod converge;
mod data;
mod density;
mod describe_model;
pub(crate) mod experiment;
mod hvp;
pub(crate) mod import;
mod infinite;
mod kernel;
mod landscape;
mod list;
mod loss;
mod machine;
mod network;
mod output;
mod phase;
mod predict;
mod resume;
mod sharpness;
mod shell;
mod spectrum;
mod tape;
mod train;
mod value;

use std::ffi::OsString;

use clap::error::{ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};

pub(crate) use bench::{Axis, Bench, Sweep};
pub(crate) use converge::Converge;
pub(crate) use data::{Data, Normalize, SecondData};
pub(crate) use density::{Density, DensityMatrix};
pub(crate) use describe_model::DescribeModel;
pub(crate) use experiment::{Compare, ConfigArgs, ConfigVerb, DataDir, DataSets, Describe, ReportArgs, Resume, Run};
pub(crate) use hvp::{Hvp, Matrix};
pub(crate) use import::Import;
pub(crate) use infinite::{Get, Infinite};
pub(crate) use kernel::{Kernel, Method, Outputs};
pub(crate) use landscape::{Along, Landscape};
pub(crate) use list::List;
pub(crate) use loss::{Loss, LossKind};
pub(crate) use machine::Machine;
pub(crate) use network::{Dtype, Network};
pub(crate) use output::{Format, Output};
pub(crate) use phase::Phase;
pub(crate) use predict::{Of, Predict, PredictLoss};
pub(crate) use sharpness::Sharpness;
pub(crate) use shell::{Completions, Man};
pub(crate) use spectrum::SpectrumArgs;
pub(crate) use tape::Tape;
pub(crate) use train::{Optimizer, Train};
pub(crate) use value::{Bytes, Spectrum};

/// Neural Tangent Kernels without a Jacobian.
///
/// Without a command: `ntk kernel` on the embedded digits.
#[derive(Debug, Parser)]
#[command(
    name = "ntk",
    version,
    max_term_width = 80,
    subcommand_precedence_over_arg = true,
    disable_help_subcommand = true,
    after_help = "Example:\n  ntk kernel --model mlp:64-512x2-10:relu --data digits --n 500\n\n\
                  `ntk COMMAND --help` explains a command."
)]
pub(crate) struct Cli {
    /// What to do; `None` means `kernel` with its defaults.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The sub-commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The kernel of a network on data: matrix, spectrum, report
    Kernel(Box<Kernel>),
    /// Eigenvalues and summary of a stored kernel, or of a network's unstored
    Spectrum(Box<SpectrumArgs>),
    /// The kernel of the limit of infinite width
    Infinite(Box<Infinite>),
    /// Training in function space: what a kernel predicts
    Predict(Box<Predict>),
    /// From finite networks to the infinite one: distances over widths
    Converge(Box<Converge>),
    /// Order and chaos in deep networks: fixed points, depth scales, kernels
    Phase(Box<Phase>),
    /// The largest eigenvalues of the Hessian of a loss
    Sharpness(Box<Sharpness>),
    /// A Hessian, Gauss-Newton or Fisher matrix times vectors
    Hvp(Box<Hvp>),
    /// The spectral density of a Hessian, Gauss-Newton matrix or kernel
    Density(Box<Density>),
    /// The contractions beside the explicit Jacobian: time, memory, agreement
    Bench(Box<Bench>),
    /// Training with metrics, streamed to metrics.csv
    Train(Box<Train>),
    /// The loss along directions in the space of the parameters
    Landscape(Box<Landscape>),
    /// The network that a preset or file means, as TOML
    DescribeModel(DescribeModel),
    /// Weights of PyTorch and Flax models, in this program's layout
    Import(Import),
    /// The recording of an expression or a network: values, derivatives, memory
    Tape(Tape),
    /// What can be used: experiments, data sets and presets
    List(List),
    /// An experiment: question, source, protocol, settings
    Describe(Describe),
    /// The claims of a paper, measured
    Run(Box<Run>),
    /// An interrupted run, gone on with
    Resume(Box<Resume>),
    /// Verdicts and pictures of a run, from what it measured
    Report(ReportArgs),
    /// Two runs beside each other: settings and results
    Compare(Compare),
    /// Settings of an experiment, and where they came from
    Config(ConfigArgs),
    /// Data sets that are found, and where they are looked for
    Data(DataSets),
    /// A completion script for a shell
    Completions(Completions),
    /// The manual page
    Man(Man),
}

/// The names of the sub-commands that have a page.
pub(crate) const COMMANDS: [&str; 25] = [
    "kernel",
    "spectrum",
    "infinite",
    "predict",
    "converge",
    "phase",
    "sharpness",
    "hvp",
    "density",
    "bench",
    "train",
    "landscape",
    "describe-model",
    "import",
    "tape",
    "list",
    "describe",
    "run",
    "resume",
    "report",
    "compare",
    "config",
    "data",
    "completions",
    "man",
];

/// `ntk` without a command: the defaults of `kernel` are stated once, in its attributes.
#[derive(Debug, Parser)]
struct Alone {
    #[command(flatten)]
    kernel: Kernel,
}

impl Cli {
    /// The command that the arguments mean, the program's name first among them.
    ///
    /// # Errors
    /// What is wrong with the flags; `exit()` on it prints it and ends with code 2, or 0 where help was asked for.
    pub(crate) fn read<A>(arguments: impl IntoIterator<Item = A>) -> Result<Command, clap::Error>
    where
        A: Into<OsString> + Clone,
    {
        let Some(command) = Self::try_parse_from(arguments)?.command else {
            let kernel = Alone::try_parse_from(["ntk"])?.kernel;
            return Ok(Command::Kernel(Box::new(kernel)));
        };
        let fault = match &command {
            Command::Kernel(kernel) => kernel.fault().map(|fault| ("kernel", fault)),
            Command::Infinite(infinite) => infinite.fault().map(|fault| ("infinite", fault)),
            Command::Predict(predict) => predict.fault().map(|fault| ("predict", fault)),
            Command::Converge(converge) => converge.fault().map(|fault| ("converge", fault)),
            Command::Phase(phase) => phase.fault().map(|fault| ("phase", fault)),
            Command::Spectrum(spectrum) => spectrum.fault().map(|fault| ("spectrum", fault)),
            Command::Sharpness(sharpness) => sharpness.data.fault().map(|fault| ("sharpness", fault)),
            Command::Hvp(hvp) => hvp.data.fault().map(|fault| ("hvp", fault)),
            Command::Density(density) => density.data.fault().map(|fault| ("density", fault)),
            Command::Bench(bench) => bench.fault().map(|fault| ("bench", fault)),
            Command::Train(train) => train.fault().map(|fault| ("train", fault)),
            Command::Landscape(landscape) => landscape.fault().map(|fault| ("landscape", fault)),
            _ => None,
        };
        match fault {
            None => Ok(command),
            Some((name, fault)) => {
                let mut cli = Self::command();
                cli.build();
                let command = cli.find_subcommand_mut(name);
                let mut command = command.map_or_else(Self::command, |c| c.clone());
                Err(command.error(ErrorKind::ArgumentConflict, fault))
            }
        }
    }

    /// Whether `kernel` knows an argument that was found where no command was named.
    pub(crate) fn kernel_has(argument: Option<&ContextValue>) -> bool {
        let Some(ContextValue::String(typed)) = argument else { return false };
        let name = typed.trim_start_matches('-').split('=').next();
        let command = Self::command();
        command
            .find_subcommand("kernel")
            .is_some_and(|kernel| kernel.get_arguments().any(|known| known.get_long() == name))
    }

    /// Whether `--format json` was typed: errors are then an object too, even those of other flags.
    pub(crate) fn wants_json(arguments: &[OsString]) -> bool {
        let after = arguments.iter().skip(1);
        let flag = arguments.iter().zip(after).any(|(a, b)| a == "--format" && b == "json");
        flag || arguments.iter().any(|a| a == "--format=json")
    }
}

#[cfg(test)]
mod tests;
