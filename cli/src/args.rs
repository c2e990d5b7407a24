//! What was typed: the flags of every sub-command, each checked for itself.
//!
//! Decided here: names, defaults, the form of a value, which flags exclude one another. Left to others: what the words mean
//! together with the data and the model.

mod value;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

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
    /// Eigenvalues and summary of a stored kernel
    Spectrum(SpectrumArgs),
    /// The network that a preset or file means, as TOML
    DescribeModel(DescribeModel),
    /// What can be used: data sets and presets
    List(List),
    /// A completion script for a shell
    Completions(Completions),
    /// The manual page
    Man(Man),
}

/// `ntk kernel`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
                  ntk kernel --data digits --n 500 --outputs full --dtype f32\n  \
                  ntk kernel --model net.toml --weights w.npz --x1 a.npy --x2 b.npy --out k\n  \
                  ntk kernel --model mlp:784-1024x3-10:relu --data mnist:DIR --dry-run")]
pub(crate) struct Kernel {
    /// Preset or TOML file [default: mlp:IN-512x2-OUT:relu, sized to the data]
    #[arg(long, value_name = "M", help_heading = "Network")]
    pub(crate) model: Option<String>,

    /// Parameters W0, b0, ... (.npz, .safetensors) [default: drawn from the seed]
    #[arg(long, value_name = "FILE", requires = "model", help_heading = "Network")]
    pub(crate) weights: Option<PathBuf>,

    /// Seed of the parameters and of the order of the samples
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = value::seed,
          allow_negative_numbers = true, help_heading = "Network")]
    pub(crate) seed: u64,

    /// Average over K networks, of seeds S, S+1, ...
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = value::count,
          allow_negative_numbers = true, conflicts_with = "weights", help_heading = "Network")]
    pub(crate) seeds: usize,

    /// digits, fashion, mnist:DIR, fashion:DIR, cifar10:DIR, csv:F, npz:F [default: digits]
    #[arg(long, value_name = "D", help_heading = "Data")]
    pub(crate) data: Option<String>,

    /// The first N samples of a seeded, class-balanced order [default: all]
    #[arg(long, value_name = "N", value_parser = value::count,
          allow_negative_numbers = true, conflicts_with = "x1", help_heading = "Data")]
    pub(crate) n: Option<usize>,

    /// The next M samples too, as the kernel's columns [default: none]
    #[arg(long, value_name = "M", value_parser = value::count,
          allow_negative_numbers = true, conflicts_with = "x1", help_heading = "Data")]
    pub(crate) test: Option<usize>,

    /// Only these classes; two give one output, labels -1 and +1 [default: all]
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = value::class,
          allow_negative_numbers = true, conflicts_with = "x1", help_heading = "Data")]
    pub(crate) classes: Vec<usize>,

    /// How inputs are scaled [default: standard]
    #[arg(long, value_name = "HOW", conflicts_with = "x1", help_heading = "Data")]
    pub(crate) normalize: Option<Normalize>,

    /// Inputs of the rows, as they are (.npy)
    #[arg(long, value_name = "A.npy", conflicts_with = "data", requires = "model", help_heading = "Data")]
    pub(crate) x1: Option<PathBuf>,

    /// Inputs of the columns [default: those of the rows]
    #[arg(long, value_name = "B.npy", requires = "x1", help_heading = "Data")]
    pub(crate) x2: Option<PathBuf>,

    /// Labels or targets of the rows, for the alignment
    #[arg(long, value_name = "Y.npy", requires = "x1", help_heading = "Data")]
    pub(crate) y: Option<PathBuf>,

    /// What is kept of the outputs' kernels
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Outputs::Trace,
          help_heading = "Kernel")]
    pub(crate) outputs: Outputs,

    /// How the kernel is contracted
    #[arg(long, value_enum, value_name = "HOW", default_value_t = Method::Auto,
          help_heading = "Kernel")]
    pub(crate) method: Method,

    /// The numbers of the computation
    #[arg(long, value_enum, value_name = "T", default_value_t = Dtype::F64,
          help_heading = "Kernel")]
    pub(crate) dtype: Dtype,

    /// full, top:K or none [default: full up to 4000 rows, then top:16]
    #[arg(long, value_name = "WHICH", value_parser = value::spectrum, help_heading = "Kernel")]
    pub(crate) spectrum: Option<Spectrum>,

    /// Memory that everything may take together; it cannot change a bit of the result
    #[arg(long, value_name = "SIZE", default_value_t = Bytes(2 << 30),
          value_parser = value::bytes, help_heading = "Machine")]
    pub(crate) memory: Bytes,

    #[command(flatten)]
    pub(crate) threads: Threads,

    /// Compute R times and report each time
    #[arg(long, value_name = "R", conflicts_with = "dry_run", default_value_t = 1, value_parser = value::count,
          allow_negative_numbers = true, help_heading = "Machine")]
    pub(crate) repeat: usize,

    /// Only say what it would cost: operations, memory, time
    #[arg(long, help_heading = "Machine")]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// `ntk spectrum`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  ntk spectrum runs/kernel-1/kernel.npy --spectrum top:50")]
