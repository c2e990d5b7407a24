//! The paper's figures.

use super::judge::Measured;
use crate::array::Array;
use crate::error::Result;
use crate::experiment::finding::{Axis, Figure, Lines, Map, Panel, Series, Style};
use crate::statistics::mean;

/// The mean of the seeds, with the least and the largest as a band.
fn band(name: &str, x: &[f64], seeds: &[Vec<f64>], style: Style) -> Series {
    let at = |i: usize| seeds.iter().map(|curve| curve[i]).collect::<Vec<f64>>();
    let ends = |i| at(i).iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[a, b], &y| [a.min(y), b.max(y)]);
    let band = if seeds.len() > 1 { (0..x.len()).map(ends).collect() } else { Vec::new() };
    Series { name: name.into(), points: (0..x.len()).map(|i| [x[i], mean(&at(i))]).collect(), band, style }
}

fn lines(title: &str, x: Axis, y: Axis, series: Vec<Series>) -> Panel {
    Panel::Lines(Lines { title: title.into(), x, y, series, marks: Vec::new() })
}

impl Measured<'_> {
    fn seeds_of(&self, of: impl Fn(u64) -> Result<Vec<f64>>) -> Result<Vec<Vec<f64>>> {
        self.settings.seeds.iter().map(|&seed| of(seed)).collect()
    }

    fn whole(&self, name: &str) -> Result<Vec<Vec<f64>>> {
        self.seeds_of(|seed| Ok(self.curve(seed, name)?.to_vec()))
    }

    fn errors(&self) -> Result<Figure> {
        let epochs: Vec<f64> = (0..=self.settings.epochs).map(|epoch| epoch as f64).collect();
        let at: Vec<f64> = self.settings.checkpoints.iter().map(|&epoch| epoch as f64).collect();
        let series = vec![
            band("network", &epochs, &self.whole("net")?, Style::Line),
            band("kernel regression", &at, &self.whole("ker")?, Style::Dots),
            band("linearized, trained on", &at, &self.whole("lin")?, Style::Dots),
        ];
        Ok(Figure {
            name: "kernel-errors",
            title: "What the kernel of a network under way has learnt".into(),
            caption: "Regression with the kernel of epoch t, and the network linearized there and trained to the end, against \
                      the network itself: the first kernel learns nothing, that of a few epochs everything, and it is ahead \
                      of the network whose kernel it is."
                .into(),
            claims: vec!["kernel-learns", "match", "ahead"],
            panels: vec![lines("", Axis::linear("epoch t"), Axis::linear("test error"), series)],
        })
    }

    fn motion(&self) -> Result<Figure> {
        let epochs: Vec<f64> = (0..=self.settings.epochs).map(|epoch| epoch as f64).collect();
        let count = epochs.len();
        let from_start = self.seeds_of(|seed| Ok(self.curve(seed, "distances")?[..count].to_vec()))?;
        let all = self.whole("distances")?;
        let cells =
            (0..count * count).map(|i| mean(&all.iter().map(|of_seed| of_seed[i]).collect::<Vec<_>>())).collect();
        let map = Map {
            title: "Distance of kernels".into(),
            x: (Axis::linear("epoch"), epochs.clone()),
            y: (Axis::linear("epoch"), epochs.clone()),
            quantity: "S(K_s, K_t)".into(),
            cells: Array::new([count, count], cells)?,
            overlay: Vec::new(),
        };
        let velocity = vec![band("S(K_t-1, K_t)", &epochs[1..], &self.whole("velocity")?, Style::Line)];
        let distance = vec![band("S(K_0, K_t)", &epochs, &from_start, Style::Line)];
        Ok(Figure {
            name: "kernel-motion",
            title: "The way of the kernel".into(),
            caption: "A fast transient, with a second peak where the network begins to generalize, then a kernel that hardly \
                      moves: the square of late epochs is of one colour."
                .into(),
            claims: vec!["velocity-falls", "early-distance", "velocity-peaks"],
            panels: vec![
                lines("Velocity", Axis::linear("epoch"), Axis::logarithmic("distance an epoch"), velocity),
                lines("From the start", Axis::linear("epoch"), Axis::linear("kernel distance"), distance),
                Panel::Map(map),
            ],
        })
    }

    fn children_figure(&self) -> Result<Figure> {
        // An axis of logarithms has no 0: step s is drawn at s + 1.
        let at: Vec<f64> = self.settings.spawns.iter().map(|&at| at as f64 + 1.0).collect();
        let of = |label: &str, column: &str| -> Result<Series> {
            Ok(band(label, &at, &self.seeds_of(|seed| self.spawned(seed, column))?, Style::Dots))
        };
        let x = || Axis::logarithmic("step of spawning + 1");
        let distances = vec![of("Hamming", "hamming")?, of("disagreement", "disagreement")?, of("kernel", "kernel")?];
        Ok(Figure {
            name: "children",
            title: "Two children of a parent, at the end of training".into(),
            caption:
                "The later children part, the lower the barrier between them, to none after a quarter of training; the \
                      distances of activations, functions and kernels fall with it."
                    .into(),
            claims: vec![
                "barrier-early",
                "barrier-late",
                "barrier-falls",
                "hamming-drop",
                "hamming-falls",
                "hamming-barrier",
            ],
            panels: vec![
                lines(
                    "Barriers",
                    x(),
                    Axis::linear("barrier"),
                    vec![of("training loss", "loss_barrier")?, of("test error", "error_barrier")?],
                ),
                lines("Distances", x(), Axis::linear("share, or 1 - cosine"), distances),
            ],
        })
    }
}

pub(super) fn figures(measured: &Measured<'_>) -> Result<Vec<Figure>> {
    Ok(vec![measured.errors()?, measured.motion()?, measured.children_figure()?])
}
