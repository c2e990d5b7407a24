//! The numbers behind the figures, means of the seeds.

use super::judge::Measured;
use crate::error::Result;
use crate::experiment::finding::{Cell, Table};
use crate::statistics::mean;

impl Measured<'_> {
    pub(super) fn parity_table(&self) -> Result<Table> {
        let s = self.settings;
        let columns = ["epoch", "network", "kernel", "linearized", "distance from start", "velocity"];
        let mut table =
            Table::new("parity", "Test errors on sparse parity, and the kernel's way, means of the seeds", &columns);
        let of =
            |name: &str, at: usize| -> Result<f64> { Ok(mean(&self.seeds(|seed| Ok(self.curve(seed, name)?[at]))?)) };
        for (i, &epoch) in s.checkpoints.iter().enumerate() {
            let at = epoch as usize;
            let velocity = if at == 0 { Cell::Empty } else { of("velocity", at - 1)?.into() };
            table.push(vec![
                at.into(),
                of("net", at)?.into(),
                of("ker", i)?.into(),
                of("lin", i)?.into(),
                of("distances", at)?.into(),
                velocity,
            ])?;
        }
        Ok(table)
    }

    pub(super) fn children_table(&self) -> Result<Table> {
        const NAMES: [&str; 7] =
            ["loss_barrier", "error_barrier", "hamming", "disagreement", "kernel", "weights", "test_error"];
        let columns = [
            "spawned at",
            "loss barrier",
            "error barrier",
            "Hamming",
            "disagreement",
            "kernel",
            "weights",
            "test error",
        ];
        let mut table = Table::new("children", "Distances of children, means of the seeds", &columns);
        for (i, &at) in self.settings.spawns.iter().enumerate() {
            let of = |name: &&str| -> Result<Cell> {
                Ok(mean(&self.seeds(|seed| Ok(self.spawned(seed, name)?[i]))?).into())
            };
            let row = NAMES.iter().map(of).collect::<Result<Vec<_>>>()?;
            table.push([vec![Cell::Number(at as f64)], row].concat())?;
        }
        Ok(table)
    }
}
