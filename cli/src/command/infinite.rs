//! `ntk infinite`: the kernel of the limit of infinite width.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use autodiff::Float;
use ntk::array::Array;
use ntk::contraction::{Observer, Outputs};
use ntk::data::{Element, npy};
use ntk::infinite::{self, Get, Kernels};
use ntk::spectral::{Spectrum, Summary};
use serde_json::{Map, json};

use super::inputs::{Inputs, Limits, Typed};
use super::kernel::outcome;
use super::results;
use super::tale::Tale;
use crate::args;
use crate::failure::Outcome;
use crate::machine;
use crate::render::progress::Progress;
use crate::render::quantity;
use crate::render::report::Note;
use crate::render::summary::Row;
use crate::signals::Signals;
use crate::store::folder::OutputFolder;

/// Runs the command.
pub(crate) fn run(arguments: &args::Infinite) -> Outcome {
    let args::Infinite { network, data, machine, output, .. } = arguments;
    let typed = Typed { network, data, second: &arguments.second, machine, format: output.format };
    typed.run(arguments, [run_as::<f32>, run_as::<f64>])
}

/// The kernels of the limit, with a bar.
pub(super) fn compute<R: Float>(
    inputs: &Inputs,
    (x1, x2): (&Array<R>, Option<&Array<R>>),
    get: Get,
    memory: u64,
    signals: &Signals,
) -> Result<Kernels<R>, ntk::Error> {
    // The bar counts in thousandths of the work, so that fractions of a unit are not lost to rounding.
    const UNITS: f64 = 1000.0;
    let total = infinite::work(x1.rows(), x2.map(Array::rows));
    let progress = Progress::new(UNITS as u64, "infinite kernel");
    let state = Mutex::new((0.0_f64, 0_u64));
    let advance = |pairs: f64| {
        let Ok(mut state) = state.lock() else { return };
        state.0 += pairs;
        let units = (state.0 / total * UNITS).min(UNITS) as u64;
        progress.advance(units.saturating_sub(state.1));
        state.1 = units.max(state.1);
    };
    let observer = Observer { progress: &advance, stop: signals.stop() };
    let computed = infinite::kernel(&inputs.model, x1, x2, get, memory, &observer);
    progress.finish();
    match computed {
        Err(ntk::Error::Interrupted { .. }) => Err(signals.interrupted()),
        other => other,
    }
}

fn run_as<R: Float + Element>(
    arguments: &args::Infinite,
    inputs: &mut Inputs,
    limits: Limits,
    signals: &Signals,
) -> Outcome {
    let get = match arguments.get {
        args::Get::Ntk => Get::Ntk,
        args::Get::Nngp => Get::Nngp,
    };
    let asked = match inputs.m {
        None => results::asked(arguments.spectrum, inputs.n)?,
        Some(_) => Spectrum::None,
    };
    // What the description refuses is refused before a folder is made.
    infinite::check(&inputs.model)?;
    signals.hold(OutputFolder::create(arguments.output.out.clone(), "infinite")?);
    let (x1, x2) = (inputs.rows_as::<R>()?, inputs.columns_as::<R>()?);
    let mut runs = Vec::new();
    let mut found = None;
    for _ in 0..arguments.repeat {
        drop(found.take());
        let start = Instant::now();
        found = Some(compute(inputs, (&x1, x2.as_ref()), get, limits.memory, signals)?);
        runs.push(start.elapsed());
    }
    let found = found.ok_or_else(|| ntk::Error::Bug("no kernel was computed".into()))?;
    drop((x1, x2));
    signals.check()?;
    let kernel = if get == Get::Nngp { found.nngp } else { found.ntk };
    let kernel = kernel.ok_or_else(|| ntk::Error::Bug("the kernel asked for is missing".into()))?;
    let start = Instant::now();
    let summary = match asked {
        Spectrum::None => None,
        asked => Some(Summary::of(&kernel, inputs.targets(), asked)?),
    };
    let solved = start.elapsed();
    let folder = signals.release()?;
    let start = Instant::now();
    folder.write_with("kernel.npy", |mut to| npy::write_npy_to(&mut to, &kernel.shape, &kernel.data))?;
    if let Some(summary) = &summary {
        results::write_eigenvalues(&summary.eigenvalues, &folder)?;
    }
    let written = start.elapsed();
    let mut plots = Vec::new();
    if !arguments.output.no_report {
        let title = "Eigenvalues of the infinite kernel";
        plots.extend(summary.as_ref().map(|s| results::spectrum_plot(s, title, &folder)).transpose()?.flatten());
        plots.extend(outcome::heatmap(inputs, Outputs::Trace, &(&kernel).into(), &folder)?);
    }
    let median = median(&runs);
    let mut rows = vec![Row::new(
        "kernel",
        outcome::shape_text(&kernel.shape),
        format!("{} of infinite width, {}", get.name(), inputs.dtype.name()),
    )];
    rows.extend(summary.as_ref().map(results::rows).unwrap_or_default());
    if found.series_error > 0.0 {
        let remark = "of the derivative's dual, at any layer";
        rows.push(Row::new("series error", quantity::number(found.series_error), remark));
    }
    rows.push(Row::new("time", quantity::seconds(median.as_secs_f64()), limits.threads_text()));
    if let Some(peak) = machine::peak_memory() {
        rows.push(Row::new("peak memory", quantity::bytes(peak), ""));
    }
    let size = inputs.m.map_or(format!("n = {}", quantity::count(inputs.n as u64)), |m| {
        format!("{} × {}", quantity::count(inputs.n as u64), quantity::count(m as u64))
    });
    let mut configuration = inputs.record();
    let own = [("get", get.name().to_owned()), ("threads", limits.threads.to_string())];
    configuration.extend(own.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    let configured = inputs.configuration().into_iter().chain(own.map(|(name, value)| (name.to_owned(), value)));
    let seconds: Vec<f64> = runs.iter().map(Duration::as_secs_f64).collect();
    Tale {
        command: "infinite",
        heading: format!("{} of infinite width", if get == Get::Nngp { "NNGP" } else { "NTK" }),
        title: format!("Infinite {} of {} on {}, {size}", get.name(), inputs.model_name, inputs.data.name),
        rows,
        results: Map::from_iter([
            ("kernel".to_owned(), json!({ "file": "kernel.npy", "shape": kernel.shape, "runs_seconds": seconds })),
            ("series_error".to_owned(), json!(found.series_error)),
            ("spectrum".to_owned(), json!(summary.as_ref().map(results::json))),
            ("digests".to_owned(), json!({ "data_sha256": inputs.data.digest })),
        ]),
        spectrum: summary.map(|summary| summary.eigenvalues).unwrap_or_default(),
        configuration,
        configured: configured.collect(),
        table: None,
        plots,
        seconds: vec![
            ("load", inputs.loaded.as_secs_f64()),
            ("kernel", median.as_secs_f64()),
            ("spectrum", solved.as_secs_f64()),
            ("write", written.as_secs_f64()),
        ],
        notes: vec![Note::ConditionNumber, Note::EffectiveRank, Note::Alignment, Note::RoundingFloor, Note::Memory],
        remarks: inputs.remarks().cloned().collect(),
    }
    .end(folder, &arguments.output)
}

fn median(runs: &[Duration]) -> Duration {
    let mut sorted = runs.to_vec();
    sorted.sort();
    sorted.get(runs.len() / 2).copied().unwrap_or_default()
}
