//! The paper's figures, and the numbers behind them.

use super::judge::{Configuration, Means, Measured, alike, biases, drift, mean_weights, weights};
use super::{Settings, theory};
use crate::error::Result;
use crate::experiment::finding::{Axis, Figure, Lines, Mark, Panel, Series, Style, Table};

fn series(name: &str, style: Style, points: Vec<[f64; 2]>) -> Series {
    Series { name: name.into(), points, band: Vec::new(), style }
}

fn dots(
    name: &str,
    all: &[&Configuration],
    x: impl Fn(&Configuration) -> f64,
    of: impl Fn(&Means) -> f64 + Copy,
) -> Series {
    let mut found: Vec<(f64, Measured)> = all.iter().map(|c| (x(c), c.estimate(of))).collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    Series {
        name: name.into(),
        points: found.iter().map(|(x, m)| [*x, m.value]).collect(),
        band: found.iter().map(|(_, m)| [m.value - m.error, m.value + m.error]).collect(),
        style: Style::Dots,
    }
}

pub(super) fn fluctuations(all: &[Configuration]) -> Figure {
    let all: Vec<&Configuration> = all.iter().collect();
    let top = all.iter().map(|c| c.beta()).fold(0.1, f64::max) * 1.05;
    let curve = |f: &dyn Fn(f64) -> f64| (0..=60).map(|i| f64::from(i) / 60.0 * top).map(|b| [b, f(b)]).collect();
    // One configuration a beta, the one of most layers: the others are in the second panel.
    let mut deepest: Vec<&Configuration> = Vec::new();
    for &c in &all {
        match deepest.iter_mut().find(|other| other.beta() == c.beta()) {
            Some(other) if other.layers >= c.layers => {}
            Some(other) => *other = c,
            None => deepest.push(c),
        }
    }
    let over_beta = Lines {
        title: "Fluctuations".into(),
        x: Axis::linear("beta, hidden layers over width"),
        y: Axis::logarithmic("E[K^2] / E[K]^2"),
        series: vec![
            dots("weights, measured", &deepest, Configuration::beta, weights),
            dots("biases, measured", &deepest, Configuration::beta, biases),
            series("weights, limit", Style::Theory, curve(&theory::weights_limit)),
            series("biases, limit", Style::Theory, curve(&theory::biases_limit)),
            series("exp(5 beta)", Style::Theory, curve(&|b| (5.0 * b).exp())),
        ],
        marks: Vec::new(),
    };
    let mut panels = vec![Panel::Lines(over_beta)];
    let mut alike = alike(&all);
    alike.sort_by_key(|c| c.layers);
    if alike.len() >= 2 {
        let beta = alike[0].beta();
        let exact = |c: &&Configuration| [c.layers as f64, theory::weights(c.width, c.layers)];
        let independent = |c: &&Configuration| [c.layers as f64, theory::weights_if_independent(c.width, c.layers)];
        panels.push(Panel::Lines(Lines {
            title: format!("The same beta, {beta}"),
            x: Axis::logarithmic("layers of weights d"),
            y: Axis::linear("E[K_w^2] / E[K_w]^2"),
            series: vec![
                dots("measured", &alike, |c| c.layers as f64, weights),
                series("exact", Style::Theory, alike.iter().map(exact).collect()),
                series("independent", Style::Theory, alike.iter().map(independent).collect()),
            ],
            marks: vec![Mark { name: "limit".into(), at: theory::weights_limit(beta), upright: false }],
        }));
    }
    Figure {
        name: "fluctuations",
        title: "Fluctuations of the kernel at one input".into(),
        caption: "The kernel's second moment is set by beta and grows as exp(5 beta) / 3 once beta is large, with slope 11/3 \
                  and not 5 at its start. At one beta it approaches the limit from below as networks grow; the dots lie on \
                  the exact line, not on that of independent masks and weights."
            .into(),
        claims: vec!["fluctuations", "exponent", "exponent-below-5", "collapse", "limit", "bias-fluctuations"],
        panels,
    }
}

pub(super) fn drifts(all: &[Configuration]) -> Figure {
    let all: Vec<&Configuration> = all.iter().filter(|c| c.layers > 1).collect();
    let x = |c: &Configuration| c.layers as f64 * c.beta();
    let theory = {
        let mut at: Vec<f64> = all.iter().map(|c| x(c)).collect();
        at.sort_by(f64::total_cmp);
        at.into_iter().map(|at| [at, 2.0 * at]).collect()
    };
    let panel = Lines {
        title: String::new(),
        x: Axis::logarithmic("d beta"),
        y: Axis::logarithmic("-E[Delta K_w] / (eta E[K_w])"),
        series: vec![dots("measured", &all, x, drift), series("2 d beta", Style::Theory, theory)],
        marks: Vec::new(),
    };
    Figure {
        name: "drift",
        title: "Change of the kernel by a step of gradient descent".into(),
        caption: "A first step changes the kernel by 2 d beta of itself where beta is small, and by more where it is not: by \
                  d^2 / n, not 1/n."
            .into(),
        claims: vec!["drift"],
        panels: vec![Panel::Lines(panel)],
    }
}

pub(super) fn table(settings: &Settings, all: &[Configuration]) -> Result<Table> {
    let columns = [
        "width",
        "layers",
        "beta",
        "networks",
        "E[K_w] / d",
        "weights",
        "error",
        "exact",
        "independent",
        "biases",
        "error",
        "exact",
        "drift / (d beta)",
        "error",
    ];
    let mut table = Table::new("moments", "Second moments over squared means, and the first step", &columns);
    for c in all {
        let [w, b] = [c.estimate(weights), c.estimate(biases)];
        let scale = c.layers as f64 * c.beta();
        let d = c.estimate(|m| drift(m) / scale);
        table.push(vec![
            c.width.into(),
            c.layers.into(),
            c.beta().into(),
            (c.seeds.len() * settings.samples).into(),
            (c.estimate(mean_weights).value / c.layers as f64).into(),
            w.value.into(),
            w.error.into(),
            theory::weights(c.width, c.layers).into(),
            theory::weights_if_independent(c.width, c.layers).into(),
            b.value.into(),
            b.error.into(),
            theory::biases(c.width, c.layers).into(),
            d.value.into(),
            d.error.into(),
        ])?;
    }
    Ok(table)
}
