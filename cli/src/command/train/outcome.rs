//! What `ntk train` shows and stores.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use autodiff::Float;
use ntk::array::Array;
use ntk::data::Element;
use ntk::metric::Row as Measured;
use ntk::params::Params;
use serde_json::{Map, Value, json};

use super::job::Job;
use crate::args::Format;
use crate::command::results;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::render::plot::{Curves, Scale, Series};
use crate::render::quantity;
use crate::render::report::{Illustration, Note, Phase, Report};
use crate::render::summary::{self, Row};
use crate::render::terminal::{self, Style};
use crate::store::folder::OutputFolder;

/// Version of the content of `result.json`.
pub(super) const SCHEMA: u32 = 1;

/// A training that reached its last step.
pub(super) struct Finished<'f, R> {
    pub(super) rows: Vec<Measured>,
    pub(super) columns: Vec<String>,
    pub(super) weights: Vec<Array<R>>,
    pub(super) names: &'f [String],
    pub(super) seconds: Duration,
    /// The step that this process began from.
    pub(super) first_step: u64,
    /// The digest of the first weights.
    pub(super) start: String,
}

/// Writes everything, then tells it.
pub(super) fn store<R: Float + Element>(job: &Job, finished: Finished<'_, R>, folder: OutputFolder) -> Outcome {
    let Finished { rows, columns, weights, names, seconds, first_step, start } = finished;
    let digest = ntk::params::digest(&weights);
    let parameters = Params::new(names.to_vec(), weights)?;
    parameters.write_safetensors(&folder.path().join("weights.safetensors"))?;
    parameters.write_npz(&folder.path().join("weights.npz"))?;
    let plots = curves(job, &columns, &rows, &folder)?;
    let table = Table { columns: &columns, rows: &rows };
    let shown = summary_rows(job, &table, seconds, first_step);
    if job.report {
        let report = Report {
            title: "Training".into(),
            subtitle: title(job),
            warnings: job.inputs.remarks().cloned().collect(),
            summary: shown.clone(),
            table: None,
            plots,
            configuration: configuration(job, &start, &digest),
            phases: vec![
                Phase { name: "read the data".into(), seconds: job.inputs.loaded.as_secs_f64(), gflop: None },
                Phase { name: "training and metrics".into(), seconds: seconds.as_secs_f64(), gflop: None },
            ],
            memory: machine::peak_memory().map(|peak| ("peak".to_owned(), peak)).into_iter().collect(),
            command: results::command_line(),
            notes: if table.has("sharpness") || table.has("preconditioned_sharpness") {
                vec![Note::Sharpness, Note::Memory]
            } else {
                vec![Note::Memory]
            },
            origin: format!("ntk {} on {}", env!("CARGO_PKG_VERSION"), machine::processor()),
            ..Report::default()
        };
        folder.write("report.html", report.html()?.as_bytes())?;
    }
    let record = record(job, &table, seconds, first_step, [&start, &digest]);
    folder.write("result.json", format!("{record:#}\n").as_bytes())?;
    let place = folder.finish()?;
    match job.format {
        Format::Json => terminal::print(&format!("{record:#}\n")).map_err(Failure::Output),
        Format::Text => {
            job.inputs.remarks().for_each(|note| eprintln!("note: {note}"));
            let page = summary::Summary {
                title: title(job),
                rows: shown,
                folder: place.display().to_string(),
                ..summary::Summary::default()
            };
            terminal::print(&page.render(&Style::detect())).map_err(Failure::Output)
        }
    }
}

fn title(job: &Job) -> String {
    let n = quantity::count(job.inputs.n as u64);
    format!("Training of {} on {}, n = {n}", job.inputs.model_name, job.inputs.data.name)
}

/// What was measured, by column.
struct Table<'t> {
    columns: &'t [String],
    rows: &'t [Measured],
}

