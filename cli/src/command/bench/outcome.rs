//! What `ntk bench` shows and stores.

use std::time::Duration;

use ntk::contraction::Method;
use ntk::peak::Peak;
use serde_json::{Map, json};

use super::job::{Job, Size};
use super::measure::{Agreement, Measured, Row, Status};
use super::record;
use crate::args::{self, Axis};
use crate::command::results;
use crate::command::tale::Tale;
use crate::failure::Failure;
use crate::render::plot::scaling::{self, Scaling};
use crate::render::quantity;
use crate::render::report::{Illustration, Note};
use crate::render::summary;
use crate::render::table::{Line, Table};
use crate::store::folder::OutputFolder;

/// A benchmark that has ended.
pub(crate) struct Finished {
    pub(crate) rows: Vec<Row>,
    pub(crate) peak: Peak,
    pub(crate) took: Duration,
}

/// Plots at most, one for each combination of what is not along the axis.
const PLOTS: usize = 4;
/// Beyond this two methods do not differ by rounding.
const DISAGREEMENT: [(&str, f64); 2] = [("f64", 1e-9), ("f32", 1e-3)];

/// Everything but the table of measurements, which is written while they are made.
pub(super) fn tale(
    job: &Job,
    arguments: &args::Bench,
    finished: Finished,
    folder: &OutputFolder,
    interrupted: bool,
) -> Result<Tale, Failure> {
    let Finished { rows, peak, took } = finished;
    folder.write("bench.csv", record::csv(job, &rows, &peak).as_bytes())?;
    let plots = if arguments.output.no_report { Vec::new() } else { plots(job, &rows, folder)? };
    let inputs = &job.inputs;
    let mut remarks: Vec<String> = inputs.remarks().cloned().collect();
    remarks.extend(disagreement(job, &rows));
    if interrupted {
        let all = job.sizes.len() * job.methods.len();
        remarks.push(format!("interrupted: {} of {all} lines of the table are there", rows.len()));
    }
    let own = [
        ("sweep", job.swept.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
        ("methods", job.methods.iter().map(|method| method.name()).collect::<Vec<_>>().join(", ")),
        ("outputs", job.outputs.name().to_owned()),
        ("repeat", job.repeat.to_string()),
        ("patience", quantity::terse(&quantity::seconds(job.patience))),
        ("threads", job.limits.threads.to_string()),
        ("memory", quantity::bytes(job.limits.memory)),
    ];
    let mut configuration = inputs.record();
    configuration.remove("weights");
    configuration.extend([
        ("sweep".to_owned(), json!(job.swept.iter().map(ToString::to_string).collect::<Vec<_>>())),
        ("methods".to_owned(), json!(job.methods.iter().map(|method| method.name()).collect::<Vec<_>>())),
        ("outputs".to_owned(), json!(job.outputs.name())),
        ("repeat".to_owned(), json!(job.repeat)),
        ("patience_seconds".to_owned(), json!(job.patience)),
        ("threads".to_owned(), json!(job.limits.threads)),
        ("memory_bytes".to_owned(), json!(job.limits.memory)),
    ]);
    Ok(Tale {
        command: "bench",
        heading: "Kernels and explicit Jacobians".to_owned(),
        title: title(job),
        rows: head(job, &rows, &peak, took),
        table: Some(table(job, &rows, &peak)),
        results: Map::from_iter([
            ("peak".to_owned(), record::peak_record(&peak)),
            ("measurements".to_owned(), rows.iter().map(|row| record::record(job, row, &peak)).collect()),
            ("interrupted".to_owned(), json!(interrupted)),
            ("digests".to_owned(), json!({ "data_sha256": inputs.data.digest })),
        ]),
        configuration,
        configured: inputs
            .configuration()
            .into_iter()
            .chain(own.map(|(name, value)| (name.to_owned(), value)))
            .collect(),
        plots,
        seconds: vec![("load", inputs.loaded.as_secs_f64()), ("measurements", took.as_secs_f64())],
        notes: vec![Note::Work, Note::PeakRate, Note::Agreement, Note::ProcessMemory],
        remarks,
        ..Tale::default()
    })
}

/// `Benchmark of mlp:64-256x2-10:relu on digits, trace, f64`
pub(super) fn title(job: &Job) -> String {
    let Job { inputs, outputs, .. } = job;
    let names = [inputs.model_name.as_str(), &inputs.data.name, outputs.name(), inputs.dtype.name()];
    format!("Benchmark of {} on {}, {}, {}", names[0], names[1], names[2], names[3])
}

/// What is known of the whole.
fn head(job: &Job, rows: &[Row], peak: &Peak, took: Duration) -> Vec<summary::Row> {
    let rate = |rate: f64| quantity::gflop_per_second(rate);
    let of = |rate: f64| quantity::number(rate);
    let of = format!("multiply-adds {}, products {}", of(peak.multiply_adds), of(peak.product));
    let mut head: Vec<summary::Row> = gain(job, rows).into_iter().collect();
    head.push(summary::Row::new("peak of the machine", rate(peak.best()), of));
    head.push(summary::Row::new("time", quantity::seconds(took.as_secs_f64()), job.limits.threads_text()));
    head
}

/// What a size needs at least: `n = 64`, `1.2 GFLOP at least, explicit Jacobian 412 MiB`.
pub(super) fn heading(job: &Job, size: &Size) -> Line {
    let [work, jacobian] = [quantity::gflop(size.flops / 1e9), quantity::bytes(size.jacobian_bytes)];
    Line::Heading(size.label(job), format!("{work} at least, explicit Jacobian {jacobian}"))
}

fn table(job: &Job, rows: &[Row], peak: &Peak) -> Table {
    let mut lines = Vec::new();
    for (which, size) in job.sizes.iter().enumerate() {
        let mut of = rows.iter().filter(|row| row.size == which).peekable();
        if of.peek().is_some() {
            lines.push(heading(job, size));
        }
        lines.extend(of.map(|row| line(job, size, row, peak)));
    }
    Table { head: vec!["method", "time", "GFLOP/s", "of peak", "peak memory", "error"], lines }
}

fn line(job: &Job, size: &Size, row: &Row, peak: &Peak) -> Line {
    let name = row.method.name().to_owned();
    let Status::Measured(measured) = &row.status else { return Line::Remark(name, why(job, &row.status)) };
    let rate = rate(size, measured);
    Line::Cells(vec![
        name,
        quantity::seconds(measured.seconds),
        quantity::number(rate),
        percent(rate / peak.best()),
        measured.peak.map_or_else(String::new, quantity::bytes),
        match measured.agreement {
            None => String::new(),
            Some(Agreement::Reference) => "reference".to_owned(),
            Some(Agreement::Error(error)) => format!("{error:.0e}"),
        },
    ])
}

/// Why a method was not measured.
pub(super) fn why(job: &Job, status: &Status) -> String {
    match status {
        Status::Measured(_) => String::new(),
        Status::TooLarge { needed } => {
            format!("would need {}, --memory allows {}", quantity::bytes(*needed), quantity::bytes(job.limits.memory))
        }
        Status::Unusable(why) => why.clone(),
        Status::TooLong { expected } => format!(
            "would take about {}, --patience allows {}",
            quantity::whole_seconds(*expected),
            quantity::terse(&quantity::seconds(job.patience))
        ),
        Status::Failed { message, .. } => format!("failed: {message}"),
    }
}

/// 10^9 operations a second by the minimum count: what is not needed does not count.
pub(super) fn rate(size: &Size, measured: &Measured) -> f64 {
    size.flops / 1e9 / measured.seconds.max(1e-9)
}

/// Two digits: `83 %`, `1.2 %`, `0.05 %`.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    match percent {
        10.0.. => format!("{percent:.0} %"),
        1.0.. => format!("{percent:.1} %"),
        _ => format!("{percent:.2} %"),
    }
}

