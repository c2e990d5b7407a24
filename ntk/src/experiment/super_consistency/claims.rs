//! The paper's claims, and the numbers behind them in tables.

use super::network::{Param, Shape};
use super::{Settings, Task};
use crate::error::{Error, Result};
use crate::experiment::Record;
use crate::experiment::finding::{Cell, Claim, Gate, Table, Threshold};
use crate::statistics::{mean, median, slope, spearman};

const PILOT: &str = "a pilot with a separate program in JAX, three seeds";
const TOY: &str = "a pilot with a separate program, one seed; the curvature is a closed form";

/// All that was measured.
pub(super) struct Measured<'m> {
    pub(super) settings: &'m Settings,
    pub(super) done: &'m [(Task, Record)],
}

/// The columns of preconditioned sharpness and its residual.
pub(super) const SHARPNESS: &str = "preconditioned_sharpness";
const RESIDUAL: &str = "preconditioned_sharpness_residual";

fn curve<'r>(record: &'r Record, name: &str) -> Result<&'r [f64]> {
    Ok(&record.values(name)?.data)
}

fn last(values: &[f64]) -> f64 {
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
    fn find(&self, of: impl Fn(&Task) -> bool) -> Result<&'m Record> {
        let found = self.done.iter().find(|(task, _)| of(task)).map(|(_, record)| record);
        found.ok_or_else(|| Error::Bug("a task of super-consistency that was not carried out".into()))
    }

    pub(super) fn toy(&self, seed: u64, param: Param, width: usize, rate: f64, name: &str) -> Result<&'m [f64]> {
        let this = |t: &super::Toy| (t.seed, t.param, t.width, t.rate) == (seed, param, width, rate);
        curve(self.find(|task| matches!(task, Task::Toy(t) if this(t)))?, name)
    }

    pub(super) fn descent(&self, seed: u64, param: Param, shape: Shape, rate: f64, name: &str) -> Result<&'m [f64]> {
        let this = |d: &super::Descent| (d.seed, d.param, d.shape, d.rate) == (seed, param, shape, rate);
        curve(self.find(|task| matches!(task, Task::Descent(d) if this(d)))?, name)
    }

    /// Losses after a few steps over the grid of learning rates, of one seed.
    pub(super) fn transfer(&self, seed: u64, param: Param, shape: Shape, name: &str) -> Result<&'m [f64]> {
        let this = |t: &super::Transfer| (t.seed, t.param, t.shape) == (seed, param, shape);
        curve(self.find(|task| matches!(task, Task::Transfer(t) if this(t)))?, name)
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

    pub(super) fn judge(&self) -> Result<(Vec<Claim>, Vec<Table>)> {
        let mut claims = self.perceptrons()?;
        claims.extend(self.transfers()?);
        claims.extend(self.depths()?);
        claims.extend(self.toys()?);
        claims.push(self.residuals()?);
        Ok((claims, vec![self.sharpness_table()?, self.transfer_table()?]))
    }

    fn perceptrons(&self) -> Result<Vec<Claim>> {
        let eta = self.settings.rates[0];
        let at_end = |seed, param, name| -> Result<Vec<f64>> {
            Ok(self.widths(seed, param, eta, name)?.into_iter().map(last).collect())
        };
        let sharpness = |seed, param| at_end(seed, param, SHARPNESS);
        let kept = |seed| -> Result<Vec<f64>> {
            Ok(self.widths(seed, Param::Ntp, eta, SHARPNESS)?.into_iter().map(|s| last(s) / s[0]).collect())
        };
        let kept: Vec<Vec<f64>> = self.settings.seeds.iter().map(|&seed| kept(seed)).collect::<Result<_>>()?;
        let of_width = |i: usize| kept.iter().map(|of_seed| of_seed[i]).collect::<Vec<f64>>();
        let middle: Vec<f64> = (0..self.settings.widths.len()).map(|i| median(&of_width(i))).collect();
        let widths: Vec<f64> = self.settings.widths.iter().map(|&n| n as f64).collect();
        let widest = (0..widths.len()).max_by_key(|&i| self.settings.widths[i]).unwrap_or(0);
        let farthest = |seed| -> Result<f64> {
            let of = |s: &[f64]| top(&s[s.len() / 2..].iter().map(|s| (s * eta / 2.0 - 1.0).abs()).collect::<Vec<_>>());
            Ok(top(&self.widths(seed, Param::Mup, eta, SHARPNESS)?.into_iter().map(of).collect::<Vec<_>>()))
        };
        let mut claims = vec![
            Claim {
                statement: "In muP sharpness is the same at every width.",
                quantity: "(max - min)/mean over widths of the sharpness at the last step".into(),
                threshold: Threshold::AtMost(0.05),
                paper: "curves that coincide",
                ..medians("mup-spread", self.seeds(|seed| Ok(spread(&sharpness(seed, Param::Mup)?)))?)
            },
            Claim {
                statement: "In muP it rises to the edge of stability 2/eta_0 and stays.",
                quantity: "largest |S eta_0/2 - 1| in the second half, over widths".into(),
                threshold: Threshold::AtMost(0.1),
                paper: "converges to 2/eta_0",
                ..medians("mup-edge", self.seeds(farthest)?)
            },
            Claim {
                statement: "In NTP it does not reach the edge.",
                quantity: "largest S eta_0/2 at the last step, over widths".into(),
                threshold: Threshold::AtMost(0.6),
                paper: "no progressive sharpening at large width",
                ..medians("ntp-edge", self.seeds(|seed| Ok(top(&sharpness(seed, Param::Ntp)?) * eta / 2.0))?)
            },
            Claim {
                statement: "In NTP sharpness stays what it was, the more so the wider the network.",
                quantity: format!("S(T)/S(0) at width {}", self.settings.widths[widest]),
                threshold: Threshold::Within(0.75, 1.1),
                paper: "approaches its value at the start",
                ..medians("ntp-kept", of_width(widest))
            },
            Claim {
                statement: "In muP the loss does not coincide: differences of size add up.",
                quantity: "spread over widths of the loss over that of the sharpness, at the last step".into(),
                threshold: Threshold::AtLeast(5.0),
                paper: "loss curves that part",
                ..medians(
                    "mup-loss",
                    self.seeds(|seed| {
                        Ok(spread(&at_end(seed, Param::Mup, "loss")?) / spread(&sharpness(seed, Param::Mup)?))
                    })?,
                )
            },
        ];
        if widths.len() > 2 {
            claims.push(Claim {
                statement: "In NTP the change of sharpness falls with the width.",
                quantity: "Spearman's correlation of width and S(T)/S(0), medians of the seeds".into(),
                measured: spearman(&widths, &middle),
                threshold: Threshold::AtLeast(0.999),
                paper: "progressive sharpening disappears",
                ..medians("ntp-order", kept.iter().map(|of_seed| spearman(&widths, of_seed)).collect())
            });
        }
        Ok(claims)
    }

    fn transfers(&self) -> Result<Vec<Claim>> {
        let widths = &self.settings.transfer_widths;
        let best = |seeds: &[u64], param| -> Result<Vec<(f64, f64)>> {
            widths.iter().map(|&width| self.best(seeds, param, Shape::Mlp { width })).collect()
        };
        let moved = |seeds: &[u64]| -> Result<f64> {
            let logs: Vec<f64> = best(seeds, Param::Mup)?.iter().map(|best| best.0.log2()).collect();
            Ok(top(&logs) - bottom(&logs))
        };
        let fall = |seeds: &[u64]| -> Result<f64> {
            let best = best(seeds, Param::Sp)?;
            Ok(slope(widths.iter().zip(&best).map(|(&n, best)| ((n as f64).log2(), best.0.log2()))))
        };
        let risen = |seeds: &[u64]| -> Result<f64> {
            Ok(best(seeds, Param::Mup)?.windows(2).filter(|pair| pair[1].1 >= pair[0].1).count() as f64)
        };
        let worse = |seeds: &[u64]| -> Result<f64> {
            let at = |param| Ok::<f64, Error>(best(seeds, param)?.last().map_or(f64::NAN, |best| best.1));
            Ok(at(Param::Ntp)? / at(Param::Mup)?)
        };
        let all = &self.settings.seeds;
        let each = |of: &dyn Fn(&[u64]) -> Result<f64>| self.seeds(|seed| of(&[seed]));
        Ok(vec![
            Claim {
                statement: "In muP the best learning rate is the same at every width.",
                quantity: "log2 of the largest best eta_0 over the smallest, losses averaged over seeds".into(),
                measured: moved(all)?,
                threshold: Threshold::AtMost(0.51),
                paper: "the optimum transfers",
                source: "half an octave is the grid; a pilot found none over 16 times the width",
                ..medians("mup-transfer", each(&moved)?)
            },
            Claim {
                statement: "In muP wider is better.",
                quantity: "steps in width at which the best loss does not fall".into(),
                measured: risen(all)?,
                threshold: Threshold::AtMost(0.0),
                paper: "wider is better",
                ..medians("mup-wider", each(&risen)?)
            },
            Claim {
                statement: "In SP the best learning rate falls as 1/N.",
                quantity: "slope of log2 of the best eta_0 over log2 of the width".into(),
                measured: fall(all)?,
                threshold: Threshold::Within(-1.2, -0.7),
                paper: "-1 for many widths",
                ..medians("sp-transfer", each(&fall)?)
            },
            Claim {
                statement: "In NTP the best learning rate gives a worse network.",
                quantity: "best loss in NTP over that in muP, at the largest width".into(),
                measured: worse(all)?,
                threshold: Threshold::AtLeast(3.0),
                paper: "the optimum does not transfer",
                gate: Gate::Informative(
                    "the drift of the optimum is small at these sizes; the loss is the clearer contrast",
                ),
                ..medians("ntp-transfer", each(&worse)?)
            },
        ])
    }

    fn depths(&self) -> Result<Vec<Claim>> {
        let deep: Vec<usize> = self.settings.blocks.iter().copied().filter(|&blocks| blocks >= 4).collect();
        let eta = self.settings.depth_rate;
        let sharpness = |seed, shape| self.descent(seed, Param::Mup, shape, eta, SHARPNESS);
        let mut claims = Vec::new();
        for &layers in &self.settings.branch_layers {
            if deep.len() < 2 {
                break;
            }
            let ends = |seed| -> Result<f64> {
                let of = |&blocks: &usize| sharpness(seed, self.residual(blocks, layers, 0.5)).map(last);
                Ok(spread(&deep.iter().map(of).collect::<Result<Vec<_>>>()?))
            };
            let moved = |seeds: &[u64]| -> Result<f64> {
                let of =
                    |&blocks: &usize| Ok(self.best(seeds, Param::Mup, self.residual(blocks, layers, 0.5))?.0.log2());
                let logs = deep.iter().map(of).collect::<Result<Vec<f64>>>()?;
                Ok(top(&logs) - bottom(&logs))
            };
            let quantity = format!("(max - min)/mean of S at the last step over 4 and more blocks of {layers} layers");
            let base = Claim {
                quantity,
                threshold: Threshold::AtMost(0.15),
                paper: "curves that coincide at one layer a block",
                ..medians(if layers == 1 { "depth-spread" } else { of_layers(layers).0 }, self.seeds(ends)?)
            };
            let transfer = Claim {
                statement: "With one layer a block the best learning rate is the same at every depth, with more it is not.",
                quantity: format!(
                    "log2 of the largest best eta_0 over the smallest, 4 and more blocks of {layers} layers"
                ),
                measured: moved(&self.settings.seeds)?,
                threshold: Threshold::AtMost(0.51),
                paper: "transfers at one layer a block",
                gate: Gate::Informative(
                    "few steps on few samples: a pilot found half an octave at one layer and at two",
                ),
                ..medians(
                    if layers == 1 { "depth-transfer" } else { of_layers(layers).1 },
                    self.seeds(|seed| moved(&[seed]))?,
                )
            };
            claims.push(match layers {
                1 => Claim { statement: "With branches over sqrt(L), sharpness is the same at every depth.", ..base },
                _ => Claim {
                    statement: "With more layers a block, sharpness depends on the depth.",
                    paper: "curves that part",
                    gate: Gate::Informative("at this size and with full batches it does not"),
                    ..base
                },
            });
            claims.push(transfer);
        }
        if let [true, true] = [2, 8].map(|blocks| self.settings.blocks.contains(&blocks)) {
            let first = |seed, blocks| Ok::<f64, Error>(sharpness(seed, self.residual(blocks, 1, 0.0))?[0]);
            claims.push(Claim {
                statement: "Without the factor, sharpness explodes with depth from the start.",
                quantity: "S(0) of 8 blocks over that of 2, alpha = 0".into(),
                threshold: Threshold::AtLeast(20.0),
                paper: "diverges in deep networks",
                ..medians("depth-unscaled", self.seeds(|seed| Ok(first(seed, 8)? / first(seed, 2)?))?)
            });
        }
        Ok(claims)
    }

    fn toys(&self) -> Result<Vec<Claim>> {
        let wide = |least: usize| self.settings.toy_widths.iter().copied().filter(move |&width| width >= least);
        let [Some(&below), Some(&beyond)] = [self.settings.toy_rates.first(), self.settings.toy_rates.last()] else {
            return Ok(Vec::new());
        };
        let g = |seed, param, width, rate| self.toy(seed, param, width, rate, "g");
        let growth = |seed, param, least| -> Result<Vec<f64>> {
            wide(least).map(|width| g(seed, param, width, below).map(|g| last(g) / g[0])).collect()
        };
        let ends =
            |seed| -> Result<Vec<f64>> { wide(64).map(|width| g(seed, Param::Mup, width, below).map(last)).collect() };
        let edge = |seed| -> Result<f64> {
            let of = |width| g(seed, Param::Mup, width, beyond).map(|g| (last(g) * beyond / 2.0 - 1.0).abs());
            Ok(top(&wide(64).map(of).collect::<Result<Vec<_>>>()?))
        };
        let mut claims = Vec::new();
        if wide(64).count() >= 2 {
            claims.push(Claim {
                statement: "In the linear toy in muP, the largest eigenvalue of G is the same at every width.",
                quantity: format!(
                    "(max - min)/mean of lambda_1(G) at the last step, N of 64 and more, eta_0 = {below}"
                ),
                threshold: Threshold::AtMost(0.05),
                source: TOY,
                paper: "curves that coincide",
                ..medians("toy-spread", self.seeds(|seed| Ok(spread(&ends(seed)?)))?)
            });
        }
        if wide(256).next().is_some() {
            claims.push(Claim {
                statement: "In the toy sharpening is that of G, the largest eigenvalue of the kernel.",
                quantity: format!(
                    "least lambda_1(G) at the end over that at the start, N of 256 and more, eta_0 = {below}"
                ),
                threshold: Threshold::AtLeast(3.0),
                source: "3.7 to 4.8 on seven seeds with a teacher of length 1; the growth is nearly in proportion to that length",
                paper: "G grows, the residual part falls to 0",
                ..medians("toy-growth", self.seeds(|seed| Ok(bottom(&growth(seed, Param::Mup, 256)?)))?)
            });
        }
        if beyond > below && wide(64).next().is_some() {
            claims.push(Claim {
                statement: "In the toy in muP it meets the edge 2/eta_0 at every width.",
                quantity: format!("largest |lambda_1(G) eta_0/2 - 1| at the last step, N of 64 and more, eta_0 = {beyond}"),
                threshold: Threshold::AtMost(0.05),
                source: "descent comes to rest a little below the edge, by how much its last oscillation decides: 1 to 3.4 % on \
                         seven seeds",
                paper: "converges to 2/eta_0",
                ..medians("toy-edge", self.seeds(edge)?)
            });
        }
        if wide(256).next().is_some() {
            claims.push(Claim {
                statement: "In the toy in NTP it stays where it was.",
                quantity: format!(
                    "largest lambda_1(G) at the end over that at the start, N of 256 and more, eta_0 = {below}"
                ),
                threshold: Threshold::AtMost(1.15),
                source: TOY,
                paper: "a kernel that stays",
                ..medians("toy-ntp", self.seeds(|seed| Ok(top(&growth(seed, Param::Ntp, 256)?)))?)
            });
        }
        Ok(claims)
    }

    fn residuals(&self) -> Result<Claim> {
        let mut worst: Vec<f64> = Vec::new();
        for (task, record) in self.done {
            if let Task::Descent(_) = task {
                let (values, residuals) = (curve(record, SHARPNESS)?, curve(record, RESIDUAL)?);
                worst.extend(values.iter().zip(residuals).map(|(v, r)| r / v.abs()).filter(|x| x.is_finite()));
            }
        }
        Ok(Claim {
            statement: "Every sharpness is an eigenvalue.",
            quantity: "largest |H v - lambda v| / lambda".into(),
            threshold: Threshold::AtMost(0.01),
            paper: "",
            source: "so that an iteration that was cut short is no result",
            ..medians("converged", vec![top(&worst)])
        })
    }

    fn sharpness_table(&self) -> Result<Table> {
        let columns =
            ["network", "eta_0", "S(0) eta_0/2", "S(T/2) eta_0/2", "S(T) eta_0/2", "S(T)/S(0)", "L(0)", "L(T)"];
        let mut table = Table {
            name: "sharpness",
            title: "Sharpness and loss, medians of the seeds".into(),
            columns: columns.map(str::to_owned).into(),
            rows: Vec::new(),
        };
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

    fn transfer_table(&self) -> Result<Table> {
        let columns = ["network", "best eta_0", "its loss"];
        let mut table = Table {
            name: "transfer",
            title: format!("The best learning rate after {} steps, all seeds together", self.settings.transfer_steps),
            columns: columns.map(str::to_owned).into(),
            rows: Vec::new(),
        };
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

/// Names of the claims about blocks of several layers.
fn of_layers(layers: usize) -> (&'static str, &'static str) {
    match layers {
        2 => ("depth-spread-2", "depth-transfer-2"),
        3 => ("depth-spread-3", "depth-transfer-3"),
        _ => ("depth-spread-more", "depth-transfer-more"),
    }
}

/// A claim that the median of the seeds is held against.
fn medians(name: &'static str, values: Vec<f64>) -> Claim {
    Claim {
        name,
        statement: "",
        quantity: String::new(),
        measured: if values.iter().any(|x| x.is_nan()) { f64::NAN } else { median(&values) },
        values,
        error: None,
        paper: "",
        threshold: Threshold::AtMost(0.0),
        source: PILOT,
        gate: Gate::Gated,
    }
}
