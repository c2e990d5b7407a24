//! The numbers that the paper's claims are held against.

use super::network::{Param, Shape};
use super::{Settings, Task, claims};
use crate::error::{Error, Result};
use crate::experiment::record::Done;
use crate::experiment::{By, Claim, Judged, Record};
use crate::statistics::{mean, median, slope, spearman};

/// All that was measured.
pub(super) struct Measured<'m> {
    pub(super) settings: &'m Settings,
    pub(super) done: Done<'m, Task>,
}

/// The columns of preconditioned sharpness and its residual.
pub(super) const SHARPNESS: &str = "preconditioned_sharpness";
const RESIDUAL: &str = "preconditioned_sharpness_residual";

fn curve<'r>(record: &'r Record, name: &str) -> Result<&'r [f64]> {
    Ok(&record.values(name)?.data)
}

pub(super) fn last(values: &[f64]) -> f64 {
    values.last().copied().unwrap_or(f64::NAN)
}

fn top(values: &[f64]) -> f64 {
    // A NaN must not be passed over.
    values.iter().copied().fold(f64::NEG_INFINITY, |a, b| if a > b || a.is_nan() { a } else { b })
}

fn bottom(values: &[f64]) -> f64 {
    -top(&values.iter().map(|x| -x).collect::<Vec<_>>())
}

/// `(max - min) / mean`
pub(super) fn spread(values: &[f64]) -> f64 {
    (top(values) - bottom(values)) / mean(values)
}