/// The fastest method beside the explicit Jacobian, at the largest size where both were measured.
fn gain(job: &Job, rows: &[Row]) -> Option<summary::Row> {
    let measured = |row: &Row| match &row.status {
        Status::Measured(measured) => Some((row.method, measured.seconds, measured.peak)),
        _ => None,
    };
    let at = |which: usize| rows.iter().filter(move |row| row.size == which).filter_map(measured);
    let pair = |which: usize| {
        let reference = at(which).find(|(method, ..)| *method == Method::Jacobian)?;
        let others = at(which).filter(|(method, ..)| *method != Method::Jacobian);
        Some((which, reference, others.min_by(|a, b| a.1.total_cmp(&b.1))?))
    };
    let most = |which: &usize| job.sizes[*which].jacobian_bytes;
    let (which, (_, slow, large), (method, fast, small)) =
        (0..job.sizes.len()).filter(|which| pair(*which).is_some()).max_by_key(most).and_then(pair)?;
    let times = |ratio: f64| match ratio {
        10.0.. => quantity::count(ratio.round() as u64),
        _ => quantity::shortened(&format!("{ratio:.1}")).to_owned(),
    };
    let memory = match (large, small) {
        (Some(large), Some(small)) => format!(", 1/{} of its memory", times(large as f64 / small.max(1) as f64)),
        _ => String::new(),
    };
    Some(summary::Row::new(
        "beside the Jacobian",
        format!("{}x as fast", times(slow / fast.max(1e-9))),
        format!("{} at {}{memory}", method.name(), job.sizes[which].label(job)),
    ))
}