impl Table<'_> {
    fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|c| c == column)
    }

    /// Step and number wherever there is one.
    fn points(&self, column: &str) -> Vec<[f64; 2]> {
        let Some(at) = self.columns.iter().position(|c| c == column) else { return Vec::new() };
        self.rows.iter().filter_map(|row| Some([row.step as f64, row.values[at]?])).collect()
    }

    fn last(&self, column: &str) -> Option<f64> {
        self.points(column).last().map(|point| point[1])
    }

    /// The mean over the measurements of the last third of the steps.
    fn last_third(&self, column: &str) -> Option<f64> {
        let end = self.rows.last()?.step as f64;
        let points: Vec<f64> =
            self.points(column).into_iter().filter(|p| p[0] * 3.0 >= end * 2.0).map(|p| p[1]).collect();
        (!points.is_empty()).then(|| points.iter().sum::<f64>() / points.len() as f64)
    }

    /// The mean of `column / edge` over the last third.
    fn edge_ratio(&self, column: &str) -> Option<f64> {
        let [at, edge] = [column, "edge"].map(|name| self.columns.iter().position(|c| c == name));
        let (at, edge, end) = (at?, edge?, self.rows.last()?.step as f64);
        let ratios: Vec<f64> = self
            .rows
            .iter()
            .filter(|row| row.step as f64 * 3.0 >= end * 2.0)
            .filter_map(|row| Some(row.values[at]? / row.values[edge]?))
            .collect();
        (!ratios.is_empty()).then(|| ratios.iter().sum::<f64>() / ratios.len() as f64)
    }
}

fn summary_rows(job: &Job, table: &Table<'_>, seconds: Duration, first_step: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    let number = quantity::number;
    let share = |x: f64| format!("{:.2} %", 100.0 * x);
    let from = |column: &str| table.points(column).first().map(|p| p[1]);
    if let (Some(last), Some(first)) = (table.last("loss"), from("loss")) {
        rows.push(Row::new("loss", number(last), format!("from {}", number(first))));
    }
    if let Some(last) = table.last("test_loss") {
        rows.push(Row::new("test loss", number(last), ""));
    }
    if let Some(last) = table.last("accuracy") {
        rows.push(Row::new("accuracy", share(last), "of the samples it was trained on"));
    }
    if let Some(last) = table.last("test_accuracy") {
        rows.push(Row::new("test accuracy", share(last), ""));
    }
    for (column, label) in [("sharpness", "sharpness"), ("preconditioned_sharpness", "preconditioned")] {
        if let (Some(last), Some(first)) = (table.last(column), from(column)) {
            rows.push(Row::new(label, number(last), format!("from {}", number(first))));
        }
    }
    let ratio = table.edge_ratio("preconditioned_sharpness").or_else(|| table.edge_ratio("sharpness"));
    if let Some(ratio) = ratio {
        rows.push(Row::new("sharpness over edge", number(ratio), "mean over the last third of the steps"));
    }
    for (column, label) in [
        ("gradient_norm", "gradient norm"),
        ("weight_distance", "weight distance"),
        ("kernel_distance", "kernel distance"),
        ("kernel_alignment", "kernel alignment"),
    ] {
        if let Some(last) = table.last(column) {
            rows.push(Row::new(label, number(last), ""));
        }
    }
    let steps = job.plan.steps - first_step;
    let how = format!("{} steps, {}", quantity::count(steps), job.limits.threads_text());
    rows.push(Row::new("time", quantity::seconds(seconds.as_secs_f64()), how));
    rows.push(Row::new("peak memory", machine::peak_memory().map_or("unknown".into(), quantity::bytes), ""));
    rows
}

fn configuration(job: &Job, start: &str, end: &str) -> Vec<(String, String)> {
    let mut all = job.inputs.configuration();
    let own = [
        ("loss", job.loss.name().to_owned()),
        ("optimizer", job.optimizer().to_owned()),
        ("learning rate", job.lr().to_string()),
        ("batch", job.batch().map_or("all".into(), |batch| batch.to_string())),
        ("steps", job.plan.steps.to_string()),
        ("metrics", job.metrics.join(", ")),
        ("threads", job.limits.threads.to_string()),
        ("data digest (SHA-256)", job.inputs.data.digest.clone()),
        ("digest of the first weights", start.to_owned()),
        ("digest of the last weights", end.to_owned()),
    ];
    all.extend(own.map(|(name, value)| (name.to_owned(), value)));
    all
}

fn record(job: &Job, table: &Table<'_>, seconds: Duration, first_step: u64, [start, end]: [&str; 2]) -> Value {
    let each = |of: &dyn Fn(&str) -> Option<f64>| -> Map<String, Value> {
        table.columns.iter().map(|column| (column.clone(), json!(of(column)))).collect()
    };
    let mut all = job.inputs.record();
    let date = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let own = json!({
        "schema": SCHEMA,
        "command": "train",
        "version": env!("CARGO_PKG_VERSION"),
        "command_line": job.words.join(" "),
        "unix_time": date,
        "loss": job.loss.name(),
        "optimizer": job.optimizer(),
        "lr": job.lr(),
        "batch": job.batch(),
        "steps": job.plan.steps,
        "steps_of_this_process": job.plan.steps - first_step,
        "metrics": job.metrics,
        "every": job.plan.every,
        "first": each(&|column| table.points(column).first().map(|p| p[1])),
        "last": each(&|column| table.last(column)),
        "last_third": each(&|column| table.last_third(column)),
        "sharpness_over_edge": table.edge_ratio("sharpness"),
        "preconditioned_sharpness_over_edge": table.edge_ratio("preconditioned_sharpness"),
        "seconds": { "load": job.inputs.loaded.as_secs_f64(), "training": seconds.as_secs_f64() },
        "peak_bytes": machine::peak_memory(),
        "threads": job.limits.threads,
        "data_digest": job.inputs.data.digest,
        "weights_digest": start,
        "trained_weights_digest": end,
        "warnings": job.inputs.remarks().collect::<Vec<_>>(),
    });
    if let Value::Object(own) = own {
        all.extend(own);
    }
    Value::Object(all)
}

