//! `ntk converge`: from finite networks to the infinite one.

use std::sync::Mutex;
use std::time::Instant;

use autodiff::Float;
use ntk::array::Array;
use ntk::contraction::Observer;
use ntk::data::Element;
use ntk::infinite::{self, Convergence};
use serde_json::{Map, json};

use super::inputs::{Inputs, Limits, Typed};
use super::results;
use super::tale::Tale;
use crate::args::{self, SecondData};
use crate::failure::Outcome;
use crate::render::plot::Law;
use crate::render::progress::Progress;
use crate::render::quantity;
use crate::render::report::Note;
use crate::render::summary::Row;
use crate::signals::Signals;
use crate::store::folder::OutputFolder;

/// Runs the command.
pub(crate) fn run(arguments: &args::Converge) -> Outcome {
    let args::Converge { network, data, machine, output, .. } = arguments;
    let typed = Typed { network, data, second: &SecondData::default(), machine, format: output.format };
    typed.run(arguments, [run_as::<f32>, run_as::<f64>])
}

fn run_as<R: Float + Element>(
    arguments: &args::Converge,
    inputs: &mut Inputs,
    limits: Limits,
    signals: &Signals,
) -> Outcome {
    infinite::check(&inputs.model)?;
    signals.hold(OutputFolder::create(arguments.output.out.clone(), "converge")?);
    let x: Array<R> = inputs.rows_as()?;
    let start = Instant::now();
    let found = compute(arguments, inputs, &x, limits.memory, signals)?;
    let took = start.elapsed().as_secs_f64();
    let folder = signals.release()?;
    let mut table = String::from("width,seed,distance\n");
    for point in &found.points {
        for (k, distance) in point.distances.iter().enumerate() {
            table.push_str(&format!("{},{},{distance:e}\n", point.width, arguments.network.seed + k as u64));
        }
    }
    folder.write("converge.csv", table.as_bytes())?;
    let error = found.slope_error.map_or(String::new(), |e| format!(" ± {}", quantity::number(e)));
    let mut rows = vec![Row::new(
        "slope",
        format!("{}{error}", quantity::number(found.slope)),
        "of log distance by log width; −1/2 in theory",
    )];
    for point in &found.points {
        rows.push(Row::new(
            format!("width {}", quantity::count(point.width as u64)),
            format!("{} ± {}", quantity::number(point.mean()), quantity::number(point.error())),
            "relative Frobenius distance, mean and its error",
        ));
    }
    rows.push(Row::new("time", quantity::seconds(took), limits.threads_text()));
    let points: Vec<_> = found
        .points
        .iter()
        .map(|p| json!({ "width": p.width, "mean": p.mean(), "standard_error": p.error(), "distances": p.distances }))
        .collect();
    let mut plots = Vec::new();
    if !arguments.output.no_report {
        let drawn: Vec<[f64; 3]> = found.points.iter().map(|p| [p.width as f64, p.mean(), p.error()]).collect();
        let law = Law {
            title: "Distance to the infinite kernel",
            subtitle: &format!("slope {}{error}, {} seeds a width", quantity::number(found.slope), arguments.seeds),
            axes: ["width", "relative Frobenius distance"],
            points: &drawn,
            exponent: found.slope,
        };
        let caption = "Mean over seeds with its standard error, and the fitted power law.";
        plots.push(results::illustration(&folder, "converge", &law, caption)?);
    }
    let mut configuration = inputs.record();
    configuration.insert("widths".to_owned(), json!(arguments.widths));
    configuration.insert("seeds".to_owned(), json!(arguments.seeds));
    let configured =
        [("seeds".to_owned(), arguments.seeds.to_string()), ("widths".to_owned(), format!("{:?}", arguments.widths))];
    Tale {
        command: "converge",
        heading: "Finite networks and their limit".to_owned(),
        title: format!("Convergence of {} on {}", inputs.model_name, inputs.data.name),
        rows,
        results: Map::from_iter([
            ("slope".to_owned(), json!(found.slope)),
            ("slope_standard_error".to_owned(), json!(found.slope_error)),
            ("points".to_owned(), json!(points)),
            ("digests".to_owned(), json!({ "data_sha256": inputs.data.digest })),
        ]),
        configuration,
        configured: inputs.configuration().into_iter().chain(configured).collect(),
        plots,
        seconds: vec![("load", inputs.loaded.as_secs_f64()), ("kernels", took)],
        notes: vec![Note::Memory],
        remarks: inputs.remarks().cloned().collect(),
        ..Tale::default()
    }
    .end(folder, &arguments.output)
}

fn compute<R: Float>(
    arguments: &args::Converge,
    inputs: &Inputs,
    x: &Array<R>,
    memory: u64,
    signals: &Signals,
) -> Result<Convergence, ntk::Error> {
    // A network costs as its width squared; the bar counts the width, whose sum is known.
    let total = arguments.widths.iter().sum::<usize>() * arguments.seeds;
    let progress = Progress::new(total as u64, "networks");
    let lock = Mutex::new(());
    let advance = |width: f64| {
        let _guard = lock.lock();
        progress.advance(width as u64);
    };
    let observer = Observer { progress: &advance, stop: signals.stop() };
    let seed = arguments.network.seed;
    let seeds = seed..seed + arguments.seeds as u64;
    let found = infinite::converge(&inputs.model, x, &arguments.widths, seeds, memory, &observer);
    progress.finish();
    match found {
        Err(ntk::Error::Interrupted { .. }) => Err(signals.interrupted()),
        other => other,
    }
}
