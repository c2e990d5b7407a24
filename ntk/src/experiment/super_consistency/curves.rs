//! The paper's figures.

use super::judge::{Measured, SHARPNESS, spread};
use super::network::{Param, Shape};
use crate::error::Result;
use crate::experiment::finding::{Axis, Figure, Lines, Mark, Panel, Series, Style};
use crate::statistics::median;

/// The median of the seeds, with the least and the largest as a band.
fn band(name: String, x: &[f64], seeds: &[Vec<f64>], style: Style) -> Series {
    let at = |i: usize| seeds.iter().map(|curve| curve[i]).collect::<Vec<f64>>();
    let points = (0..x.len()).map(|i| [x[i], median(&at(i))]).collect();
    let ends = |i| at(i).iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[a, b], &y| [a.min(y), b.max(y)]);
    let band = if seeds.len() > 1 { (0..x.len()).map(ends).collect() } else { Vec::new() };
    Series { name, points, band, style }
}

fn edge(eta: f64) -> Vec<Mark> {
    vec![Mark { name: "2/eta_0".into(), at: 2.0 / eta, upright: false }]
}

impl Measured<'_> {
    /// A curve of each seed.
    fn seeds_of(&self, of: impl Fn(u64) -> Result<Vec<f64>>) -> Result<Vec<Vec<f64>>> {
        self.settings.seeds.iter().map(|&seed| of(seed)).collect()
    }

    fn over_steps(&self, param: Param, name: &str, y: Axis, marks: Vec<Mark>) -> Result<Panel> {
        let eta = self.settings.rates[0];
        let series = |&width: &usize| {
            let of = |seed, name| self.descent(seed, param, Shape::Mlp { width }, eta, name);
            let x = of(self.settings.seeds[0], "step")?;
            Ok(band(format!("N = {width}"), x, &self.seeds_of(|seed| Ok(of(seed, name)?.to_vec()))?, Style::Line))
        };
        Ok(Panel::Lines(Lines {
            title: param.title().into(),
            x: Axis::linear("step"),
            y,
            series: self.settings.widths.iter().map(series).collect::<Result<_>>()?,
            marks,
        }))
    }

    fn spreads(&self, param: Param) -> Result<Panel> {
        let eta = self.settings.rates[0];
        let x = self.widths(self.settings.seeds[0], param, eta, "step")?[0];
        let of = |name: &'static str| {
            self.seeds_of(|seed| {
                let curves = self.widths(seed, param, eta, name)?;
                Ok((0..x.len()).map(|i| spread(&curves.iter().map(|c| c[i]).collect::<Vec<_>>())).collect())
            })
        };
        Ok(Panel::Lines(Lines {
            title: param.title().into(),
            x: Axis::linear("step"),
            y: Axis::logarithmic("(max - min)/mean over widths"),
            series: vec![
                band("sharpness".into(), x, &of(SHARPNESS)?, Style::Line),
                band("loss".into(), x, &of("loss")?, Style::Line),
            ],
            marks: Vec::new(),
        }))
    }

    fn losses_over_rates(&self, title: &str, param: Param, shapes: Vec<(String, Shape)>) -> Result<Panel> {
        let series = |(name, shape): (String, Shape)| {
            let x = self.transfer(self.settings.seeds[0], param, shape, "rate")?;
            Ok(band(
                name,
                x,
                &self.seeds_of(|seed| Ok(self.transfer(seed, param, shape, "loss")?.to_vec()))?,
                Style::Dots,
            ))
        };
        Ok(Panel::Lines(Lines {
            title: title.into(),
            x: Axis::logarithmic("eta_0"),
            y: Axis::logarithmic(format!("loss after {} steps", self.settings.transfer_steps)),
            series: shapes.into_iter().map(series).collect::<Result<_>>()?,
            marks: Vec::new(),
        }))
    }

    fn depth(&self) -> Result<Figure> {
        let (settings, eta) = (self.settings, self.settings.depth_rate);
        let of = |seed, shape, name| self.descent(seed, Param::Mup, shape, eta, name);
        let mut panels = Vec::new();
        for &layers in &settings.branch_layers {
            let series = |&blocks: &usize| {
                let shape = self.residual(blocks, layers, 0.5);
                let curves = self.seeds_of(|seed| Ok(of(seed, shape, SHARPNESS)?.to_vec()))?;
                Ok(band(format!("L = {blocks}"), of(settings.seeds[0], shape, "step")?, &curves, Style::Line))
            };
            panels.push(Panel::Lines(Lines {
                title: format!("alpha = 1/2, {layers} a block"),
                x: Axis::linear("step"),
                y: Axis::linear("sharpness"),
                series: settings.blocks.iter().map(series).collect::<Result<_>>()?,
                marks: edge(eta),
            }));
        }
        let blocks: Vec<f64> = settings.blocks.iter().map(|&blocks| blocks as f64).collect();
        let first = |exponent: f64| {
            let of = |seed, blocks| Ok(of(seed, self.residual(blocks, 1, exponent), SHARPNESS)?[0]);
            self.seeds_of(|seed| settings.blocks.iter().map(|&blocks| of(seed, blocks)).collect())
        };
        panels.push(Panel::Lines(Lines {
            title: "At the start".into(),
            x: Axis::logarithmic("blocks L"),
            y: Axis::logarithmic("sharpness"),
            series: vec![
                band("alpha = 0".into(), &blocks, &first(0.0)?, Style::Dots),
                band("alpha = 1/2".into(), &blocks, &first(0.5)?, Style::Dots),
            ],
            marks: Vec::new(),
        }));
        Ok(Figure {
            name: "depth",
            title: "Sharpness of residual networks".into(),
            caption:
                "With branches over sqrt(L) networks of 4 and more blocks reach the same edge; without the factor \
                      sharpness explodes with depth before the first step."
                    .into(),
            claims: vec!["depth-spread", "depth-unscaled"],
            panels,
        })
    }

    fn toy_figure(&self) -> Result<Figure> {
        let settings = self.settings;
        let mut panels = Vec::new();
        for param in [Param::Mup, Param::Ntp] {
            for &rate in &settings.toy_rates {
                let mut series = Vec::new();
                for &width in &settings.toy_widths {
                    let curves = self.seeds_of(|seed| Ok(self.toy(seed, param, width, rate, "g")?.to_vec()))?;
                    let x = self.toy(settings.seeds[0], param, width, rate, "step")?;
                    series.push(band(format!("G, N = {width}"), x, &curves, Style::Line));
                }
                if let Some(&width) = settings.toy_widths.last() {
                    let curves = self.seeds_of(|seed| Ok(self.toy(seed, param, width, rate, "r")?.to_vec()))?;
                    let x = self.toy(settings.seeds[0], param, width, rate, "step")?;
                    series.push(band(format!("R, N = {width}"), x, &curves, Style::Line));
                }
                panels.push(Panel::Lines(Lines {
                    title: format!("{}, eta_0 = {rate}", param.title()),
                    x: Axis::linear("step"),
                    y: Axis::linear("largest eigenvalue"),
                    series,
                    marks: edge(rate),
                }));
            }
        }
        Ok(Figure {
            name: "toy",
            title: "Two linear layers: the parts of the Hessian".into(),
            caption: "In muP the Gauss-Newton part G grows the same way at every width, and to the edge where the learning rate \
                      is large enough, while the residual part R dies out; in NTP G stays."
                .into(),
            claims: vec!["toy-spread", "toy-growth", "toy-edge", "toy-ntp"],
            panels,
        })
    }
}

