//! The numbers behind the figures, medians of the seeds.

use super::judge::{Measured, SHARPNESS, last};
use super::network::{Param, Shape};
use crate::error::Result;
use crate::experiment::finding::{Cell, Table};
use crate::statistics::median;

impl Measured<'_> {
    pub(super) fn sharpness_table(&self) -> Result<Table> {
        let columns =
            ["network", "eta_0", "S(0) eta_0/2", "S(T/2) eta_0/2", "S(T) eta_0/2", "S(T)/S(0)", "L(0)", "L(T)"];
        let mut table = Table::new("sharpness", "Sharpness and loss, medians of the seeds", &columns);
        let mut row = |name: String, param, shape, eta: f64| -> Result<()> {
            let of = |name: &'static str, pick: &dyn Fn(&[f64]) -> f64| -> Result<Cell> {
                Ok(median(&self.seeds(|seed| Ok(pick(self.descent(seed, param, shape, eta, name)?)))?).into())
            };
            let unit = eta / 2.0;
            table.push(vec![
                Cell::Text(name),
                eta.into(),
                of(SHARPNESS, &|s| s[0] * unit)?,
                of(SHARPNESS, &|s| s[s.len() / 2] * unit)?,
                of(SHARPNESS, &|s| last(s) * unit)?,
                of(SHARPNESS, &|s| last(s) / s[0])?,
                of("loss", &|l| l[0])?,
                of("loss", &last)?,
            ])
        };
        for param in [Param::Mup, Param::Ntp] {
            for &rate in &self.settings.rates {
                for &width in &self.settings.widths {
                    row(format!("{} N = {width}", param.title()), param, Shape::Mlp { width }, rate)?;
                }
            }
        }
        let eta = self.settings.depth_rate;
        for &layers in &self.settings.branch_layers {
            for &blocks in &self.settings.blocks {
                let name = format!("L = {blocks}, {layers} a block");
                row(name, Param::Mup, self.residual(blocks, layers, 0.5), eta)?;
            }
        }
        for &blocks in &self.settings.blocks {
            row(format!("L = {blocks}, alpha = 0 (start)"), Param::Mup, self.residual(blocks, 1, 0.0), eta)?;
        }
        Ok(table)
    }

    pub(super) fn transfer_table(&self) -> Result<Table> {
        let columns = ["network", "best eta_0", "its loss"];
        let mut table = Table::new(
            "transfer",
            format!("The best learning rate after {} steps, all seeds together", self.settings.transfer_steps),
            &columns,
        );
        let mut row = |name: String, param, shape| -> Result<()> {
            let (rate, loss) = self.best(&self.settings.seeds, param, shape)?;
            table.push(vec![Cell::Text(name), rate.into(), loss.into()])
        };
        for param in Param::ALL {
            for &width in &self.settings.transfer_widths {
                row(format!("{} N = {width}", param.title()), param, Shape::Mlp { width })?;
            }
        }
        for &layers in &self.settings.branch_layers {
            for &blocks in &self.settings.blocks {
                row(format!("L = {blocks}, {layers} a block"), Param::Mup, self.residual(blocks, layers, 0.5))?;
            }
        }
        Ok(table)
    }
}
