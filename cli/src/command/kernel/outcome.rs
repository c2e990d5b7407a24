//! What `ntk kernel` shows and stores.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use autodiff::Float;
use ntk::contraction::{Outputs, Plan, stored};
use ntk::data::{Element, Rows, npy};
use ntk::spectral::Summary;
use serde_json::{Value, json};

use super::job::Job;
use super::stored::FILE;
use crate::args::Format;
use crate::command::inputs::Inputs;
use crate::command::results;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::render::plot::Heatmap;
use crate::render::quantity;
use crate::render::report::{Illustration, Note, Phase, Report};
use crate::render::summary::{self, Row};
use crate::render::terminal::{self, Style};
use crate::signals::Signals;
use crate::store::folder::OutputFolder;

/// Version of the content of `result.json`.
pub(super) const SCHEMA: u32 = 1;

/// Time by phase.
#[derive(Default)]
pub(crate) struct Timing {
    pub(crate) load: Duration,
    pub(crate) weights: Duration,
    pub(crate) sweeps: Duration,
    pub(crate) contraction: Duration,
    pub(crate) spectrum: Duration,
    /// Each computation of the kernel.
    pub(crate) runs: Vec<Duration>,
}

impl Timing {
    /// The median computation.
    fn kernel_seconds(&self) -> f64 {
        let mut seconds: Vec<f64> = self.runs.iter().map(Duration::as_secs_f64).collect();
        seconds.sort_by(f64::total_cmp);
        let middle = seconds.len() / 2;
        match seconds.len() {
            0 => 0.0,
            odd if odd % 2 == 1 => seconds[middle],
            _ => 0.5 * (seconds[middle - 1] + seconds[middle]),
        }
    }
}

/// A kernel that is in its file already.
pub(crate) struct Written {
    /// Tiles that it has.
    pub(crate) tiles: usize,
    /// Tiles that an earlier process left.
    pub(crate) kept: usize,
    /// Tiles that an earlier process left damaged.
    pub(crate) damaged: usize,
    /// The share of the kernel that was there.
    pub(crate) share: f64,
}

/// A kernel and what was found of it.
pub(crate) struct Finished<'k, R> {
    pub(crate) kernel: Rows<'k, R>,
    pub(crate) plan: &'k Plan,
    pub(crate) summary: Option<Summary>,
    pub(crate) timing: Timing,
    /// How its file came about, where tiles were written one by one.
    pub(crate) written: Option<Written>,
}

/// Writes everything, then tells it.
///
/// A signal is heeded while the kernel is written; the rest takes no time to speak of.
pub(crate) fn store<R: Float + Element>(
    job: &Job,
    finished: Finished<'_, R>,
    folder: OutputFolder,
    signals: &Signals,
) -> Outcome {
    let Finished { kernel, plan, summary, timing, written } = finished;
    let start = Instant::now();
    if let (Rows::Held(kernel), None) = (&kernel, &written) {
        let done = folder.write_with(FILE, |to| {
            npy::write_npy_to(&mut Stoppable { to, stop: signals.stop() }, &kernel.shape, &kernel.data)
        });
        if done.is_err() {
            signals.check()?;
        }
        done?;
    }
    if let Some(summary) = &summary {
        results::write_eigenvalues(&summary.eigenvalues, &folder)?;
    }
    let writing = start.elapsed();
    // What an earlier process did is not this one's work.
    let minimum = job.minimum_flops()? * (1.0 - written.as_ref().map_or(0.0, |written| written.share));
    let start = Instant::now();
    let mut plots = Vec::new();
    if job.report {
        let title = "Eigenvalues of the kernel";
        plots.extend(summary.as_ref().map(|s| results::spectrum_plot(s, title, &folder)).transpose()?.flatten());
        plots.extend(heatmap(&job.inputs, job.settings.outputs, &kernel, &folder)?);
    }
    // After the plots, so that the peak is told with them.
    let mut rows = rows(job, plan, summary.as_ref(), &timing, minimum);
    rows.extend(written.as_ref().map(written_row));
    if job.report {
        let report = report(job, plan, plots, &rows, &timing, minimum, writing);
        folder.write("report.html", report.html()?.as_bytes())?;
    }
    let plotting = start.elapsed();
    let mut record = record(job, plan, summary.as_ref(), &timing, minimum, [writing, plotting]);
    if let Some(Written { tiles, kept, damaged, .. }) = &written {
        record["kernel"]["tiles"] = json!({ "written": tiles, "kept": kept, "damaged": damaged });
    }
    folder.write("result.json", format!("{record:#}\n").as_bytes())?;
    stored::forget(&folder.path().join(FILE));
    let place = folder.finish()?;
    match job.format {
        Format::Json => terminal::print(&format!("{record:#}\n")).map_err(Failure::Output),
        Format::Text => {
            for note in job.inputs.remarks() {
                eprintln!("note: {note}");
            }
            let page = summary::Summary {
                title: title(job),
                rows,
                spectrum: summary.map(|summary| summary.eigenvalues).unwrap_or_default(),
                folder: place.display().to_string(),
                ..summary::Summary::default()
            };
            let style = Style::detect();
            terminal::print(&page.render(&style)).map_err(Failure::Output)
        }
    }
}

