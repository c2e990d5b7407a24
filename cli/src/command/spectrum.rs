//! `ntk spectrum`: eigenvalues and summary of a stored kernel.

use std::time::Instant;

use ntk::array::Array;
use ntk::data::read_npy;
use ntk::spectral::{StoredKernel, Summary};
use serde_json::json;

use super::results;
use crate::args::{Format, SpectrumArgs};
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::render::quantity;
use crate::render::report::{Note, Phase, Report};
use crate::render::summary::{self, Row};
use crate::render::terminal::{self, Style};
use crate::signals::Signals;
use crate::store::folder::OutputFolder;

/// Runs the command.
pub(crate) fn run(arguments: &SpectrumArgs) -> Outcome {
    let signals = Signals::listen(arguments.output.format == Format::Json);
    let mut notes = Vec::new();
    let threads = machine::threads(arguments.threads.threads, &mut notes);
    notes.iter().for_each(|note| eprintln!("note: {note}"));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    match pool {
        Ok(pool) => pool.install(|| spectrum(arguments, &signals)),
        Err(error) => Err(ntk::Error::usage(format!("{threads} threads: {error}"), "lower --threads").into()),
    }
}

fn spectrum(arguments: &SpectrumArgs, signals: &Signals) -> Outcome {
    let start = Instant::now();
    let kernel: Array<f64> = read_npy(&arguments.kernel)?;
    let rows = StoredKernel::new(&kernel)?.rows();
    let read = start.elapsed();
    let asked = results::asked(arguments.spectrum, rows)?;
    signals.check()?;
    signals.hold(OutputFolder::create(arguments.output.out.clone(), "spectrum")?);
    let start = Instant::now();
    let summary = Summary::of(&kernel, None, asked)?;
    let solved = start.elapsed();
    let folder = signals.release()?;
    results::write_eigenvalues(&summary.eigenvalues, &folder)?;
    let shape = kernel.shape.iter().map(|&size| quantity::count(size as u64)).collect::<Vec<_>>().join(" × ");
    let name = arguments.kernel.display().to_string();
    let mut lines = vec![Row::new("kernel", shape, "")];
    lines.extend(results::rows(&summary));
    lines.push(Row::new("time", quantity::seconds(solved.as_secs_f64()), ""));
    if let Some(peak) = machine::peak_memory() {
        lines.push(Row::new("peak memory", quantity::bytes(peak), ""));
    }
    if !arguments.output.no_report {
        let plot = results::spectrum_plot(&summary, "Eigenvalues of the kernel", &folder)?;
        let report = Report {
            title: "Spectrum of a kernel".into(),
            subtitle: name.clone(),
            summary: lines.clone(),
            plots: plot.into_iter().collect(),
            configuration: vec![("kernel".into(), name.clone())],
            phases: vec![
                Phase { name: "read the kernel".into(), seconds: read.as_secs_f64(), gflop: None },
                Phase { name: "eigenvalues".into(), seconds: solved.as_secs_f64(), gflop: None },
            ],
            command: results::command_line(),
            notes: vec![Note::ConditionNumber, Note::EffectiveRank, Note::RoundingFloor],
            origin: format!("ntk {} on {}", env!("CARGO_PKG_VERSION"), machine::processor()),
            ..Report::default()
        };
        folder.write("report.html", report.html()?.as_bytes())?;
    }
    let record = json!({
        "schema": 1,
        "command": "spectrum",
        "command_line": results::command_line(),
        "version": env!("CARGO_PKG_VERSION"),
        "processor": machine::processor(),
        "configuration": { "kernel": name, "shape": kernel.shape },
        "spectrum": results::json(&summary),
        "seconds": { "load": read.as_secs_f64(), "spectrum": solved.as_secs_f64() },
        "memory": { "peak_bytes": machine::peak_memory() },
    });
    folder.write("result.json", format!("{record:#}\n").as_bytes())?;
    let place = folder.finish()?;
    let text = match arguments.output.format {
        Format::Json => format!("{record:#}\n"),
        Format::Text => summary::Summary {
            title: format!("Spectrum of {name}"),
            rows: lines,
            spectrum: summary.eigenvalues,
            folder: place.display().to_string(),
            ..summary::Summary::default()
        }
        .render(&Style::detect()),
    };
    terminal::print(&text).map_err(Failure::Output)
}
