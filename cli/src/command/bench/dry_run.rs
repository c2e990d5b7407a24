//! What `ntk bench --dry-run` tells.

use ntk::peak::Peak;
use serde_json::{Value, json};

use super::job::{Job, Planned};
use super::measure::{Status, usual_share};
use super::{outcome, record as told};
use crate::args::Format;
use crate::failure::{Failure, Outcome};
use crate::render::quantity;
use crate::render::summary::{self, Row};
use crate::render::table::{Line, Table};
use crate::render::terminal::{self, Style};

/// Tells what the benchmark would need, and writes nothing.
pub(super) fn dry_run(job: &Job, peak: &Peak, format: Format) -> Outcome {
    let (mut lines, mut plans, mut whole) = (Vec::new(), Vec::new(), 0.0);
    for size in &job.sizes {
        lines.push(outcome::heading(job, size));
        for (&method, plan) in job.methods.iter().zip(&size.plans) {
            let name = method.name();
            let expected = |flops: f64| flops / (usual_share(method) * peak.best() * 1e9);
            let mut record = json!({ "n": size.n, "width": size.width, "depth": size.depth, "outputs": size.outputs,
                "model": size.model, "method": name, "gflop": size.flops / 1e9, "jacobian_bytes": size.jacobian_bytes });
            let (status, more) = match plan.clone() {
                Planned::Runs { flops, peak } => {
                    let expected = expected(flops);
                    let more =
                        json!({ "gflop_planned": flops / 1e9, "planned_bytes": peak, "seconds_expected": expected });
                    whole += (job.repeat as f64 * expected).min(job.patience);
                    let cells = [quantity::gflop(flops / 1e9), quantity::bytes(peak), quantity::seconds(expected)];
                    let left_out = expected > job.patience;
                    lines.push(match left_out {
                        false => Line::Cells(std::iter::once(name.to_owned()).chain(cells).collect()),
                        true => Line::Remark(name.to_owned(), outcome::why(job, &Status::TooLong { expected })),
                    });
                    (if left_out { "too long" } else { "runs" }, more)
                }
                Planned::TooLarge { needed } => {
                    lines.push(Line::Remark(name.to_owned(), outcome::why(job, &Status::TooLarge { needed })));
                    ("too large", json!({ "planned_bytes": needed }))
                }
                Planned::Unusable(why) => {
                    let more = json!({ "reason": why });
                    lines.push(Line::Remark(name.to_owned(), why));
                    ("unusable", more)
                }
            };
            if let (Value::Object(record), Value::Object(more)) = (&mut record, more) {
                record.insert("status".to_owned(), json!(status));
                record.extend(more);
            }
            plans.push(record);
        }
    }
    let text = if format == Format::Json {
        let all = json!({ "schema": 1, "command": "bench", "dry_run": true, "peak": told::peak_record(peak),
            "seconds_expected": whole, "plans": plans });
        format!("{all:#}\n")
    } else {
        let page = summary::Summary {
            title: format!("Dry run: {}", outcome::title(job)),
            rows: vec![Row::new("expected time", quantity::seconds(whole), job.limits.threads_text())],
            table: Some(Table { head: vec!["method", "work", "peak memory", "expected time, each"], lines }),
            ..summary::Summary::default()
        };
        page.render(&Style::detect())
    };
    terminal::print(&text).map_err(Failure::Output)
}