/// Writes until told to stop.
struct Stoppable<'s> {
    to: &'s mut dyn Write,
    stop: &'s AtomicBool,
}

impl Write for Stoppable<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("stopped"));
        }
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// `Neural Tangent Kernel of mlp:.. on digits, n = 1797`
pub(super) fn title(job: &Job) -> String {
    let size = match job.inputs.m {
        None => format!("n = {}", quantity::count(job.inputs.n as u64)),
        Some(m) => format!("{} × {}", quantity::count(job.inputs.n as u64), quantity::count(m as u64)),
    };
    format!("NTK of {} on {}, {size}", job.inputs.model_name, job.inputs.data.name)
}

pub(crate) fn shape_text(shape: &[usize]) -> String {
    shape.iter().map(|&size| quantity::count(size as u64)).collect::<Vec<_>>().join(" × ")
}

fn rows(job: &Job, plan: &Plan, summary: Option<&Summary>, timing: &Timing, minimum: f64) -> Vec<Row> {
    let seconds = timing.kernel_seconds();
    let mut rows = vec![Row::new(
        "kernel",
        shape_text(&plan.shape),
        format!("{}, {}", job.settings.outputs.name(), job.inputs.dtype.name()),
    )];
    rows.extend(summary.map(results::rows).unwrap_or_default());
    let runs = match timing.runs.len() {
        0 | 1 => format!("{}, {}", plan.method.name(), job.limits.threads_text()),
        runs => format!("median of {runs}, {}, {}", plan.method.name(), job.limits.threads_text()),
    };
    rows.push(Row::new("time", quantity::seconds(seconds), runs));
    let rate = minimum / 1e9 / seconds.max(1e-9);
    rows.push(Row::new(
        "speed",
        quantity::gflop_per_second(rate),
        format!("{} needed at least", quantity::gflop(minimum / 1e9)),
    ));
    let peak = machine::peak_memory();
    rows.push(Row::new(
        "peak memory",
        peak.map_or("unknown".into(), quantity::bytes),
        format!("{} planned", quantity::bytes(plan.peak())),
    ));
    rows.push(Row::new("explicit Jacobian", quantity::bytes(plan.jacobian_bytes), "never formed".to_owned()));
    if plan.method == ntk::contraction::Method::Jacobian {
        rows.last_mut().expect("just pushed").remark = "formed: --method jacobian".into();
    }
    rows
}

fn configuration(job: &Job) -> Vec<(String, String)> {
    let own = [
        ("outputs", job.settings.outputs.name().into()),
        ("method", job.settings.method.name().into()),
        ("seeds", job.seeds.to_string()),
        ("threads", job.limits.threads.to_string()),
        ("memory", quantity::bytes(job.settings.memory)),
        ("data digest (SHA-256)", job.inputs.data.digest.clone()),
        ("weights digest (SHA-256)", job.digests.join(" ")),
    ];
    job.inputs.configuration().into_iter().chain(own.map(|(name, value)| (name.to_owned(), value))).collect()
}

/// The command that makes the kernel again: of one that was gone on with, the first.
fn command_line(job: &Job) -> String {
    results::command_line_of(job.words.iter().skip(1).cloned())
}

