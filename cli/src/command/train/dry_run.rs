//! What `ntk train --dry-run` tells.

use autodiff::Float;
use ntk::contraction::Phase;
use serde_json::{Map, Value, json};

use super::job::Job;
use super::outcome::SCHEMA;
use crate::args::Format;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::render::quantity;
use crate::render::summary::{self, Row};
use crate::render::terminal::{self, Style};

/// Tells what a training would need, and writes nothing.
pub(super) fn dry_run<R: Float>(job: &Job, batch: usize, needs: &Phase) -> Outcome {
    let step = job.inputs.model.hvp_flops(batch)?.gradient;
    let work = step * job.plan.steps as f64;
    let rate = machine::product_rate::<R>() * job.limits.threads.min(machine::cores()) as f64;
    // Beside its products a step passes over activations and weights: some half of a large product's rate.
    let seconds = work / (0.5 * rate);
    let text = if job.format == Format::Json {
        let parts: Map<String, Value> =
            needs.parts.iter().map(|part| (part.name.to_owned(), json!(part.bytes))).collect();
        let all = json!({ "schema": SCHEMA, "command": "train", "dry_run": true, "steps": job.plan.steps, "batch": batch,
            "gflop_step": step / 1e9, "gflop": work / 1e9, "seconds_expected": seconds,
            "memory": { "planned_bytes": needs.bytes(), "limit_bytes": job.limits.memory, "parts": parts } });
        format!("{all:#}\n")
    } else {
        let every = format!("measured every {}", quantity::count(job.plan.every));
        let mut rows = vec![
            Row::new("steps", quantity::count(job.plan.steps), every),
            Row::new(
                "batch",
                quantity::count(batch as u64),
                format!("of {} samples", quantity::count(job.inputs.n as u64)),
            ),
            Row::new("work", quantity::gflop(work / 1e9), format!("{} a step", quantity::gflop(step / 1e9))),
            Row::new(
                "expected time",
                quantity::seconds(seconds),
                format!("of the steps, at {} on {}", quantity::gflop_per_second(rate / 1e9), job.limits.threads_text()),
            ),
            Row::new(
                "peak memory",
                quantity::bytes(needs.bytes()),
                format!("of {} allowed; metrics keep to the rest", quantity::bytes(job.limits.memory)),
            ),
        ];
        rows.extend(
            needs.parts.iter().map(|part| Row::new(format!("  {}", part.name), quantity::bytes(part.bytes), "")),
        );
        let title = format!("Dry run: training of {} on {}", job.inputs.model_name, job.inputs.data.name);
        summary::Summary { title, rows, ..summary::Summary::default() }.render(&Style::detect())
    };
    terminal::print(&text).map_err(Failure::Output)
}
