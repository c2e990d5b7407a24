//! The samples that a command is about.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{DataDir, value};

/// A data set, or arrays.
#[derive(Debug, Clone, Args)]
pub(crate) struct Data {
    /// digits, fashion, mnist, cifar10, NAME:DIR, csv:F, npz:F, parity:k=3, .. (`ntk data`) [default: digits]
    #[arg(long, value_name = "D", help_heading = "Data")]
    pub(crate) data: Option<String>,

    /// The first N samples of a seeded, class-balanced order [default: all]
    #[arg(long, value_name = "N", value_parser = value::count,
          allow_negative_numbers = true, conflicts_with = "x1", help_heading = "Data")]
    pub(crate) n: Option<usize>,

    /// Only these classes; two give one output, labels -1 and +1 [default: all]
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = value::class,
          allow_negative_numbers = true, conflicts_with = "x1", help_heading = "Data")]
    pub(crate) classes: Vec<usize>,

    /// How inputs are scaled [default: standard]
    #[arg(long, value_name = "HOW", conflicts_with = "x1", help_heading = "Data")]
    pub(crate) normalize: Option<Normalize>,

    #[command(flatten)]
    pub(crate) folder: DataDir,

    /// Inputs, as they are (.npy)
    #[arg(long, value_name = "A.npy", conflicts_with = "data", requires = "model", help_heading = "Data")]
    pub(crate) x1: Option<PathBuf>,

    /// Labels or targets of the inputs
    #[arg(long, value_name = "Y.npy", requires = "x1", help_heading = "Data")]
    pub(crate) y: Option<PathBuf>,
}

impl Data {
    /// What the flags say against one another, if they do.
    pub(super) fn fault(&self) -> Option<String> {
        let mut sorted = self.classes.clone();
        sorted.sort_unstable();
        let twice = sorted.windows(2).find(|w| w[0] == w[1])?;
        Some(format!("'--classes' names {} twice; name every class once", twice[0]))
    }
}

/// A second set of samples, beside [`Data`]: columns of a kernel, or what is predicted.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SecondData {
    /// The next M samples too, as the second set [default: none]
    #[arg(long, value_name = "M", value_parser = value::count,
          allow_negative_numbers = true, conflicts_with = "x1", help_heading = "Data")]
    pub(crate) test: Option<usize>,

    /// Inputs of the second set [default: those of the first]
    #[arg(long, value_name = "B.npy", requires = "x1", help_heading = "Data")]
    pub(crate) x2: Option<PathBuf>,
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