/// The plots that may be drawn: file, title, ordinate, scale, the columns with their names (a bound's with a `|`), caption.
type Sheet = (&'static str, &'static str, &'static str, Scale, &'static [(&'static str, &'static str)], &'static str);
const SHEETS: [Sheet; 8] = [
    (
        "loss",
        "Loss",
        "loss",
        Scale::Logarithmic,
        &[("loss", "training"), ("test_loss", "test")],
        "The mean loss over all samples, whatever the size of the mini-batches.",
    ),
    (
        "accuracy",
        "Accuracy",
        "share classified rightly",
        Scale::Linear,
        &[("accuracy", "training"), ("test_accuracy", "test")],
        "The share of samples whose largest output is that of their class.",
    ),
    (
        "sharpness",
        "Sharpness",
        "largest eigenvalue",
        Scale::Linear,
        &[
            ("preconditioned_sharpness", "of D^½ H D^½"),
            ("sharpness", "of the Hessian"),
            ("gauss_newton", "Gauss-Newton part"),
            ("edge", "|edge of stability"),
        ],
        "Gradient descent on a quadratic is stable while the preconditioned sharpness is below the edge, 2/η without \
         momentum. D are the layers' learning rates over η; where they are all equal to it, D is 1.",
    ),
    (
        "gradient",
        "Gradient norm",
        "|g|",
        Scale::Logarithmic,
        &[("gradient_norm", "of the mean loss")],
        "The norm of the gradient over all samples.",
    ),
    (
        "kernel-distance",
        "The kernel's way",
        "1 − cosine, cosine",
        Scale::Linear,
        &[("kernel_distance", "distance from the first"), ("kernel_alignment", "target alignment")],
        "The distance of the kernel on the probe from the first one, and its cosine with the kernel of the targets.",
    ),
    (
        "kernel-velocity",
        "The kernel's velocity",
        "distance a step",
        Scale::Logarithmic,
        &[("kernel_velocity", "between two measurements")],
        "It depends on the steps between two measurements, which metrics.csv holds beside it.",
    ),
    (
        "noise",
        "Gradient noise",
        "tr Cov / |g|²",
        Scale::Logarithmic,
        &[("gradient_noise_scale", "simple noise scale")],
        "About the batch size up to which a larger batch helps as much as more steps.",
    ),
    (
        "weights",
        "The weights' way",
        "|w − w₀|",
        Scale::Linear,
        &[("weight_distance", "distance from the first")],
        "The distance of all parameters from the first ones.",
    ),
];

/// Draws what was measured into the folder.
pub(super) fn curves(
    job: &Job,
    columns: &[String],
    rows: &[Measured],
    folder: &OutputFolder,
) -> Result<Vec<Illustration>, Failure> {
    let table = Table { columns, rows };
    let mut plots = Vec::new();
    if !job.report {
        return Ok(plots);
    }
    let subtitle = format!(
        "{} on {}  ·  n = {}  ·  {}, {}, η = {}",
        job.inputs.model_name,
        job.inputs.data.name,
        quantity::count(job.inputs.n as u64),
        job.loss.name(),
        job.optimizer(),
        job.lr()
    );
    for (file, title, ordinate, scale, lines, caption) in SHEETS {
        let series: Vec<Series> = lines
            .iter()
            .filter(|(column, _)| !table.points(column).is_empty())
            .map(|(column, name)| Series {
                name: name.trim_start_matches('|').to_owned(),
                points: table.points(column),
                bound: name.starts_with('|'),
            })
            .collect();
        if series.iter().all(|series| series.bound) {
            continue;
        }
        let plot = Curves { title, subtitle: &subtitle, axes: ["step", ordinate], scale, series: &series };
        plots.push(results::illustration(folder, file, &plot, caption)?);
    }
    Ok(plots)
}
