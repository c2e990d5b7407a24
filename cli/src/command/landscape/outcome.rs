//! What `ntk landscape` shows and stores.

use std::time::Duration;

use ntk::data::npy::write_npy_to;
use ntk::landscape::barrier;
use serde_json::{Value, json};

use super::Job;
use crate::args::{Along, Format};
use crate::command::results;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::render::plot::{Curves, Scale, Series, Surface};
use crate::render::quantity;
use crate::render::report::{Illustration, Note, Phase, Report};
use crate::render::summary::{self, Row};
use crate::render::terminal::{self, Style};
use crate::store::folder::OutputFolder;

/// Version of the content of `result.json`.
const SCHEMA: u32 = 1;

/// Losses, and accuracies where there are classes, at every point.
pub(super) struct Finished {
    pub(super) coordinates: Vec<Vec<f64>>,
    pub(super) train: Vec<(f64, Option<f64>)>,
    pub(super) test: Option<Vec<(f64, Option<f64>)>>,
    pub(super) eigenvalues: Vec<f64>,
    pub(super) digest: String,
    /// For the directions and for the losses.
    pub(super) seconds: [Duration; 2],
}

impl Finished {
    /// Name and numbers of every quantity.
    fn quantities(&self) -> Vec<(&'static str, Vec<f64>)> {
        let losses = |of: &[(f64, Option<f64>)]| of.iter().map(|e| e.0).collect::<Vec<f64>>();
        let accuracies = |of: &[(f64, Option<f64>)]| of.iter().map(|e| e.1).collect::<Option<Vec<f64>>>();
        let mut all = vec![("loss", losses(&self.train))];
        all.extend(accuracies(&self.train).map(|numbers| ("accuracy", numbers)));
        all.extend(self.test.as_ref().map(|test| ("test_loss", losses(test))));
        all.extend(self.test.as_ref().and_then(|test| accuracies(test)).map(|numbers| ("test_accuracy", numbers)));
        all
    }
}

/// Writes everything, then tells it.
pub(super) fn store(job: &Job<'_>, finished: &Finished, folder: OutputFolder) -> Outcome {
    let quantities = finished.quantities();
    let losses = &quantities[0].1;
    let k = job.at.len();
    let shape = if job.plane { vec![k, k] } else { vec![k] };
    folder.write_with("landscape.npy", |mut to| write_npy_to(&mut to, &shape, losses))?;
    for (name, numbers) in &quantities[1..] {
        folder.write_with(&format!("{name}.npy"), |mut to| write_npy_to(&mut to, &shape, numbers))?;
    }
    folder.write_with("coordinates.npy", |mut to| write_npy_to(&mut to, &[k], &job.at))?;
    folder.write("landscape.csv", table(finished, &quantities).as_bytes())?;
    let plots = if job.typed.output.no_report { Vec::new() } else { draw(job, finished, &quantities, &folder)? };
    let rows = summary_rows(job, finished, &quantities);
    let [looked, evaluated] = finished.seconds.map(|time| time.as_secs_f64());
    if !job.typed.output.no_report {
        let mut configuration = job.inputs.configuration();
        let own = [
            ("loss", job.loss.name().to_owned()),
            ("directions", along(job).to_owned()),
            ("threads", job.limits.threads.to_string()),
            ("data digest (SHA-256)", job.inputs.data.digest.clone()),
            ("weights digest (SHA-256)", finished.digest.clone()),
        ];
        configuration.extend(own.map(|(name, value)| (name.to_owned(), value)));
        let phase = |name: &str, seconds| Phase { name: name.into(), seconds, gflop: None };
        let report = Report {
            title: "Loss landscape".into(),
            subtitle: title(job),
            warnings: job.inputs.remarks().cloned().collect(),
            summary: rows.clone(),
            table: None,
            plots,
            configuration,
            phases: vec![phase("directions", looked), phase("losses", evaluated)],
            memory: machine::peak_memory().map(|peak| ("peak".to_owned(), peak)).into_iter().collect(),
            command: results::command_line(),
            notes: vec![Note::Memory],
            origin: format!("ntk {} on {}", env!("CARGO_PKG_VERSION"), machine::processor()),
            ..Report::default()
        };
        folder.write("report.html", report.html()?.as_bytes())?;
    }
    let record = record(job, finished, &quantities, [looked, evaluated]);
    folder.write("result.json", format!("{record:#}\n").as_bytes())?;
    let place = folder.finish()?;
    match job.typed.output.format {
        Format::Json => terminal::print(&format!("{record:#}\n")).map_err(Failure::Output),
        Format::Text => {
            job.inputs.remarks().for_each(|note| eprintln!("note: {note}"));
            let folder = place.display().to_string();
            let page = summary::Summary { title: title(job), rows, folder, ..summary::Summary::default() };
            terminal::print(&page.render(&Style::detect())).map_err(Failure::Output)
        }
    }
}

