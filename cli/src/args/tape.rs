//! The flags of `ntk tape`.

use clap::{ArgGroup, Args};

use super::{Format, value};

/// `ntk tape`.
#[derive(Debug, Clone, Args)]
#[command(
    group(ArgGroup::new("what").required(true).args(["expression", "model"])),
    group(ArgGroup::new("how").args(["dot", "svg", "steps"])),
    after_help = "An expression has numbers, names, + - * / ^, parentheses, pi, e, and functions\n\
                  such as sin, exp, erf. Values may be expressions too: --at x=pi/4.\n\n\
                  Examples:\n  \
                  ntk tape 'x*sin(y)+exp(x)' --at x=1,y=2\n  \
                  ntk tape 'ln(x*y)' --at x=2,y=5 --direction y=1 --steps\n  \
                  ntk tape 'x^2/(1+y^2)' --at x=1,y=2 --svg > tape.svg\n  \
                  ntk tape --model mlp:4-8-1:tanh --samples 32"
)]
pub(crate) struct Tape {
    /// What is recorded: a function of named numbers
    #[arg(value_name = "EXPRESSION", allow_hyphen_values = true)]
    pub(crate) expression: Option<String>,

    /// Where: a value for each name, as x=1,y=2 [default: no names]
    #[arg(
        long,
        value_name = "X=V,..",
        allow_hyphen_values = true,
        conflicts_with = "model",
        help_heading = "Expression"
    )]
    pub(crate) at: Option<String>,

    /// Along which tangent, as x=1,y=0.5 [default: 1 for the first name, 0 for the others]
    #[arg(
        long,
        value_name = "X=V,..",
        allow_hyphen_values = true,
        conflicts_with = "model",
        help_heading = "Expression"
    )]
    pub(crate) direction: Option<String>,

    /// 0: values; 1: and derivatives; 2: and their derivatives
    #[arg(long, value_name = "K", default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=2),
          conflicts_with = "model", help_heading = "Expression")]
    pub(crate) order: u8,

    /// Record a network instead: a preset or TOML file [default: none]
    #[arg(long, value_name = "M", help_heading = "Network")]
    pub(crate) model: Option<String>,

    /// Samples that pass through the network
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value::count, allow_negative_numbers = true,
          conflicts_with = "expression", help_heading = "Network")]
    pub(crate) samples: usize,

    /// Play the sweeps, forward and backward, with the rule of each step
    #[arg(long, conflicts_with = "model", help_heading = "Output")]
    pub(crate) steps: bool,

    /// The graph, for Graphviz
    #[arg(long, help_heading = "Output")]
    pub(crate) dot: bool,

    /// The graph, as a drawing
    #[arg(long, help_heading = "Output")]
    pub(crate) svg: bool,

    /// text to read, or one JSON object
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Format::Text, conflicts_with = "how",
          help_heading = "Output")]
    pub(crate) format: Format,
}
