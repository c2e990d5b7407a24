//! The paper's claims, and the numbers behind them in tables.

use super::{Settings, Task};
use crate::error::{Error, Result};
use crate::experiment::Record;
use crate::experiment::finding::{Cell, Claim, Gate, Table, Threshold};
use crate::statistics::{mean, median, spearman, standard_error};

/// All that was measured.
pub(super) struct Measured<'m> {
    pub(super) settings: &'m Settings,
    pub(super) done: &'m [(Task, Record)],
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

impl<'m> Measured<'m> {
    fn find(&self, of: impl Fn(&Task) -> bool) -> Result<&'m Record> {
        let found = self.done.iter().find(|(task, _)| of(task)).map(|(_, record)| record);
        found.ok_or_else(|| Error::Bug("a task of deep-vs-kernel that was not carried out".into()))
    }

    /// A curve of the parity task.
    pub(super) fn curve(&self, seed: u64, name: &str) -> Result<&'m [f64]> {
        Ok(&self.find(|task| matches!(task, Task::Parity(p) if p.seed == seed))?.values(name)?.data)
    }

    /// A number of the children of one seed, for each time of spawning.
    pub(super) fn spawned(&self, seed: u64, name: &str) -> Result<Vec<f64>> {
        let at =
            |&at: &u64| self.find(|task| matches!(task, Task::Spawn(s) if (s.seed, s.at) == (seed, at)))?.get(name);
        self.settings.spawns.iter().map(at).collect()
    }

    fn seeds(&self, of: impl Fn(u64) -> Result<f64>) -> Result<Vec<f64>> {
        self.settings.seeds.iter().map(|&seed| of(seed)).collect()
    }

    /// Errors of kernel regression and of the network at the same epochs.
    fn checkpoints(&self, seed: u64) -> Result<Vec<(u64, f64, f64)>> {
        let (ker, net) = (self.curve(seed, "ker")?, self.curve(seed, "net")?);
        Ok(self.settings.checkpoints.iter().zip(ker).map(|(&at, &ker)| (at, ker, net[at as usize])).collect())
    }

    pub(super) fn parity(&self) -> Result<Vec<Claim>> {
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
            Claim {
                statement: "The kernel learns: regression with that of epoch 10 does far better than with the first.",
                quantity: "test error of kernel regression at the start over that at epoch 10".into(),
                threshold: Threshold::AtLeast(3.0),
                paper: "by a factor of 3 in 2 to 3 epochs",
                source: "a pilot found more than 100; medians",
                measured: median(&better),
                error: None,
                ..means("kernel-learns", better)
            },
            Claim {
                statement: "Early in training the kernel does as well as the network at the end.",
                quantity: "first checkpoint whose kernel's error is at most the network's at the end, over all epochs"
                    .into(),
                threshold: Threshold::AtMost(0.45),
                paper: "at 15 to 45 % of training",
                ..means("match", self.seeds(matched)?)
            },
            Claim {
                statement: "During the transient the kernel is ahead of the network that it is of.",
                quantity: "largest test error of the network less that of its kernel, over checkpoints".into(),
                threshold: Threshold::AtLeast(0.05),
                paper: "kernels of early networks outdo them",
                source: "a pilot found 0.15; 0.05 is five standard errors of a test error of 10 %",
                ..means("ahead", self.seeds(ahead)?)
            },
            Claim {
                statement: "The kernel moves fast at first and slowly later.",
                quantity: "median kernel velocity of the last third of epochs over that of the first epoch".into(),
                threshold: Threshold::AtMost(0.05),
                paper: "a fast transient, then a slow drift",
                ..means("velocity-falls", self.seeds(falls)?)
            },
            Claim {
                statement: "Most of the way of the kernel is made early.",
                quantity: "kernel distance from the start after a fifth of the epochs over that at the end".into(),
                threshold: Threshold::AtLeast(0.8),
                paper: "a fast transient, then a slow drift",
                ..means("early-distance", self.seeds(early)?)
            },
            Claim {
                statement: "The kernel is fastest in the first epoch and where the network begins to generalize.",
                quantity: "the lesser of the two velocities over the largest other one".into(),
                threshold: Threshold::AtLeast(1.0),
                paper: "",
                gate: Gate::Informative("single late spikes occur"),
                ..means("velocity-peaks", self.seeds(peaks)?)
            },
        ])
    }

    pub(super) fn children(&self) -> Result<Vec<Claim>> {
        let s = self.settings;
        let spawns: Vec<f64> = s.spawns.iter().map(|&at| at as f64).collect();
        let late: Vec<usize> = (0..spawns.len()).filter(|&i| 4 * s.spawns[i] >= s.noisy_steps).collect();
        let first = |name: &'static str| self.seeds(|seed| Ok(self.spawned(seed, name)?[0]));
        let averages = |name: &'static str| -> Result<Vec<f64>> {
            let all = s.seeds.iter().map(|&seed| self.spawned(seed, name)).collect::<Result<Vec<_>>>()?;
            Ok((0..spawns.len()).map(|i| mean(&all.iter().map(|of_seed| of_seed[i]).collect::<Vec<_>>())).collect())
        };
        let mut claims = vec![Claim {
            statement: "Children of a network at the start end in basins of their own.",
            quantity: "barrier of the training loss between children spawned first".into(),
            threshold: Threshold::AtLeast(0.15),
            paper: "a barrier",
            ..means("barrier-early", first("loss_barrier")?)
        }];
        if !late.is_empty() {
            let of = |seed| -> Result<f64> {
                let barriers = self.spawned(seed, "loss_barrier")?;
                Ok(largest(&late.iter().map(|&i| barriers[i]).collect::<Vec<_>>()))
            };
            claims.push(Claim {
                statement: "Children spawned later end in one basin.",
                quantity: "largest barrier of the training loss, spawned after a quarter of the steps or later".into(),
                threshold: Threshold::AtMost(0.03),
                paper: "falls to 0 within the first few percent of training",
                source: "0.018 with a standard error of 0.003 on seeds 0, 1, 2, and four of these",
                ..means("barrier-late", self.seeds(of)?)
            });
        }
        let drop = |seed| -> Result<f64> {
            let hamming = self.spawned(seed, "hamming")?;
            Ok(hamming[0] / hamming[hamming.len() - 1])
        };
        claims.push(Claim {
            statement: "So do their patterns of active units.",
            quantity: "Hamming distance of children spawned first over that of those spawned last".into(),
            threshold: Threshold::AtLeast(8.0),
            paper: "falls with the barrier",
            ..means("hamming-drop", self.seeds(drop)?)
        });
        let barriers = averages("loss_barrier")?;
        let mut correlate =
            |name, statement, with: &str, other: Vec<f64>, column: &'static str, threshold, gate| -> Result<()> {
                let of_seed = |seed| -> Result<f64> {
                    let own = self.spawned(seed, column)?;
                    let with_time = with == "the time of spawning";
                    let other = if with_time { spawns.clone() } else { self.spawned(seed, "loss_barrier")? };
                    Ok(spearman(&own, &other))
                };
                claims.push(Claim {
                    statement,
                    quantity: format!("Spearman's correlation with {with}, means of the seeds"),
                    measured: spearman(&averages(column)?, &other),
                    threshold,
                    gate,
                    paper: "fall together, highly correlated",
                    ..means(name, self.seeds(of_seed)?)
                });
                Ok(())
            };
        if spawns.len() > 2 {
            let (time, barrier) = ("the time of spawning", "the barrier");
            let fall = Threshold::AtMost(-0.9);
            let rise = Threshold::AtLeast(0.9);
            let unmeasured = || Gate::Informative("the pilot has no number for it");
            correlate(
                "barrier-falls",
                "The barrier falls with the time of spawning.",
                time,
                spawns.clone(),
                "loss_barrier",
                fall,
                Gate::Gated,
            )?;
            correlate(
                "hamming-falls",
                "So does the Hamming distance.",
                time,
                spawns.clone(),
                "hamming",
                fall,
                Gate::Gated,
            )?;
            correlate(
                "hamming-barrier",
                "Hamming distance and barrier go together.",
                barrier,
                barriers.clone(),
                "hamming",
                rise,
                Gate::Gated,
            )?;
            correlate(
                "kernel-barrier",
                "Kernel distance and barrier go together.",
                barrier,
                barriers.clone(),
                "kernel",
                rise,
                unmeasured(),
            )?;
            correlate(
                "function-barrier",
                "Disagreement and barrier go together.",
                barrier,
                barriers,
                "disagreement",
                rise,
                unmeasured(),
            )?;
        }
        claims.push(Claim {
            statement: "Children spawned first have a barrier of the test error.",
            quantity: "barrier of the test error between children spawned first".into(),
            threshold: Threshold::AtLeast(0.02),
            paper: "a barrier of the error",
            gate: Gate::Informative("on digits there is none: the barrier of the training loss is the one to look at"),
            ..means("error-barrier", first("error_barrier")?)
        });
        Ok(claims)
    }

    pub(super) fn parity_table(&self) -> Result<Table> {
        let s = self.settings;
        let columns = ["epoch", "network", "kernel", "linearized", "distance from start", "velocity"];
        let mut table = Table {
            name: "parity",
            title: "Test errors on sparse parity, and the kernel's way, means of the seeds".into(),
            columns: columns.map(str::to_owned).into(),
            rows: Vec::new(),
        };
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
        let mut table = Table {
            name: "children",
            title: "Distances of children, means of the seeds".into(),
            columns: columns.map(str::to_owned).into(),
            rows: Vec::new(),
        };
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

/// A claim that the mean of the seeds is held against.
fn means(name: &'static str, values: Vec<f64>) -> Claim {
    Claim {
        name,
        statement: "",
        quantity: String::new(),
        measured: mean(&values),
        error: standard_error(&values),
        values,
        paper: "",
        threshold: Threshold::AtMost(0.0),
        source: "a pilot with a separate program in JAX, three seeds",
        gate: Gate::Gated,
    }
}