fn title(job: &Job<'_>) -> String {
    let n = quantity::count(job.inputs.n as u64);
    format!("Landscape of {} on {}, n = {n}", job.inputs.model_name, job.inputs.data.name)
}

fn along(job: &Job<'_>) -> &'static str {
    match job.along {
        Along::Random => "random, filter-normalized",
        Along::Eigen => "eigenvectors of the Hessian",
        Along::Path if job.plane => "plane through three points",
        Along::Path => "path between two points",
    }
}

/// The names of the directions.
fn axes(job: &Job<'_>) -> [&'static str; 2] {
    match job.along {
        Along::Random => ["first direction", "second direction"],
        Along::Eigen => ["first eigenvector", "second eigenvector"],
        Along::Path => ["towards --to", "towards --and"],
    }
}

/// A line a point: coordinates, then every quantity. A number that is not finite is an empty cell.
fn table(finished: &Finished, quantities: &[(&'static str, Vec<f64>)]) -> String {
    let coordinates = ["a", "b"].into_iter().take(finished.coordinates[0].len());
    let mut text = coordinates.chain(quantities.iter().map(|q| q.0)).collect::<Vec<_>>().join(",") + "\n";
    for (i, at) in finished.coordinates.iter().enumerate() {
        let numbers = at.iter().copied().chain(quantities.iter().map(|q| q.1[i]));
        let cells = numbers.map(|x| if x.is_finite() { format!("{x:?}") } else { String::new() });
        text.push_str(&cells.collect::<Vec<_>>().join(","));
        text.push('\n');
    }
    text
}

/// The error barrier of the losses, and of the shares classified wrongly, on a path.
fn barriers(job: &Job<'_>, quantities: &[(&'static str, Vec<f64>)]) -> Vec<(String, f64)> {
    if job.plane || job.along != Along::Path {
        return Vec::new();
    }
    let barrier = |(name, numbers): &(&'static str, Vec<f64>)| {
        let numbers: Vec<f64> =
            if name.ends_with("accuracy") { numbers.iter().map(|a| 1.0 - a).collect() } else { numbers.clone() };
        Some((format!("{}_barrier", name.replace("accuracy", "error")), barrier(&job.at, &numbers)?))
    };
    quantities.iter().filter_map(barrier).collect()
}

fn summary_rows(job: &Job<'_>, finished: &Finished, quantities: &[(&'static str, Vec<f64>)]) -> Vec<Row> {
    let number = quantity::number;
    let losses = &quantities[0].1;
    let finite = || losses.iter().copied().filter(|x| x.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let mut rows = vec![Row::new("directions", along(job), format!("{} points", losses.len()))];
    let origin = finished.coordinates.iter().position(|at| at.iter().all(|a| *a == 0.0));
    rows.extend(origin.map(|i| Row::new("loss at the weights", number(losses[i]), "")));
    rows.push(Row::new("least loss", number(low), ""));
    rows.push(Row::new("greatest loss", number(high), ""));
    let steep = losses.len() - finite().count();
    if steep > 0 {
        rows.push(Row::new("not finite", quantity::count(steep as u64), "points where the loss overflows"));
    }
    for (k, value) in finished.eigenvalues.iter().enumerate() {
        rows.push(Row::new(format!("eigenvalue {}", k + 1), number(*value), ""));
    }
    for (name, value) in barriers(job, quantities) {
        rows.push(Row::new(name.replace('_', " "), number(value), "above the straight line between the ends"));
    }
    rows.push(Row::new("time", quantity::seconds(finished.seconds[1].as_secs_f64()), job.limits.threads_text()));
    rows
}

fn record(job: &Job<'_>, finished: &Finished, quantities: &[(&'static str, Vec<f64>)], seconds: [f64; 2]) -> Value {
    let mut all = job.inputs.record();
    let own = json!({
        "schema": SCHEMA,
        "command": "landscape",
        "version": env!("CARGO_PKG_VERSION"),
        "command_line": results::command_line(),
        "loss": job.loss.name(),
        "directions": along(job),
        "points": job.at.len(),
        "range": [job.at.first(), job.at.last()],
        "eigenvalues": finished.eigenvalues,
        "least_loss": quantities[0].1.iter().copied().filter(|x| x.is_finite()).fold(f64::INFINITY, f64::min),
        "seconds": { "directions": seconds[0], "losses": seconds[1] },
        "peak_bytes": machine::peak_memory(),
        "threads": job.limits.threads,
        "data_digest": job.inputs.data.digest,
        "weights_digest": finished.digest,
        "warnings": job.inputs.remarks().collect::<Vec<_>>(),
    });
    if let Value::Object(own) = own {
        all.extend(own);
    }
    all.extend(barriers(job, quantities).into_iter().map(|(name, value)| (name, json!(value))));
    Value::Object(all)
}