pub(super) fn figures(measured: &Measured<'_>) -> Result<Vec<Figure>> {
    let settings = measured.settings;
    let eta = settings.rates[0];
    let both = [Param::Mup, Param::Ntp];
    let sharpness = |&param: &Param| measured.over_steps(param, SHARPNESS, Axis::linear("sharpness"), edge(eta));
    let loss = |&param: &Param| measured.over_steps(param, "loss", Axis::logarithmic("loss"), Vec::new());
    let wide =
        || settings.transfer_widths.iter().map(|&width| (format!("N = {width}"), Shape::Mlp { width })).collect();
    let over = |&param: &Param| measured.losses_over_rates(param.title(), param, wide());
    let deep = |&layers: &usize| {
        let shapes =
            settings.blocks.iter().map(|&blocks| (format!("L = {blocks}"), measured.residual(blocks, layers, 0.5)));
        measured.losses_over_rates(&format!("{layers} a block"), Param::Mup, shapes.collect())
    };
    Ok(vec![
        Figure {
            name: "sharpness",
            title: "Sharpness of perceptrons".into(),
            caption: "In muP sharpness rises to the edge 2/eta_0 along one curve for all widths; in NTP it stays below, and \
                      moves less the wider the network."
                .into(),
            claims: vec!["mup-spread", "mup-edge", "ntp-edge", "ntp-kept", "ntp-order"],
            panels: both.iter().map(sharpness).collect::<Result<_>>()?,
        },
        Figure {
            name: "loss",
            title: "Loss of the same perceptrons".into(),
            caption: "Losses part while sharpness coincides: wider networks fit faster in muP.".into(),
            claims: vec!["mup-loss"],
            panels: both.iter().map(loss).collect::<Result<_>>()?,
        },
        Figure {
            name: "spread",
            title: "What size does over time".into(),
            caption: "In muP the spread over widths falls for sharpness and grows for the loss.".into(),
            claims: vec!["mup-spread", "mup-loss"],
            panels: both.iter().map(|&param| measured.spreads(param)).collect::<Result<_>>()?,
        },
        Figure {
            name: "transfer",
            title: "The best learning rate at different widths".into(),
            caption: "In muP all widths have their least loss at the same learning rate, and wider is better; in SP it moves \
                      as 1/N."
                .into(),
            claims: vec!["mup-transfer", "mup-wider", "sp-transfer", "ntp-transfer"],
            panels: Param::ALL.iter().map(over).collect::<Result<_>>()?,
        },
        measured.depth()?,
        Figure {
            name: "depth-transfer",
            title: "The best learning rate at different depths".into(),
            caption: "With branches over sqrt(L) the best learning rate of 4 and more blocks moves by half an octave at most."
                .into(),
            claims: vec!["depth-transfer"],
            panels: settings.branch_layers.iter().map(deep).collect::<Result<_>>()?,
        },
        measured.toy_figure()?,
    ])
}