/// What became of the tiles of earlier processes.
fn written_row(written: &Written) -> Row {
    let Written { tiles, kept, damaged, share } = written;
    let mut remark = match kept {
        0 => String::new(),
        kept => format!("{} of them ({:.0}%) were there", quantity::count(*kept as u64), 100.0 * share),
    };
    if *damaged > 0 {
        remark += &format!("{}{damaged} damaged, made anew", if remark.is_empty() { "" } else { ", " });
    }
    Row::new("tiles", quantity::count(*tiles as u64), remark)
}

fn record(
    job: &Job,
    plan: &Plan,
    summary: Option<&Summary>,
    timing: &Timing,
    minimum: f64,
    [writing, plotting]: [Duration; 2],
) -> Value {
    let seconds = timing.kernel_seconds();
    let runs: Vec<f64> = timing.runs.iter().map(Duration::as_secs_f64).collect();
    let parts: serde_json::Map<String, Value> =
        plan.parts().iter().map(|part| (part.name.to_owned(), json!(part.bytes))).collect();
    let mut configuration = job.inputs.record();
    configuration.extend([
        ("seeds".to_owned(), json!(job.seeds)),
        ("outputs".to_owned(), json!(job.settings.outputs.name())),
        ("method".to_owned(), json!(job.settings.method.name())),
        ("threads".to_owned(), json!(job.limits.threads)),
        ("memory_bytes".to_owned(), json!(job.settings.memory)),
    ]);
    json!({
        "schema": SCHEMA,
        "command": "kernel",
        "command_line": command_line(job),
        "version": env!("CARGO_PKG_VERSION"),
        "finished_unix_seconds": SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs()),
        "processor": machine::processor(),
        "configuration": configuration,
        "digests": { "data_sha256": job.inputs.data.digest, "weights_sha256": job.digests },
        "kernel": {
            "file": FILE,
            "shape": plan.shape,
            "method": plan.method.name(),
            "block": plan.block,
            "blocks": plan.blocks,
            "resident_blocks": plan.resident,
        },
        "spectrum": summary.map(results::json),
        "seconds": {
            "load": timing.load.as_secs_f64(),
            "weights": timing.weights.as_secs_f64(),
            "kernel": seconds,
            "kernel_runs": runs,
            "sweeps": timing.sweeps.as_secs_f64(),
            "contraction": timing.contraction.as_secs_f64(),
            "spectrum": timing.spectrum.as_secs_f64(),
            "write": writing.as_secs_f64(),
            "plots": plotting.as_secs_f64(),
        },
        "gflop": minimum / 1e9,
        "gflop_per_second": minimum / 1e9 / seconds.max(1e-9),
        "gflop_planned": plan.flops / 1e9,
        "memory": {
            "peak_bytes": machine::peak_memory(),
            "planned_bytes": plan.peak(),
            "planned_parts": parts,
            "planned_phases": phases(plan),
            "jacobian_bytes": plan.jacobian_bytes,
        },
        "notes": job.inputs.notes,
        "warnings": job.inputs.data.warnings,
    })
}

/// `[{name, bytes}]`, in the order of the plan.
pub(super) fn phases(plan: &Plan) -> Vec<Value> {
    plan.phases.iter().map(|phase| json!({ "name": phase.name, "bytes": phase.bytes() })).collect()
}

fn report(
    job: &Job,
    plan: &Plan,
    plots: Vec<Illustration>,
    rows: &[Row],
    timing: &Timing,
    minimum: f64,
    writing: Duration,
) -> Report {
    let phase = |name: &str, time: Duration, gflop| Phase { name: name.into(), seconds: time.as_secs_f64(), gflop };
    let kernel = Duration::from_secs_f64(timing.kernel_seconds());
    let mut memory: Vec<_> = plan.parts().iter().map(|part| (part.name.to_owned(), part.bytes)).collect();
    memory.extend(plan.largest().map(|phase| (format!("together, the planned peak: {}", phase.name), phase.bytes())));
    let mut phases = vec![
        phase("read the data", timing.load, None),
        phase("read or draw the weights", timing.weights, None),
        phase("kernel", kernel, Some(minimum / 1e9)),
        phase("eigenvalues", timing.spectrum, None),
        phase("write the kernel", writing, None),
    ];
    // What was not asked for took no time.
    phases.retain(|phase| phase.seconds > 1e-6);
    Report {
        title: "Neural Tangent Kernel".into(),
        subtitle: title(job),
        warnings: job.inputs.remarks().cloned().collect(),
        summary: rows.to_vec(),
        table: None,
        plots,
        configuration: configuration(job),
        phases,
        memory,
        command: command_line(job),
        notes: vec![
            Note::ConditionNumber,
            Note::EffectiveRank,
            Note::Alignment,
            Note::RoundingFloor,
            Note::Work,
            Note::Memory,
        ],
        origin: format!("ntk {} on {}", env!("CARGO_PKG_VERSION"), machine::processor()),
        ..Report::default()
    }
}