/// Draws the loss, and on a line the accuracy.
fn draw(
    job: &Job<'_>,
    finished: &Finished,
    quantities: &[(&'static str, Vec<f64>)],
    folder: &OutputFolder,
) -> Result<Vec<Illustration>, Failure> {
    let subtitle = format!(
        "{} on {}  ·  n = {}  ·  {}",
        job.inputs.model_name,
        job.inputs.data.name,
        quantity::count(job.inputs.n as u64),
        along(job)
    );
    if job.plane {
        let mut marks = vec![([0.0, 0.0], "weights".to_owned())];
        if job.along == Along::Path {
            marks.extend([([1.0, 0.0], "--to".to_owned()), ([0.0, 1.0], "--and".to_owned())]);
        }
        let [first, last] = [job.at[0], job.at[job.at.len() - 1]];
        marks.retain(|([x, y], _)| (first..=last).contains(x) && (first..=last).contains(y));
        let plot = Surface {
            title: "The loss on a plane",
            subtitle: &subtitle,
            quantity: "loss",
            axes: axes(job),
            at: [&job.at, &job.at],
            heights: &quantities[0].1,
            marks: &marks,
        };
        let caption = "The mean loss over all samples; lines are of equal loss, or of equal ratios of it where it spans \
                       decades.";
        return Ok(vec![results::illustration(folder, "landscape", &plot, caption)?]);
    }
    let series = |kind: &str| -> Vec<Series> {
        let names = [(kind.to_owned(), "training"), (format!("test_{kind}"), "test")];
        let of = |(column, name): &(String, &str)| {
            let (_, numbers) = quantities.iter().find(|q| q.0 == column)?;
            let points = finished.coordinates.iter().zip(numbers).map(|(at, &y)| [at[0], y]).collect();
            Some(Series { name: (*name).to_owned(), points, bound: false })
        };
        names.iter().filter_map(of).collect()
    };
    let mut plots = Vec::new();
    for (kind, title, ordinate, file, caption) in [
        ("loss", "The loss on a line", "loss", "landscape", "The mean loss over all samples."),
        (
            "accuracy",
            "The accuracy on a line",
            "share classified rightly",
            "accuracy",
            "The share of samples classified rightly.",
        ),
    ] {
        let series = series(kind);
        if series.is_empty() {
            continue;
        }
        let plot = Curves {
            title,
            subtitle: &subtitle,
            axes: [axes(job)[0], ordinate],
            scale: Scale::Linear,
            series: &series,
        };
        plots.push(results::illustration(folder, file, &plot, caption)?);
    }
    Ok(plots)
}
