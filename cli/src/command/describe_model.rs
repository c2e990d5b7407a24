//! `ntk describe-model`: the network that a preset or a file means.

use ntk::model::Architecture;
use serde_json::json;

use crate::args::{DescribeModel, Format};
use crate::failure::{Failure, Outcome};
use crate::render::terminal;

/// Prints the model.
pub(crate) fn run(arguments: &DescribeModel) -> Outcome {
    let model = Architecture::parse(&arguments.model)?;
    let toml = model.to_toml();
    let text = match arguments.format {
        Format::Text => toml,
        Format::Json => {
            let parameters: Vec<_> =
                model.parameters()?.into_iter().map(|(name, shape)| json!({ "name": name, "shape": shape })).collect();
            let all = json!({ "input": model.input, "output": model.output()?, "parameters": parameters,
                "parameter_count": model.count()?, "toml": toml });
            format!("{all:#}\n")
        }
    };
    terminal::print(&text).map_err(Failure::Output)
}
