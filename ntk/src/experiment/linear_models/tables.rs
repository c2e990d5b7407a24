//! The numbers behind the figures.

use super::Settings;
use super::judge::{Done, against, numbers, outputs, places, stray};
use crate::error::Result;
use crate::experiment::finding::{Cell, Table};
use crate::statistics::mean;

/// Relative changes by width, means over seeds.
pub(super) fn changes(s: &Settings, done: &Done<'_>) -> Result<Table> {
    let columns = ["width", "W0", "W1", "W2", "W3", "kernel", "distance", "steps", "loss"];
    let mut table = Table::new("changes", "Relative changes in training, means over seeds", &columns);
    for &width in &s.widths {
        let records = done.movement(width);
        let mut row = vec![Cell::from(width)];
        for column in &columns[1..] {
            row.push(Cell::Number(mean(&numbers(&records, column)?)));
        }
        table.push(row)?;
    }
    Ok(table)
}

/// Errors of means and ratios of variances by width and time.
pub(super) fn ensembles(s: &Settings, done: &Done<'_>) -> Result<Table> {
    let columns = [
        "width",
        "networks",
        "time",
        "error of the mean, deviations",
        "variance/limit",
        "deviation of the limit",
        "stray",
    ];
    let mut table = Table::new("ensembles", "Ensembles against the infinite one", &columns);
    let limit = done.limit()?;
    for &width in &s.ensemble_widths {
        let records = done.ensemble(width);
        for time in places(limit)? {
            let [off, ratio] = against(&records, limit, time)?;
            let spread = limit.values("variance")?.row(time).map_or(f64::NAN, |of| mean(of).sqrt());
            let networks = outputs(&records, time)?.len();
            let at = limit.values("times")?.data[time];
            table.push(vec![
                width.into(),
                networks.into(),
                at.into(),
                off.into(),
                ratio.into(),
                spread.into(),
                stray(&records)?.into(),
            ])?;
        }
    }
    Ok(table)
}
