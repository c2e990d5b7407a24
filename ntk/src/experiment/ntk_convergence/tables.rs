//! The numbers behind the figures.

use super::Settings;
use super::judge::{Done, deviation, inflation, mean_of, mean_ratio, percentiles_off, rows};
use crate::error::Result;
use crate::experiment::Record;
use crate::experiment::finding::{Cell, Table};

/// Numbers by width.
pub(super) fn widths(s: &Settings, done: &Done<'_>) -> Result<Table> {
    let columns = [
        "width",
        "networks",
        "deviation of Theta",
        "mean/limit",
        "inflation",
        "percentiles off",
        "largest |h|/0.5",
        "largest |g - theory|",
    ];
    let mut table = Table::new("widths", "By width", &columns);
    let mut widths: Vec<usize> = [&s.kernel_widths, &s.trained_widths, &s.function_widths, &s.component_widths]
        .into_iter()
        .flatten()
        .copied()
        .collect();
    widths.sort_unstable();
    widths.dedup();
    let (limit, mean, spread) = (done.limit("theta")?, done.limit("mean")?, done.limit("deviation")?);
    let cell = |records: Vec<&Record>, of: &dyn Fn(&[&Record]) -> Result<f64>| match records.is_empty() {
        true => Ok(Cell::Empty),
        false => of(&records).map(Cell::Number),
    };
    for width in widths {
        let kernels = || done.kernels(width);
        table.push(vec![
            width.into(),
            cell(kernels(), &|of| Ok(rows(of, "theta")?.len() as f64))?,
            cell(kernels(), &|of| Ok(deviation(&rows(of, "theta")?, limit)))?,
            cell(kernels(), &|of| Ok(mean_ratio(&rows(of, "theta")?, limit)))?,
            cell(done.trained(width), &inflation)?,
            cell(done.functions(width), &|of| Ok(percentiles_off(&rows(of, "outputs")?, mean, spread)))?,
            cell(done.components(width), &mean_of("most_across"))?,
            cell(done.components(width), &mean_of("off_theory"))?,
        ])?;
    }
    Ok(table)
}
