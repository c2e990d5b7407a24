//! `ntk sharpness`, `ntk hvp`, `ntk density` and, of a network, `ntk spectrum`: matrices of second order, applied and never stored.
//!
//! What the four share is here: the loss that is meant, the room that memory leaves, and the folder they fill. Each is a
//! file of its own.

pub(crate) mod density;
pub(crate) mod hvp;
pub(crate) mod sharpness;
pub(crate) mod sketch;

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use autodiff::Float;
use ntk::array::Array;
use ntk::contraction::memory::PROGRAM;
use ntk::data::Element;
use ntk::loss::{Loss, Targets};
use ntk::model::Architecture;
use ntk::operator::{Fit, Point};
use ntk::spectral::Estimate;
use ntk::{Error, Result};
use serde_json::{Map, Value, json};

use super::inputs::{Inputs, Limits};
use super::results;
use crate::args::{Format, LossKind, Output};
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::render::progress::Progress;
use crate::render::quantity;
use crate::render::report::{Illustration, Note, Phase, Report};
use crate::render::summary::{Row, Summary};
use crate::render::terminal::{self, Style};
use crate::signals::Signals;
use crate::store::folder::OutputFolder;

/// Version of the content of `result.json`.
const SCHEMA: u32 = 1;

/// The loss that is meant: as typed, or the one that suits the targets.
pub(crate) fn loss_of(typed: Option<LossKind>, inputs: &Inputs) -> Loss {
    match typed {
        Some(LossKind::Ce) => Loss::CrossEntropy,
        Some(LossKind::Mse) => Loss::MeanSquaredError,
        None if inputs.data.labels.is_some() && inputs.outputs > 1 => Loss::CrossEntropy,
        None => Loss::MeanSquaredError,
    }
}

/// A network and its samples in the numbers of the computation.
struct Material<R> {
    parameters: Vec<Array<R>>,
    x: Array<R>,
    digest: String,
    drawn: Duration,
}

impl<R: Float + Element> Material<R> {
    fn read(inputs: &mut Inputs) -> Result<Self> {
        let start = Instant::now();
        let (parameters, digest) = inputs.parameters::<R>(0)?;
        let x = inputs.rows_as::<R>()?;
        Ok(Self { parameters, x, digest, drawn: start.elapsed() })
    }

    fn point<'s>(&'s self, model: &'s Architecture) -> Point<'s, Architecture, R> {
        Point { network: model, parameters: &self.parameters, x: &self.x }
    }
}

/// What the samples are compared with.
fn fit<R: Float>(loss: Loss, inputs: &Inputs) -> Result<Fit<R>> {
    Ok(Fit { loss, targets: Targets::of(loss, &inputs.data, inputs.outputs)? })
}

/// Bytes that recordings may take, beside `vectors` of `dim` numbers.
///
/// # Errors
/// [`Error::Memory`] where not even the rest fits.
fn room<R: Float>(point: &Point<'_, Architecture, R>, limits: Limits, vectors: usize, dim: usize) -> Result<u64> {
    let bytes = |numbers: usize| (numbers as u64).saturating_mul(size_of::<R>() as u64);
    let needed = PROGRAM
        .saturating_add(bytes(point.x.len()))
        .saturating_add(bytes(point.count()))
        .saturating_add(bytes(vectors.saturating_mul(dim)))
        .saturating_add(point.working_bytes(limits.threads)?);
    if needed > limits.memory {
        return Err(Error::Memory {
            what: format!("{vectors} vectors of {} numbers and the work of a product", quantity::count(dim as u64)),
            needed,
            limit: limits.memory,
            fits: "raise --memory, use --dtype f32, or ask for fewer".into(),
        });
    }
    Ok(limits.memory - needed)
}

/// A run's result, or what a signal made of it.
fn unless_interrupted<T>(result: Result<T>, signals: &Signals) -> Result<T> {
    match result {
        Err(Error::Interrupted { .. }) => Err(signals.interrupted()),
        other => other,
    }
}

/// A bar that is told fractions.
struct Fraction {
    progress: Progress,
    shown: Mutex<u64>,
}

impl Fraction {
    const UNITS: f64 = 1000.0;

    fn new(label: &str) -> Self {
        Self { progress: Progress::new(Self::UNITS as u64, label), shown: Mutex::new(0) }
    }

    /// So much is done; what was more before stays.
    fn reach(&self, fraction: f64) {
        let units = (fraction.clamp(0.0, 1.0) * Self::UNITS) as u64;
        if let Ok(mut shown) = self.shown.lock() {
            self.progress.advance(units.saturating_sub(*shown));
            *shown = units.max(*shown);
        }
    }
}

