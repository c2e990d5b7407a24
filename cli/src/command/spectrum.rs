//! `ntk spectrum`: eigenvalues and summary of a stored kernel; of a network's, [`sketch`] has them.

use std::path::Path;
use std::time::Instant;

use ntk::array::Array;
use ntk::contraction::memory::PROGRAM;
use ntk::data::npy::peek_npy;
use ntk::data::rows::CHUNK;
use ntk::data::{NpyRows, read_npy};
use ntk::spectral::{Spectrum, StoredKernel, Summary};
use serde_json::json;

use super::curvature::sketch;
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

/// Eigenvalues of a kernel whose spectrum does not fit, unless others are asked for.
const FEW: usize = 16;

/// Runs the command.
pub(crate) fn run(arguments: &SpectrumArgs) -> Outcome {
    let Some(path) = &arguments.kernel else { return sketch::run(arguments) };
    let signals = Signals::listen(arguments.output.format == Format::Json);
    let mut notes = Vec::new();
    let threads = machine::threads(arguments.machine.threads.threads, &mut notes);
    notes.iter().for_each(|note| eprintln!("note: {note}"));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    match pool {
        Ok(pool) => pool.install(|| spectrum(path, arguments, &signals)),
        Err(error) => Err(ntk::Error::usage(format!("{threads} threads: {error}"), "lower --threads").into()),
    }
}

/// A kernel that is read whole, or by rows where it does not fit.
enum Read {
    Whole(Array<f64>),
    ByRows(NpyRows<f64>),
}

/// Opens a kernel, and says which eigenvalues are found of it: where neither it nor all of them fit, the largest few.
fn open(path: &Path, arguments: &SpectrumArgs) -> Result<(Read, Spectrum), ntk::Error> {
    let header = peek_npy(path)?;
    let samples = header.shape.first().copied().unwrap_or(1);
    let rows = samples * header.shape.get(2).copied().unwrap_or(1);
    let (coupled, whole) = (header.shape.len() == 4, PROGRAM.saturating_add(8 * header.count() as u64));
    let limit = arguments.machine.memory.0.min(machine::available_memory());
    let mut asked = results::asked(arguments.spectrum, rows)?;
    let needs = |asked: Spectrum| whole.saturating_add(asked.bytes(samples, rows, coupled));
    if asked == Spectrum::Full && needs(asked) > limit {
        let (needed, top) = (needs(asked), Spectrum::Top(FEW.min(rows)));
        if arguments.spectrum.is_some() {
            let fits = format!("use --spectrum top:{}, or raise --memory", FEW.min(rows));
            return Err(ntk::Error::Memory { what: format!("the spectrum of {rows} rows"), needed, limit, fits });
        }
        eprintln!("note: all eigenvalues do not fit --memory {}; the largest are found", arguments.machine.memory);
        asked = top;
    }
    let (by_rows, threads) = (needs(asked) > limit, rayon::current_num_threads() as u64);
    let needed = PROGRAM + 2 * threads * CHUNK as u64 + asked.bytes(samples, rows, coupled);
    if by_rows && needed > limit {
        let what = format!("the largest eigenvalues of {rows} rows");
        return Err(ntk::Error::Memory { what, needed, limit, fits: "raise --memory, or ask for fewer".into() });
    }
    let read = if by_rows { Read::ByRows(NpyRows::open(path)?) } else { Read::Whole(read_npy(path)?) };
    Ok((read, asked))
}

fn spectrum(path: &Path, arguments: &SpectrumArgs, signals: &Signals) -> Outcome {
    let start = Instant::now();
    let (read, asked) = open(path, arguments)?;
    let array;
    let kernel = match read {
        Read::Whole(whole) => {
            array = whole;
            StoredKernel::new(&array)?
        }
        Read::ByRows(rows) => StoredKernel::new(rows)?,
    };
    let read = start.elapsed();
    signals.check()?;
    signals.hold(OutputFolder::create(arguments.output.out.clone(), "spectrum")?);
    let start = Instant::now();
    let summary = Summary::of_stored(&kernel, None, asked)?;
    let solved = start.elapsed();
    let folder = signals.release()?;
    results::write_eigenvalues(&summary.eigenvalues, &folder)?;
    let shape = kernel.shape().iter().map(|&size| quantity::count(size as u64)).collect::<Vec<_>>().join(" × ");
    let name = path.display().to_string();
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
        "configuration": { "kernel": name, "shape": kernel.shape() },
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
