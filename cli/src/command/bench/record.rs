//! The measurements for programs: `bench.csv` and what `result.json` has of them.

use ntk::peak::Peak;
use serde_json::{Value, json};

use super::job::Job;
use super::measure::{Agreement, Row, Status};
use super::outcome::{rate, why};

/// The peak of the machine.
pub(super) fn peak_record(peak: &Peak) -> Value {
    json!({ "multiply_adds_gflop_per_second": peak.multiply_adds, "product_gflop_per_second": peak.product,
        "gflop_per_second": peak.best() })
}

fn status_name(status: &Status) -> &'static str {
    match status {
        Status::Measured(_) => "measured",
        Status::TooLarge { .. } => "too large",
        Status::Unusable(_) => "unusable",
        Status::TooLong { .. } => "too long",
        Status::Failed { .. } => "failed",
    }
}

/// Bytes that a method has been planned to take.
fn planned_bytes(row: &Row) -> Option<u64> {
    match row.status {
        Status::TooLarge { needed } => Some(needed),
        _ => row.planned.map(|(_, peak)| peak),
    }
}

/// The measurements, one a line; what is not known is empty.
pub(super) fn csv(job: &Job, rows: &[Row], peak: &Peak) -> String {
    let mut text = String::from(
        "n,width,depth,outputs,parameters,method,status,seconds,least_seconds,runs,gflop,gflop_per_second,\
         share_of_peak,gflop_planned,peak_bytes,planned_bytes,jacobian_bytes,reference,relative_error\n",
    );
    for row in rows {
        let Value::Object(record) = record(job, row, peak) else { continue };
        let of = |name: &str| match &record[name] {
            Value::Null => String::new(),
            Value::String(word) => word.clone(),
            Value::Array(runs) => runs.len().to_string(),
            other => other.to_string(),
        };
        let cells = [
            "n",
            "width",
            "depth",
            "outputs",
            "parameters",
            "method",
            "status",
            "seconds",
            "least_seconds",
            "seconds_runs",
            "gflop",
            "gflop_per_second",
            "share_of_peak",
            "gflop_planned",
            "peak_bytes",
            "planned_bytes",
            "jacobian_bytes",
            "reference",
            "relative_error",
        ];
        text.push_str(&(cells.map(of).join(",") + "\n"));
    }
    text
}

/// A measurement.
pub(super) fn record(job: &Job, row: &Row, peak: &Peak) -> Value {
    let size = &job.sizes[row.size];
    let measured = match &row.status {
        Status::Measured(measured) => Some(measured),
        _ => None,
    };
    let rate = measured.map(|measured| rate(size, measured));
    let agreement = measured.and_then(|measured| measured.agreement);
    json!({
        "n": size.n,
        "width": size.width,
        "depth": size.depth,
        "outputs": size.outputs,
        "model": size.model,
        "parameters": size.parameters,
        "method": row.method.name(),
        "status": status_name(&row.status),
        "reason": Some(why(job, &row.status)).filter(|why| !why.is_empty()),
        "seconds": measured.map(|m| m.seconds),
        "least_seconds": measured.map(|m| m.runs.iter().copied().fold(f64::INFINITY, f64::min)),
        "seconds_runs": measured.map_or(&[][..], |m| &m.runs),
        "gflop": size.flops / 1e9,
        "gflop_per_second": rate,
        "share_of_peak": rate.map(|rate| rate / peak.best()),
        "gflop_planned": row.planned.map(|(flops, _)| flops / 1e9),
        "peak_bytes": measured.and_then(|m| m.peak),
        "planned_bytes": planned_bytes(row),
        "jacobian_bytes": size.jacobian_bytes,
        "reference": agreement.map(|agreement| agreement == Agreement::Reference),
        // Infinity is no number of JSON: null.
        "relative_error": match agreement {
            Some(Agreement::Error(error)) => Some(error).filter(|error| error.is_finite()),
            _ => None,
        },
    })
}
