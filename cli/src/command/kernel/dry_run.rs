//! What `ntk kernel --dry-run` tells.

use autodiff::Float;
use ntk::contraction::Phase;
use serde_json::{Value, json};

use super::job::{Job, Place, Planned};
use super::outcome::{SCHEMA, phases, shape_text, title};
use crate::args::Format;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::render::quantity;
use crate::render::summary::{self, Row};
use crate::render::terminal::{self, Style};

/// Tells what a kernel would need, and writes nothing.
pub(crate) fn dry_run<R: Float>(job: &Job, planned: &Planned) -> Outcome {
    let plan = &planned.plan;
    let in_file = planned.place != Place::Memory;
    let rate = machine::product_rate::<R>() * job.limits.threads.min(machine::cores()) as f64;
    // Contractions reach some three quarters of a large product's rate.
    let seconds = plan.flops / (0.75 * rate);
    let minimum = job.minimum_flops()?;
    let text = if job.format == Format::Json {
        let parts: Vec<Value> =
            plan.parts().iter().map(|part| json!({ "name": part.name, "bytes": part.bytes })).collect();
        let all = json!({ "schema": SCHEMA, "command": "kernel", "dry_run": true, "method": plan.method.name(),
            "shape": plan.shape, "tile_by_tile": in_file, "gflop": minimum / 1e9, "gflop_planned": plan.flops / 1e9, "seconds_expected": seconds,
            "memory": { "planned_bytes": plan.peak(), "limit_bytes": plan.limit, "parts": parts,
                "phases": phases(plan),
                "jacobian_bytes": plan.jacobian_bytes } });
        format!("{all:#}\n")
    } else {
        let mut rows = vec![
            Row::new(
                "kernel",
                shape_text(&plan.shape),
                format!("{}, {}", job.settings.outputs.name(), job.inputs.dtype.name()),
            ),
            Row::new(
                "goes",
                if in_file { "to disk" } else { "into memory" },
                if in_file { "tile by tile: it can be gone on with" } else { "" },
            ),
            Row::new(
                "method",
                plan.method.name(),
                format!("{} blocks of {} samples, {} kept", plan.blocks, plan.block, plan.resident),
            ),
            Row::new(
                "work",
                quantity::gflop(plan.flops / 1e9),
                format!("{} needed at least", quantity::gflop(minimum / 1e9)),
            ),
            Row::new(
                "expected time",
                quantity::seconds(seconds),
                format!("at {} on {}", quantity::gflop_per_second(rate / 1e9), job.limits.threads_text()),
            ),
            Row::new(
                "peak memory",
                quantity::bytes(plan.peak()),
                format!("of {} allowed", quantity::bytes(plan.limit)),
            ),
        ];
        rows.extend(
            plan.parts().iter().map(|part| Row::new(format!("  {}", part.name), quantity::bytes(part.bytes), "")),
        );
        let phase = |phase: &Phase| format!("{} {}", phase.name, quantity::bytes(phase.bytes()));
        let phases = plan.phases.iter().map(phase).collect::<Vec<_>>().join(", ");
        rows.push(Row::new("largest phase", plan.largest().map_or("", |phase| phase.name), format!("of {phases}")));
        rows.push(Row::new("explicit Jacobian", quantity::bytes(plan.jacobian_bytes), "would be"));
        let page = summary::Summary { title: format!("Dry run: {}", title(job)), rows, ..summary::Summary::default() };
        page.render(&Style::detect())
    };
    terminal::print(&text).map_err(Failure::Output)
}