/// What a command has to tell.
struct Told {
    /// The command's name.
    command: &'static str,
    /// One line: what of what.
    title: String,
    /// The title of the report.
    heading: &'static str,
    rows: Vec<Row>,
    /// Eigenvalues to show the shape of.
    spectrum: Vec<f64>,
    plots: Vec<Illustration>,
    explained: Vec<Note>,
    phases: Vec<Phase>,
    /// Flags of the command alone.
    flags: Vec<(&'static str, Value)>,
    /// Its part of `result.json`, under its name.
    found: Value,
    digest: String,
    gflop: f64,
    /// Seconds that the gflop took.
    worked: f64,
    /// Whether an error follows, which is then the one object on standard output.
    fails: bool,
}

/// The common end: the report, `result.json`, and what is printed. The place of the folder.
fn store(
    told: Told,
    inputs: &Inputs,
    limits: Limits,
    output: &Output,
    folder: OutputFolder,
) -> std::result::Result<PathBuf, Failure> {
    let Told { command, title, heading, mut rows, spectrum, plots, explained, phases, flags, found, .. } = told;
    let rate = told.gflop / told.worked.max(1e-9);
    rows.push(Row::new("time", quantity::seconds(told.worked), limits.threads_text()));
    rows.push(Row::new(
        "speed",
        quantity::gflop_per_second(rate),
        format!("{} needed at least", quantity::gflop(told.gflop)),
    ));
    rows.extend(machine::peak_memory().map(|peak| Row::new("peak memory", quantity::bytes(peak), "")));
    let seconds: Map<String, Value> =
        phases.iter().map(|phase| (phase.name.replace(' ', "_"), json!(phase.seconds))).collect();
    if !output.no_report {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let own = flags.iter().map(|(name, value)| ((*name).to_owned(), text(value)));
        let machine =
            [("threads".to_owned(), limits.threads.to_string()), ("memory".to_owned(), quantity::bytes(limits.memory))];
        let digests = [
            ("data digest (SHA-256)".to_owned(), inputs.data.digest.clone()),
            ("weights digest (SHA-256)".to_owned(), told.digest.clone()),
        ];
        let report = Report {
            title: heading.into(),
            subtitle: title.clone(),
            warnings: inputs.remarks().cloned().collect(),
            summary: rows.clone(),
            plots,
            configuration: inputs.configuration().into_iter().chain(own).chain(machine).chain(digests).collect(),
            phases,
            command: results::command_line(),
            notes: explained,
            origin: format!("ntk {} on {}", env!("CARGO_PKG_VERSION"), machine::processor()),
            ..Report::default()
        };
        folder.write("report.html", report.html()?.as_bytes())?;
    }
    let mut configuration = inputs.record();
    configuration.extend(flags.into_iter().map(|(name, value)| (name.to_owned(), value)));
    configuration
        .extend([("threads".to_owned(), json!(limits.threads)), ("memory_bytes".to_owned(), json!(limits.memory))]);
    let record = json!({
        "schema": SCHEMA,
        "command": command,
        "command_line": results::command_line(),
        "version": env!("CARGO_PKG_VERSION"),
        "finished_unix_seconds": SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs()),
        "processor": machine::processor(),
        "configuration": configuration,
        "digests": { "data_sha256": inputs.data.digest, "weights_sha256": [told.digest] },
        command: found,
        "seconds": seconds,
        "gflop": told.gflop,
        "gflop_per_second": rate,
        "memory": { "peak_bytes": machine::peak_memory() },
        "notes": inputs.notes,
        "warnings": inputs.data.warnings,
    });
    folder.write("result.json", format!("{record:#}\n").as_bytes())?;
    let place = folder.finish()?;
    let text = match output.format {
        Format::Json if told.fails => return Ok(place),
        Format::Json => format!("{record:#}\n"),
        Format::Text => {
            inputs.remarks().for_each(|note| eprintln!("note: {note}"));
            Summary { title, rows, spectrum, table: None, folder: place.display().to_string() }.render(&Style::detect())
        }
    };
    terminal::print(&text).map_err(Failure::Output)?;
    Ok(place)
}

fn phase(name: &str, time: Duration, gflop: Option<f64>) -> Phase {
    Phase { name: name.into(), seconds: time.as_secs_f64(), gflop }
}

/// `mlp:.. on digits, n = 1,797`
fn subject(inputs: &Inputs) -> String {
    format!("{} on {}, n = {}", inputs.model_name, inputs.data.name, quantity::count(inputs.n as u64))
}

/// A number with its standard error, and what it is.
fn estimated(label: &str, estimate: &Estimate, remark: &str) -> Row {
    let error = estimate.error.map(|error| format!("± {}", quantity::number(error)));
    let words: Vec<&str> = error.as_deref().into_iter().chain([remark]).filter(|word| !word.is_empty()).collect();
    Row::new(label, quantity::number(estimate.value), words.join(" "))
}

/// The same for programs.
fn plain(estimate: &Estimate) -> Value {
    json!({ "value": estimate.value, "error": estimate.error })
}

/// The end of a command whose result is all there.
fn done(stored: std::result::Result<PathBuf, Failure>) -> Outcome {
    stored.map(|_| ())
}