pub(crate) struct SpectrumArgs {
    /// A symmetric kernel: [n, n], [n, n, o] or [n, n, o, o] (.npy)
    #[arg(value_name = "K.npy")]
    pub(crate) kernel: PathBuf,

    /// full, top:K or none [default: full up to 4000 rows, then top:16]
    #[arg(long, value_name = "WHICH", value_parser = value::spectrum)]
    pub(crate) spectrum: Option<Spectrum>,

    #[command(flatten)]
    pub(crate) threads: Threads,

    #[command(flatten)]
    pub(crate) output: Output,
}

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

/// `ntk list`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  ntk list --format json")]
pub(crate) struct List {
    /// How it is printed
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Format::Text)]
    pub(crate) format: Format,
}

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

/// The names of the sub-commands that have a page.
pub(crate) const COMMANDS: [&str; 6] = ["kernel", "spectrum", "describe-model", "list", "completions", "man"];

/// How many threads compute.
#[derive(Debug, Clone, Args)]
pub(crate) struct Threads {
    /// Threads; the result is the same for all [default: one per core]
    #[arg(long, value_name = "T", value_parser = value::count, allow_negative_numbers = true,
          help_heading = "Machine")]
    pub(crate) threads: Option<usize>,
}

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

/// What is kept of the kernels of all pairs of outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Outputs {
    /// Every pair of outputs: [n, m, o, o]
    Full,
    /// Their mean over equal outputs: [n, m]
    Trace,
    /// Their sum over equal outputs: [n, m]
    SumTrace,
    /// Equal outputs one by one: [n, m, o]
    Diagonal,
    /// The kernel of the sum of the outputs: [n, m]
    SumOfLogits,
}

/// How a kernel is contracted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Method {
    /// The cheapest by count
    Auto,
    /// By the factors of each layer, in tiles
    Structured,
    /// A pullback and a pushforward per column
    Products,
    /// By the explicit Jacobian: the reference
    Jacobian,
}

/// The numbers of a computation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dtype {
    /// Double precision
    F64,
    /// Single precision
    F32,
}

/// How inputs are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Normalize {
    /// As they are
    None,
    /// Divided by the largest magnitude of the training part
    Unit,
    /// By one mean and one deviation of the training part
    Standard,
    /// Every sample divided by its norm
    Rows,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For reading
    Text,
    /// For programs
    Json,
}

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
            Command::Spectrum(spectrum) => spectrum.fault().map(|fault| ("spectrum", fault)),
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

impl Kernel {
    /// What the flags say against one another, if they do.
    fn fault(&self) -> Option<String> {
        let columns = [("--x2", self.x2.is_some()), ("--test", self.test.is_some())];
        let columns = columns.into_iter().find(|c| c.1);
        if let (Some((columns, _)), Some(Spectrum::Full | Spectrum::Top(_))) = (columns, self.spectrum) {
            return Some(format!(
                "'--spectrum' cannot be used with '{columns}': a kernel of two different sets has no \
                 eigenvalues; write --spectrum none, or leave one of them out"
            ));
        }
        // The last seed is S + K - 1.
        if self.seed.checked_add(self.seeds as u64 - 1).is_none() {
            return Some(format!(
                "'--seeds {}' goes past the largest seed from '--seed {}'; lower one of them",
                self.seeds, self.seed
            ));
        }
        let mut sorted = self.classes.clone();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|w| w[0] == w[1]) {
            return Some(format!("'--classes' names {} twice; name every class once", twice[0]));
        }
        None
    }
}

impl SpectrumArgs {
    fn fault(&self) -> Option<String> {
        (self.spectrum == Some(Spectrum::None))
            .then(|| "'--spectrum none' leaves 'ntk spectrum' nothing to do; write full or top:K".to_owned())
    }
}

#[cfg(test)]
mod tests;