/// Samples a side that a heat map looks at; of more, every k-th is taken.
const HEATMAP_SAMPLES: usize = 2048;

/// The bitmaps of a plot, before it is a file.
const CANVAS: u64 = 28 << 20;
/// Cells a side at most, and the bytes that each takes on its way to colours.
const CELLS: [u64; 2] = [960, 12];

/// Bytes that plots of a kernel of `n` by `m` samples take beside it.
pub(crate) fn plots_bytes(n: usize, m: usize) -> u64 {
    let [n, m] = [n, m].map(|side| side.min(HEATMAP_SAMPLES) as u64);
    CANVAS + 8 * n * m + CELLS[1] * n.min(CELLS[0]) * m.min(CELLS[0])
}

/// Draws the kernel as colours, sorted by class. Of several outputs it shows the mean over equal ones.
pub(crate) fn heatmap<R: Float + Element>(
    inputs: &Inputs,
    outputs: Outputs,
    kernel: &Rows<'_, R>,
    folder: &OutputFolder,
) -> Result<Option<Illustration>, Failure> {
    let [n, m] = [inputs.n, inputs.m.unwrap_or(inputs.n)];
    let taken = |count: usize| (0..count).step_by(count.div_ceil(HEATMAP_SAMPLES).max(1)).collect::<Vec<_>>();
    let (rows, columns) = (taken(n), taken(m));
    let o = inputs.outputs;
    let entry = |row: &[R], j: usize| -> f64 {
        let mean = |stride: usize, each: usize| {
            (0..o).map(|a| Float::to_f64(row[j * stride + a * each])).sum::<f64>() / o as f64
        };
        match outputs {
            Outputs::Full => mean(o * o, o + 1),
            Outputs::Diagonal => mean(o, 1),
            Outputs::Trace | Outputs::SumTrace | Outputs::SumOfLogits => Float::to_f64(row[j]),
        }
    };
    let mut values: Vec<f64> = Vec::with_capacity(rows.len() * columns.len());
    for &i in &rows {
        kernel.each(i..i + 1, |_, row| values.extend(columns.iter().map(|&j| entry(row, j))))?;
    }
    let classes = |labels: Option<&Vec<usize>>, of: &[usize]| {
        labels.map(|labels| of.iter().map(|&i| labels[i]).collect::<Vec<_>>())
    };
    let row_classes = classes(inputs.data.labels.as_ref(), &rows);
    let column_labels = inputs.data.test.as_ref().map_or(inputs.data.labels.as_ref(), |part| part.labels.as_ref());
    let column_classes = classes(column_labels, &columns);
    let plot = Heatmap {
        title: "The kernel, samples sorted by class",
        quantity: "Θ(x, x′)",
        values: &values,
        shape: [rows.len(), columns.len()],
        row_classes: row_classes.as_deref(),
        column_classes: column_classes.as_deref(),
        class_names: &inputs.data.class_names,
        axis_names: ["sample", if inputs.m.is_some() { "test sample" } else { "sample" }],
    };
    let whole = rows.len() == n && columns.len() == m;
    let caption = if whole {
        "Entries of the kernel. Blocks along the diagonal are samples of one class.".to_owned()
    } else {
        format!("Entries of the kernel for {} of {n} samples, evenly taken.", rows.len())
    };
    results::illustration(folder, "kernel", &plot, caption).map(Some)
}
