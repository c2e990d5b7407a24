//! The numbers that the paper's claims are held against.

use super::{Settings, Task, claims};
use crate::error::{Error, Result};
use crate::experiment::record::Done;
use crate::experiment::{By, Claim, Judged};
use crate::statistics::{mean, median, spearman};

/// All that was measured.
pub(super) struct Measured<'m> {
    pub(super) settings: &'m Settings,
    pub(super) done: Done<'m, Task>,
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

impl<'m> Measured<'m> {
    /// A curve of the parity task.
    pub(super) fn curve(&self, seed: u64, name: &str) -> Result<&'m [f64]> {
        Ok(&self.done.one(|task| matches!(task, Task::Parity(p) if p.seed == seed))?.values(name)?.data)
    }

    /// A number of the children of one seed, for each time of spawning.
    pub(super) fn spawned(&self, seed: u64, name: &str) -> Result<Vec<f64>> {
        let at =
            |&at: &u64| self.done.one(|task| matches!(task, Task::Spawn(s) if (s.seed, s.at) == (seed, at)))?.get(name);
        self.settings.spawns.iter().map(at).collect()
    }

    pub(super) fn seeds(&self, of: impl Fn(u64) -> Result<f64>) -> Result<Vec<f64>> {
        self.settings.seeds.iter().map(|&seed| of(seed)).collect()
    }

    /// The mean of the seeds.
    fn means(&self, claim: Claim, of: impl Fn(u64) -> Result<f64>) -> Result<Judged> {
        Ok(claim.judged(By::Mean, self.seeds(of)?))
    }

    /// Errors of kernel regression and of the network at the same epochs.
    fn checkpoints(&self, seed: u64) -> Result<Vec<(u64, f64, f64)>> {
        let (ker, net) = (self.curve(seed, "ker")?, self.curve(seed, "net")?);
        Ok(self.settings.checkpoints.iter().zip(ker).map(|(&at, &ker)| (at, ker, net[at as usize])).collect())
    }

    pub(super) fn parity(&self) -> Result<Vec<Judged>> {
        let s = self.settings;
        let floor = 0.5 / s.test as f64;
        let at = |seed, epoch: u64| -> Result<f64> {
            let found = self.checkpoints(seed)?.into_iter().find(|found| found.0 == epoch).map(|found| found.1);
            found.ok_or_else(|| Error::Bug(format!("no kernel at epoch {epoch}")))
        };
        let better = self.seeds(|seed| Ok(at(seed, 0)?.max(floor) / at(seed, 10)?.max(floor)))?;
        let matched = |seed| -> Result<f64> {
            let net = self.curve(seed, "net")?;
            let end = net.last().copied().unwrap_or(f64::NAN).max(floor);
            let first = self.checkpoints(seed)?.into_iter().find(|found| found.1 <= end);
            Ok(first.map_or(f64::INFINITY, |found| found.0 as f64 / s.epochs as f64))
        };
        let ahead =
            |seed| Ok(largest(&self.checkpoints(seed)?.iter().map(|(_, ker, net)| net - ker).collect::<Vec<_>>()));
        let falls = |seed| -> Result<f64> {
            let v = self.curve(seed, "velocity")?;
            Ok(median(&v[v.len() - v.len() / 3..]) / v[0])
        };
        let early = |seed| -> Result<f64> {
            // The first row of the matrix: the distances from the first kernel.
            let from_start = self.curve(seed, "distances")?;
            Ok(from_start[(s.epochs / 5) as usize] / from_start[s.epochs as usize])
        };
        let peaks = |seed| -> Result<f64> {
            let v = self.curve(seed, "velocity")?;
            let net = self.curve(seed, "net")?;
            let drop =
                (1..net.len()).max_by(|&a, &b| (net[a - 1] - net[a]).total_cmp(&(net[b - 1] - net[b]))).unwrap_or(0);
            let others = (0..v.len()).filter(|&i| i != 0 && i + 2 < drop || i > drop + 1).map(|i| v[i]);
            let jump = largest(&v[drop.saturating_sub(2).min(v.len() - 1)..(drop + 2).min(v.len())]);
            Ok(jump.min(v[0]) / largest(&others.collect::<Vec<_>>()))
        };
        Ok(vec![
            claims::KERNEL_LEARNS.judged(By::Median, better),
            self.means(claims::MATCH, matched)?,
            self.means(claims::AHEAD, ahead)?,
            self.means(claims::VELOCITY_FALLS, falls)?,
            self.means(claims::EARLY_DISTANCE, early)?,
            self.means(claims::VELOCITY_PEAKS, peaks)?,
        ])
    }

    pub(super) fn children(&self) -> Result<Vec<Judged>> {
        let s = self.settings;
        let late: Vec<usize> = (0..s.spawns.len()).filter(|&i| 4 * s.spawns[i] >= s.noisy_steps).collect();
        let first = |name: &'static str| move |seed| Ok(self.spawned(seed, name)?[0]);
        let latest = |seed| -> Result<f64> {
            let barriers = self.spawned(seed, "loss_barrier")?;
            Ok(largest(&late.iter().map(|&i| barriers[i]).collect::<Vec<_>>()))
        };
        let drop = |seed| -> Result<f64> {
            let hamming = self.spawned(seed, "hamming")?;
            Ok(hamming[0] / hamming[hamming.len() - 1])
        };
        let mut judged = vec![
            self.means(claims::BARRIER_EARLY, first("loss_barrier"))?,
            self.means(claims::HAMMING_DROP, drop)?,
            self.means(claims::ERROR_BARRIER, first("error_barrier"))?,
        ];
        if !late.is_empty() {
            judged.push(self.means(claims::BARRIER_LATE, latest)?);
        }
        if s.spawns.len() > 2 {
            let times: Vec<f64> = s.spawns.iter().map(|&at| at as f64).collect();
            let with_time = |claim, column| self.correlated(claim, column, |_| Ok(times.clone()));
            judged.push(with_time(claims::BARRIER_FALLS, "loss_barrier")?);
            judged.push(with_time(claims::HAMMING_FALLS, "hamming")?);
            let with_barrier =
                |claim, column| self.correlated(claim, column, |seed| self.spawned(seed, "loss_barrier"));
            judged.push(with_barrier(claims::HAMMING_BARRIER, "hamming")?);
            judged.push(with_barrier(claims::KERNEL_BARRIER, "kernel")?);
            judged.push(with_barrier(claims::FUNCTION_BARRIER, "disagreement")?);
        }
        Ok(judged)
    }

    /// Spearman's correlation over times of spawning: of the seeds' means, and of each seed.
    fn correlated(&self, claim: Claim, column: &str, other: impl Fn(u64) -> Result<Vec<f64>>) -> Result<Judged> {
        let of_seeds = |of: &dyn Fn(u64) -> Result<Vec<f64>>| -> Result<Vec<f64>> {
            let all = self.settings.seeds.iter().map(|&seed| of(seed)).collect::<Result<Vec<_>>>()?;
            let times = 0..self.settings.spawns.len();
            Ok(times.map(|i| mean(&all.iter().map(|of_seed| of_seed[i]).collect::<Vec<_>>())).collect())
        };
        let own = |seed| self.spawned(seed, column);
        let each = self.seeds(|seed| Ok(spearman(&own(seed)?, &other(seed)?)))?;
        Ok(claim.judged(By::Pooled(spearman(&of_seeds(&own)?, &of_seeds(&other)?)), each))
    }
}
