//! The numbers behind the figures.

use super::judge::{Done, LEARNT, TRAINED, accuracies, at_last, falls_below, points};
use super::{CASES, Case, Settings, critical};
use crate::error::Result;
use crate::experiment::finding::{Cell, Table};
use crate::model::Activation;

/// Fixed points, and the kernel at the deepest network of the first seed.
pub(super) fn constants(done: &Done<'_>) -> Result<Table> {
    let columns = [
        "case",
        "weight",
        "bias",
        "q*",
        "chi_1",
        "c*",
        "chi_c",
        "depth",
        "p_ab/p_aa",
        "kappa",
        "lambda_max/l",
        "lambda_bulk/l",
        "largest stable rate",
    ];
    let mut table =
        Table::new("phases", "Fixed points, and kernels at the deepest network of the first seed", &columns);
    for Case { name, bias, .. } in CASES {
        let Some(record) = done.depths(name).first().copied() else { continue };
        let last = |curve: &str| at_last(record, curve);
        let (depth, largest) = (last("depths")?, last("largest")?);
        let numbers = [
            record.get("weight")?,
            bias,
            record.get("variance")?,
            record.get("chi_1")?,
            record.get("correlation")?,
            record.get("chi_c")?,
            depth,
            last("off_diagonal")? / last("diagonal")?,
            largest / last("smallest")?,
            largest / depth,
            last("bulk")? / depth,
            2.0 * points(record)? / largest,
        ];
        table.push(std::iter::once(Cell::from(name)).chain(numbers.map(Cell::Number)).collect())?;
    }
    Ok(table)
}

/// Where accuracies fall, by weight, of the first seed.
pub(super) fn thresholds(s: &Settings, done: &Done<'_>) -> Result<Table> {
    let columns = ["weight", "chi_1", "depth scale", "training below 0.9 at", "test below 0.5 at"];
    let mut table = Table::new(
        "boundaries",
        format!("Depths at which accuracies fall, T = {}", s.times[s.times.len() - 1]),
        &columns,
    );
    for &weight in s.ordered.iter().chain(&[critical(Activation::Erf, s.bias)?]).chain(&s.chaotic) {
        let Some(record) = done.accuracy(weight).first().copied() else { continue };
        let scale = record.get("depth_scale")?;
        let cell = |name: &str, level: f64| -> Result<Cell> {
            let depth = falls_below(record, &accuracies(record, name, s.times.len() - 1)?, level)? * scale;
            Ok(if depth.is_finite() { Cell::Number(depth.round()) } else { Cell::Empty })
        };
        let scale = if scale.is_finite() && scale < 1e6 { Cell::Number(scale) } else { Cell::Empty };
        let chi_1 = record.get("chi_1")?.into();
        table.push(vec![weight.into(), chi_1, scale, cell("train", TRAINED)?, cell("test", LEARNT)?])?;
    }
    Ok(table)
}
