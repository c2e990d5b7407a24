//! `ntk import`: weights of another library, in this program's names and layouts.

use ntk::model::Architecture;
use ntk::params::import::{self, ConvOrder, DenseOrder, FlattenOrder, Imported, Layout, Placed};
use serde_json::json;

use super::results;
use crate::args::{Format, Import, import as typed};
use crate::failure::{Failure, Outcome};
use crate::render::quantity;
use crate::render::terminal::{self, Style};
use crate::store::folder::OutputFolder;

/// Runs the command.
pub(crate) fn run(arguments: &Import) -> Outcome {
    let model = Architecture::parse(&arguments.model)?;
    let imported = import::import(&arguments.weights, &model, &layout(arguments), arguments.order.as_deref())?;
    let folder = OutputFolder::create(arguments.out.clone(), "import")?;
    let Imported { params, model, placed, ignored } = imported;
    let digest = ntk::params::digest(&params.arrays);
    let written = folder.write("model.toml", model.to_toml().as_bytes())?;
    params.write_npz(&written.with_file_name("weights.npz"))?;
    let record = json!({
        "schema": 1,
        "command": "import",
        "command_line": results::command_line(),
        "version": env!("CARGO_PKG_VERSION"),
        "configuration": { "weights": arguments.weights.display().to_string(), "model": arguments.model },
        "parameters": params.count(),
        "parameters_sha256": digest,
        "placed": placed.iter().map(|p| json!({ "from": p.from, "found": p.found, "to": p.to, "shape": p.shape,
            "how": p.how })).collect::<Vec<_>>(),
        "ignored": ignored,
    });
    folder.write("result.json", format!("{record:#}\n").as_bytes())?;
    let place = folder.finish()?;
    if arguments.format == Format::Json {
        return terminal::print(&format!("{record:#}\n")).map_err(Failure::Output);
    }
    let style = Style::detect();
    let count = quantity::count(params.count() as u64);
    let mut text = format!("Imported {} for {}: {count} parameters\n\n", arguments.weights.display(), arguments.model);
    text.push_str(&table(&placed));
    for name in &ignored {
        text.push_str(&format!("  {name}: not needed\n"));
    }
    let place = place.display();
    text.push_str(&format!("\nUse them with --model {place}/model.toml --weights {place}/weights.npz\n"));
    let text: String = text.lines().map(|line| style.letters(line) + "\n").collect();
    terminal::print(&text).map_err(Failure::Output)
}

/// What is meant: the library's layout, and what was said beside it.
fn layout(arguments: &Import) -> Layout {
    let base = match arguments.layout {
        None => Layout::default(),
        Some(typed::Layout::Torch) => Layout::TORCH,
        Some(typed::Layout::Flax) => Layout::FLAX,
    };
    let dense = arguments.dense.map(|axes| match axes {
        typed::Dense::OutIn => DenseOrder::OutIn,
        typed::Dense::InOut => DenseOrder::InOut,
    });
    let conv = arguments.conv.map(|axes| match axes {
        typed::Conv::Oihw => ConvOrder::OutInWindow,
        typed::Conv::Hwio => ConvOrder::WindowInOut,
    });
    let flatten = arguments.flatten.map(|axes| match axes {
        typed::Flatten::Chw => FlattenOrder::ChannelsFirst,
        typed::Flatten::Hwc => FlattenOrder::ChannelsLast,
    });
    Layout { dense: dense.or(base.dense), conv: conv.or(base.conv), flatten: flatten.or(base.flatten) }
}

/// What went where, in aligned columns.
fn table(placed: &[Placed]) -> String {
    let rows: Vec<[String; 4]> = placed
        .iter()
        .map(|p| [p.from.clone(), format!("{:?}", p.found), format!("{} {:?}", p.to, p.shape), p.how.clone()])
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (from, found, to) = (width(0), width(1), width(2));
    rows.iter().map(|[a, b, c, how]| format!("  {a:from$}  {b:found$}  {c:to$}  {how}\n")).collect()
}