impl<'m> Measured<'m> {
    fn of_toy(&self, seed: u64, param: Param, width: usize, rate: f64) -> Result<&'m Record> {
        let this = |t: &super::Toy| (t.seed, t.param, t.width, t.rate) == (seed, param, width, rate);
        self.done.one(|task| matches!(task, Task::Toy(t) if this(t)))
    }

    pub(super) fn toy(&self, seed: u64, param: Param, width: usize, rate: f64, name: &str) -> Result<&'m [f64]> {
        curve(self.of_toy(seed, param, width, rate)?, name)
    }

    pub(super) fn descent(&self, seed: u64, param: Param, shape: Shape, rate: f64, name: &str) -> Result<&'m [f64]> {
        let this = |d: &super::Descent| (d.seed, d.param, d.shape, d.rate) == (seed, param, shape, rate);
        curve(self.done.one(|task| matches!(task, Task::Descent(d) if this(d)))?, name)
    }

    /// Losses after a few steps over the grid of learning rates, of one seed.
    pub(super) fn transfer(&self, seed: u64, param: Param, shape: Shape, name: &str) -> Result<&'m [f64]> {
        let this = |t: &super::Transfer| (t.seed, t.param, t.shape) == (seed, param, shape);
        curve(self.done.one(|task| matches!(task, Task::Transfer(t) if this(t)))?, name)
    }

    /// A curve of the perceptrons, for each width.
    pub(super) fn widths(&self, seed: u64, param: Param, rate: f64, name: &str) -> Result<Vec<&'m [f64]>> {
        self.settings.widths.iter().map(|&width| self.descent(seed, param, Shape::Mlp { width }, rate, name)).collect()
    }

    pub(super) fn residual(&self, blocks: usize, layers: usize, exponent: f64) -> Shape {
        Shape::Residual { width: self.settings.depth_width, blocks, layers, exponent }
    }

    /// The number of every seed.
    pub(super) fn seeds(&self, of: impl Fn(u64) -> Result<f64>) -> Result<Vec<f64>> {
        self.settings.seeds.iter().map(|&seed| of(seed)).collect()
    }

    /// The best learning rate and its loss; of some seeds, by the mean of the losses' logarithms.
    pub(super) fn best(&self, seeds: &[u64], param: Param, shape: Shape) -> Result<(f64, f64)> {
        let rates = self.transfer(seeds[0], param, shape, "rate")?;
        let of = seeds.iter().map(|&seed| self.transfer(seed, param, shape, "loss")).collect::<Result<Vec<_>>>()?;
        let log = |i: usize| mean(&of.iter().map(|losses| losses[i].ln()).collect::<Vec<_>>());
        let least = (0..rates.len()).min_by(|&a, &b| log(a).total_cmp(&log(b)));
        let least = least.ok_or_else(|| Error::Bug("a grid of no learning rates".into()))?;
        Ok((rates[least], log(least).exp()))
    }

    pub(super) fn judge(&self) -> Result<Vec<Judged>> {
        Ok([self.perceptrons()?, self.transfers()?, self.depths()?, self.toys()?, vec![self.residuals()?]].concat())
    }

    /// The median of the seeds.
    fn medians(&self, claim: Claim, of: impl Fn(u64) -> Result<f64>) -> Result<Judged> {
        Ok(claim.judged(By::Median, self.seeds(of)?))
    }

    /// A number of all seeds together, and that of each.
    fn pooled(&self, claim: Claim, of: impl Fn(&[u64]) -> Result<f64>) -> Result<Judged> {
        let all = of(&self.settings.seeds)?;
        Ok(claim.judged(By::Pooled(all), self.seeds(|seed| of(&[seed]))?).error(None))
    }

    /// The best learning rate and its loss at each width.
    fn over_widths(&self, seeds: &[u64], param: Param) -> Result<Vec<(f64, f64)>> {
        let of = |&width: &usize| self.best(seeds, param, Shape::Mlp { width });
        self.settings.transfer_widths.iter().map(of).collect()
    }

    fn perceptrons(&self) -> Result<Vec<Judged>> {
        let eta = self.settings.rates[0];
        let at_end = |seed, param, name| -> Result<Vec<f64>> {
            Ok(self.widths(seed, param, eta, name)?.into_iter().map(last).collect())
        };
        let sharpness = |seed, param| at_end(seed, param, SHARPNESS);
        let kept = |&seed: &u64| -> Result<Vec<f64>> {
            Ok(self.widths(seed, Param::Ntp, eta, SHARPNESS)?.into_iter().map(|s| last(s) / s[0]).collect())
        };
        let kept: Vec<Vec<f64>> = self.settings.seeds.iter().map(kept).collect::<Result<_>>()?;
        let of_width = |i: usize| kept.iter().map(|of_seed| of_seed[i]).collect::<Vec<f64>>();
        let middle: Vec<f64> = (0..self.settings.widths.len()).map(|i| median(&of_width(i))).collect();
        let widths: Vec<f64> = self.settings.widths.iter().map(|&n| n as f64).collect();
        let widest = (0..widths.len()).max_by_key(|&i| self.settings.widths[i]).unwrap_or(0);
        let farthest = |seed| -> Result<f64> {
            let of = |s: &[f64]| top(&s[s.len() / 2..].iter().map(|s| (s * eta / 2.0 - 1.0).abs()).collect::<Vec<_>>());
            Ok(top(&self.widths(seed, Param::Mup, eta, SHARPNESS)?.into_iter().map(of).collect::<Vec<_>>()))
        };
        let apart = |seed| Ok(spread(&at_end(seed, Param::Mup, "loss")?) / spread(&sharpness(seed, Param::Mup)?));
        let kept_widest = claims::NTP_KEPT.judged(By::Median, of_width(widest));
        let mut judged = vec![
            self.medians(claims::MUP_SPREAD, |seed| Ok(spread(&sharpness(seed, Param::Mup)?)))?,
            self.medians(claims::MUP_EDGE, farthest)?,
            self.medians(claims::NTP_EDGE, |seed| Ok(top(&sharpness(seed, Param::Ntp)?) * eta / 2.0))?,
            kept_widest.at(format!("N = {}", self.settings.widths[widest])),
            self.medians(claims::MUP_LOSS, apart)?,
        ];
        if widths.len() > 2 {
            let each = kept.iter().map(|of_seed| spearman(&widths, of_seed)).collect();
            judged.push(claims::NTP_ORDER.judged(By::Pooled(spearman(&widths, &middle)), each).error(None));
        }
        Ok(judged)
    }

    fn transfers(&self) -> Result<Vec<Judged>> {
        let widths = &self.settings.transfer_widths;
        let moved = |seeds: &[u64]| Ok(octaves(self.over_widths(seeds, Param::Mup)?.iter().map(|best| best.0)));
        let risen = |seeds: &[u64]| -> Result<f64> {
            Ok(self.over_widths(seeds, Param::Mup)?.windows(2).filter(|pair| pair[1].1 >= pair[0].1).count() as f64)
        };
        let fall = |seeds: &[u64]| -> Result<f64> {
            let best = self.over_widths(seeds, Param::Sp)?;
            Ok(slope(widths.iter().zip(&best).map(|(&n, best)| ((n as f64).log2(), best.0.log2()))))
        };
        let worse = |seeds: &[u64]| -> Result<f64> {
            let at = |param| Ok::<f64, Error>(self.over_widths(seeds, param)?.last().map_or(f64::NAN, |best| best.1));
            Ok(at(Param::Ntp)? / at(Param::Mup)?)
        };
        Ok(vec![
            self.pooled(claims::MUP_TRANSFER, moved)?,
            self.pooled(claims::MUP_WIDER, risen)?,
            self.pooled(claims::SP_TRANSFER, fall)?,
            self.pooled(claims::NTP_TRANSFER, worse)?,
        ])
    }

    fn depths(&self) -> Result<Vec<Judged>> {
        let deep: Vec<usize> = self.settings.blocks.iter().copied().filter(|&blocks| blocks >= 4).collect();
        let eta = self.settings.depth_rate;
        let sharpness = |seed, shape| self.descent(seed, Param::Mup, shape, eta, SHARPNESS);
        let mut judged = Vec::new();
        for (layers, coincide, transfer) in claims::OF_DEPTH {
            if deep.len() < 2 || !self.settings.branch_layers.contains(&layers) {
                continue;
            }
            let shapes = || deep.iter().map(|&blocks| self.residual(blocks, layers, 0.5));
            let ends = |seed| -> Result<f64> {
                Ok(spread(&shapes().map(|shape| sharpness(seed, shape).map(last)).collect::<Result<Vec<_>>>()?))
            };
            let moved = |seeds: &[u64]| -> Result<f64> {
                let of = |shape| Ok(self.best(seeds, Param::Mup, shape)?.0);
                Ok(octaves(shapes().map(of).collect::<Result<Vec<_>>>()?))
            };
            judged.push(self.medians(coincide, ends)?);
            judged.push(self.pooled(transfer, moved)?);
        }
        if [2, 8].iter().all(|blocks| self.settings.blocks.contains(blocks)) {
            let first = |seed, blocks| Ok::<f64, Error>(sharpness(seed, self.residual(blocks, 1, 0.0))?[0]);
            judged.push(self.medians(claims::DEPTH_UNSCALED, |seed| Ok(first(seed, 8)? / first(seed, 2)?))?);
        }
        Ok(judged)
    }

    fn toys(&self) -> Result<Vec<Judged>> {
        let wide = |least: usize| self.settings.toy_widths.iter().copied().filter(move |&width| width >= least);
        let [Some(&below), Some(&beyond)] = [self.settings.toy_rates.first(), self.settings.toy_rates.last()] else {
            return Ok(Vec::new());
        };
        let g = |seed, param, width, rate| self.toy(seed, param, width, rate, "g");
        let growth = |seed, param| -> Result<Vec<f64>> {
            wide(256).map(|width| g(seed, param, width, below).map(|g| last(g) / g[0])).collect()
        };
        let ends =
            |seed| -> Result<Vec<f64>> { wide(64).map(|width| g(seed, Param::Mup, width, below).map(last)).collect() };
        let edge = |seed| -> Result<f64> {
            let rest = |width| self.of_toy(seed, Param::Mup, width, beyond)?.get("rest");
            let of = |width| rest(width).map(|g| (g * beyond / 2.0 - 1.0).abs());
            Ok(top(&wide(64).map(of).collect::<Result<Vec<_>>>()?))
        };
        let at = |eta| format!("eta_0 = {eta}");
        let mut judged = Vec::new();
        if wide(64).count() >= 2 {
            judged.push(self.medians(claims::TOY_SPREAD, |seed| Ok(spread(&ends(seed)?)))?.at(at(below)));
        }
        if beyond > below && wide(64).next().is_some() {
            judged.push(self.medians(claims::TOY_EDGE, edge)?.at(at(beyond)));
        }
        if wide(256).next().is_some() {
            let growth =
                |claim, param, of: fn(&[f64]) -> f64| self.medians(claim, |seed| Ok(of(&growth(seed, param)?)));
            judged.push(growth(claims::TOY_GROWTH, Param::Mup, bottom)?.at(at(below)));
            judged.push(growth(claims::TOY_NTP, Param::Ntp, top)?.at(at(below)));
        }
        Ok(judged)
    }

    fn residuals(&self) -> Result<Judged> {
        let mut worst: Vec<f64> = Vec::new();
        for (task, record) in self.done.0 {
            if let Task::Descent(_) = task {
                let (values, residuals) = (curve(record, SHARPNESS)?, curve(record, RESIDUAL)?);
                worst.extend(values.iter().zip(residuals).map(|(v, r)| r / v.abs()).filter(|x| x.is_finite()));
            }
        }
        Ok(claims::CONVERGED.judged(By::Median, vec![top(&worst)]))
    }
}

/// Octaves from the least to the greatest.
fn octaves(rates: impl IntoIterator<Item = f64>) -> f64 {
    let logs: Vec<f64> = rates.into_iter().map(f64::log2).collect();
    top(&logs) - bottom(&logs)
}
