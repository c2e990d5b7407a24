//! The flags of `ntk import`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Format;

/// `ntk import`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  \
                        ntk import torch.safetensors --model cnn:28x28x1-16x2-10:relu:flatten,param=standard --layout torch")]
pub(crate) struct Import {
    /// Weights of another library (.safetensors)
    #[arg(value_name = "FILE")]
    pub(crate) weights: PathBuf,

    /// Preset or TOML file that the weights are for
    #[arg(long, value_name = "M")]
    pub(crate) model: String,

    /// How the file is laid out: torch is --dense out-in --conv oihw --flatten chw, flax is --dense in-out --conv hwio
    /// --flatten hwc [default: read off the shapes, refused where they leave a choice]
    #[arg(long, value_enum, value_name = "LIBRARY")]
    pub(crate) layout: Option<Layout>,

    /// Axes of dense weights [default: as --layout says]
    #[arg(long, value_enum, value_name = "AXES")]
    pub(crate) dense: Option<Dense>,

    /// Axes of convolutions [default: as --layout says]
    #[arg(long, value_enum, value_name = "AXES")]
    pub(crate) conv: Option<Conv>,

    /// Order of an image's entries where it was flattened [default: as --layout says]
    #[arg(long, value_enum, value_name = "AXES")]
    pub(crate) flatten: Option<Flatten>,

    /// The layers of the file in forward order, such as conv1,conv2,fc [default: by name and shape]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) order: Option<Vec<String>>,

    /// Folder of the results, new or empty [default: runs/import-NUMBER]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,

    /// text to read, or one JSON object on the standard output
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Format::Text, help_heading = "Output")]
    pub(crate) format: Format,
}

/// A library whose layout is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Layout {
    /// PyTorch
    Torch,
    /// Flax
    Flax,
}

/// Axes of dense weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dense {
    /// [out, in]
    OutIn,
    /// [in, out]
    InOut,
}

/// Axes of convolutions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Conv {
    /// [out, in, kh, kw]
    Oihw,
    /// [kh, kw, in, out]
    Hwio,
}

/// Order of a flattened image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Flatten {
    /// [channels, height, width]
    Chw,
    /// [height, width, channels]
    Hwc,
}