/// A warning where methods differ by more than rounding.
fn disagreement(job: &Job, rows: &[Row]) -> Option<String> {
    let dtype = job.inputs.dtype.name();
    let bound = DISAGREEMENT.iter().find(|(name, _)| *name == dtype).map_or(f64::INFINITY, |(_, bound)| *bound);
    let far = |row: &&Row| match &row.status {
        Status::Measured(Measured { agreement: Some(Agreement::Error(error)), .. }) => error.is_nan() || *error > bound,
        _ => false,
    };
    let row = rows.iter().find(far)?;
    let remedy = if dtype == "f32" {
        "in f32 a relu within rounding of its kink is on in one and off in the other; compare in f64"
    } else {
        "that is more than rounding explains: please report it"
    };
    Some(format!("{} differs from the reference at {}; {remedy}", row.method.name(), job.sizes[row.size].label(job)))
}

/// Time and memory by size, along the axis with the most sizes; a plot for each combination of the others.
fn plots(job: &Job, rows: &[Row], folder: &OutputFolder) -> Result<Vec<Illustration>, Failure> {
    // The last of equals is the first of the axes.
    let axis = job.swept.iter().rev().max_by_key(|sweep| sweep.sizes.len()).map_or(Axis::N, |sweep| sweep.axis);
    let others: Vec<Axis> = job.swept.iter().map(|sweep| sweep.axis).filter(|other| *other != axis).collect();
    let fixed = |size: &Size| -> Vec<Option<usize>> { others.iter().map(|other| size.along(*other)).collect() };
    let mut combinations: Vec<Vec<Option<usize>>> = Vec::new();
    for row in rows {
        let combination = fixed(&job.sizes[row.size]);
        if !combinations.contains(&combination) {
            combinations.push(combination);
        }
    }
    let mut plots = Vec::new();
    for (i, combination) in combinations.iter().take(PLOTS).enumerate() {
        let of: Vec<&Row> = rows.iter().filter(|row| fixed(&job.sizes[row.size]) == *combination).collect();
        let along = |row: &Row| job.sizes[row.size].along(axis).unwrap_or(0) as f64;
        let methods: Vec<scaling::Method> = job.methods.iter().map(|method| drawn(*method, &of, along)).collect();
        let values = others
            .iter()
            .zip(combination)
            .filter_map(|(other, value)| Some(format!("{} = {}", other.name(), quantity::count((*value)? as u64))));
        let model = &job.sizes[of[0].size].model;
        let name = if job.swept.iter().any(|sweep| sweep.axis != Axis::N) { &job.inputs.model_name } else { model };
        let subtitle: Vec<String> = [format!("{name} on {}", job.inputs.data.name)].into_iter().chain(values).collect();
        let limit = format!("--memory {}", quantity::bytes(job.limits.memory));
        let plot = Scaling {
            title: "Kernels and explicit Jacobians",
            subtitle: &format!("{}, {}, {}", subtitle.join(", "), job.outputs.name(), job.inputs.dtype.name()),
            size: if axis == Axis::N { "samples n" } else { axis.name() },
            panels: [("time", scaling::seconds), ("peak memory of the process", scaling::bytes)],
            methods: &methods,
            limit: Some((job.limits.memory as f64, &limit)),
        };
        let stem = if i == 0 { "bench".to_owned() } else { format!("bench-{}", i + 1) };
        let mut caption = "Medians, and the largest resident set of the process that computed. Rings: what a method \
                           that was not run would need."
            .to_owned();
        if i + 1 == PLOTS && combinations.len() > PLOTS {
            caption += &format!(" {} further combinations are in bench.csv.", combinations.len() - PLOTS);
        }
        plots.push(results::illustration(folder, &stem, &plot, caption)?);
    }
    Ok(plots)
}

/// The lines of a method.
fn drawn(method: Method, rows: &[&Row], along: impl Fn(&Row) -> f64) -> scaling::Method {
    let mut drawn =
        scaling::Method { name: method.name().to_owned(), measured: Default::default(), wanted: Default::default() };
    for row in rows.iter().filter(|row| row.method == method) {
        let at = along(row);
        match &row.status {
            Status::Measured(measured) => {
                drawn.measured[0].push([at, measured.seconds]);
                drawn.measured[1].extend(measured.peak.map(|peak| [at, peak as f64]));
            }
            Status::TooLong { expected } => {
                drawn.wanted[0].push([at, *expected]);
                drawn.wanted[1].extend(row.planned.map(|(_, peak)| [at, peak as f64]));
            }
            Status::TooLarge { needed } => drawn.wanted[1].push([at, *needed as f64]),
            Status::Unusable(_) | Status::Failed { .. } => {}
        }
    }
    drawn
}
