//! What the moments say of the paper's claims.

use super::{QUANTITIES, Settings, Task, theory};
use crate::error::Result;
use crate::experiment::Record;
use crate::experiment::finding::{
    Axis, Claim, Figure, Findings, Gate, Lines, Mark, Panel, Series, Style, Table, Threshold,
};
use crate::statistics::jackknife;

/// Beyond this beta the mean of a square is carried by draws too rare to be seen.
const SEEN: f64 = 0.3;
/// Up to here the drift is held against its first order.
const FIRST_ORDER: f64 = 0.13;

type Means = [f64; QUANTITIES];

/// A configuration, all seeds together.
struct Configuration {
    width: usize,
    layers: usize,
    /// For each seed, its blocks.
    seeds: Vec<Vec<Means>>,
}

/// A number and its standard error.
#[derive(Clone, Copy)]
struct Measured {
    value: f64,
    error: f64,
}

impl Measured {
    /// How many standard errors it is from what is expected.
    fn off(self, expected: f64) -> f64 {
        (self.value - expected).abs() / self.error
    }
}

fn mean_weights(m: &Means) -> f64 {
    m[0]
}

fn weights(m: &Means) -> f64 {
    m[1] / (m[0] * m[0])
}

fn mean_biases(m: &Means) -> f64 {
    m[2]
}

fn biases(m: &Means) -> f64 {
    m[3] / (m[2] * m[2])
}

fn output(m: &Means) -> f64 {
    m[5] / (m[4] * m[4])
}

/// `-E[Delta K_w] / (eta E[K_w])`
fn drift(m: &Means) -> f64 {
    m[6] / m[0]
}

impl Configuration {
    fn beta(&self) -> f64 {
        (self.layers - 1) as f64 / self.width as f64
    }

    fn name(&self) -> String {
        format!("n = {}, d = {}", self.width, self.layers)
    }

    fn estimate(&self, of: impl Fn(&Means) -> f64) -> Measured {
        let blocks: Vec<Means> = self.seeds.iter().flatten().copied().collect();
        let (value, error) = jackknife(&blocks, of);
        Measured { value, error }
    }

    /// The estimate of each seed alone.
    fn of_seeds(&self, of: impl Fn(&Means) -> f64) -> Vec<f64> {
        self.seeds.iter().map(|blocks| jackknife(blocks, &of).0).collect()
    }
}

fn configurations(settings: &Settings, done: &[(Task, Record)]) -> Result<Vec<Configuration>> {
    let of = |(&width, &layers): (&usize, &usize)| {
        let own = done.iter().filter(|(task, _)| (task.width, task.layers) == (width, layers));
        let blocks = |(_, record): &(Task, Record)| -> Result<Vec<Means>> {
            Ok(record.values("means")?.data.as_chunks::<QUANTITIES>().0.to_vec())
        };
        let seeds = own.map(blocks).collect::<Result<_>>()?;
        Ok(Configuration { width, layers, seeds })
    };
    settings.widths.iter().zip(&settings.layers).map(of).collect()
}

pub(super) fn judge(settings: &Settings, done: &[(Task, Record)]) -> Result<Findings> {
    let all = configurations(settings, done)?;
    let mut findings = Findings { claims: claims(&all), ..Findings::default() };
    findings.figures = vec![fluctuations(&all), drift_figure(&all)];
    findings.tables = vec![table(settings, &all)?];
    findings.notes = vec![
        "The mean of K^2 is carried by few networks once beta is large: means are then low, and their errors too small.".into(),
        "`independent` in the table takes mask and weights of a layer that one part passes forwards and the other backwards \
         for independent. They are not: the exact moments are larger, and grow as exp(5 beta) / 3."
            .into(),
    ];
    Ok(findings)
}

/// The claims that the configurations allow.
fn claims(all: &[Configuration]) -> Vec<Claim> {
    let seen: Vec<&Configuration> = all.iter().filter(|c| c.beta() <= SEEN && c.layers > 1).collect();
    let rare: Vec<&Configuration> = all.iter().filter(|c| c.beta() > SEEN).collect();
    let first: Vec<&Configuration> = seen.iter().copied().filter(|c| c.beta() <= FIRST_ORDER).collect();
    let of_weights = |c: &Configuration| theory::weights(c.width, c.layers);
    let of_biases = |c: &Configuration| theory::biases(c.width, c.layers);
    let mut claims = Vec::new();
    let mut add = |claim: Option<Claim>| claims.extend(claim);
    add(errors(&seen, "fluctuations", weights, of_weights).map(|claim| Claim {
        statement: "The kernel of a finite network fluctuates: E[K^2] / E[K]^2 is that of exp(5 beta), to a constant factor.",
        quantity: "largest distance of E[K_w^2] / E[K_w]^2 from its exact value, in standard errors".into(),
        paper: "~ exp(5 beta)",
        ..claim
    }));
    add(slope(&seen));
    add(steepest(&seen));
    add(collapse(&seen));
    add(limit(&seen));
    add(drift_claim(&first));
    add(errors(&seen, "bias-fluctuations", biases, of_biases).map(|claim| Claim {
        statement: "The part of the biases fluctuates less.",
        quantity: "largest distance of E[K_b^2] / E[K_b]^2 from its exact value, in standard errors".into(),
        ..claim
    }));
    add(errors(&seen, "mean-weights", mean_weights, |c| c.layers as f64).map(|claim| Claim {
        statement: "The mean of the kernel is that of the limit: E[K_w] = d |x|^2 / n_0.",
        quantity: "largest distance of E[K_w] from d, in standard errors".into(),
        paper: "E[K_w] = d |x|^2 / n_0",
        ..claim
    }));
    add(errors(&seen, "mean-biases", mean_biases, |c| theory::biases_mean(c.layers)).map(|claim| Claim {
        statement: "The part of the biases has the mean (d - 1)/2 + 1.",
        quantity: "largest distance of E[K_b] from its exact value, in standard errors".into(),
        paper: "E[K_b] = d/2 + 1/2",
        ..claim
    }));
    add(errors(&seen, "output", output, |c| theory::output(c.width, c.layers)).map(|claim| Claim {
        statement: "The output is far from normal: E[N^4] / E[N^2]^2 is 3 prod (1 + 5/n_i), not 3.",
        quantity: "largest distance from its exact value, in standard errors".into(),
        gate: Gate::Informative("fourth powers have few draws behind them"),
        ..claim
    }));
    add(errors(&rare, "heavy-tail", weights, of_weights).map(|claim| Claim {
        statement: "Fluctuations grow exponentially in beta.",
        quantity: format!("as fluctuations, at beta above {SEEN}"),
        paper: "~ exp(5 beta)",
        gate: Gate::Informative(
            "the tail is log-normal: the mean of a sample is low, and its standard error too small",
        ),
        ..claim
    }));
    claims
}

/// A claim that a quantity is exact, to three standard errors in every configuration.
fn errors(
    of: &[&Configuration],
    name: &'static str,
    quantity: impl Fn(&Means) -> f64 + Copy,
    expected: impl Fn(&Configuration) -> f64 + Copy,
) -> Option<Claim> {
    let seeds = of.first()?.seeds.len();
    let off = |blocks: &[Means], c: &Configuration| {
        let (value, error) = jackknife(blocks, quantity);
        Measured { value, error }.off(expected(c))
    };
    let largest = |off: &dyn Fn(&Configuration) -> f64| of.iter().map(|c| off(c)).fold(0.0, f64::max);
    Some(Claim {
        name,
        statement: "",
        quantity: String::new(),
        values: (0..seeds).map(|seed| largest(&|c| off(&c.seeds[seed], c))).collect(),
        measured: largest(&|c| c.estimate(quantity).off(expected(c))),
        error: None,
        paper: "to a constant factor",
        threshold: Threshold::AtMost(3.0),
        source: "three standard errors, all seeds together; the exact moments are derived in the experiment's theory",
        gate: Gate::Gated,
    })
}

/// `ln(E[K^2]/E[K]^2) / beta`
fn exponent(c: &Configuration) -> impl Fn(&Means) -> f64 + Copy {
    let beta = c.beta();
    move |m: &Means| weights(m).ln() / beta
}

fn most_layers<'c>(of: &[&'c Configuration]) -> Option<&'c Configuration> {
    of.iter().copied().max_by_key(|c| (c.layers, c.width))
}

fn slope(seen: &[&Configuration]) -> Option<Claim> {
    let deepest = most_layers(seen).filter(|c| c.layers >= 9)?;
    let found = deepest.estimate(exponent(deepest));
    Some(Claim {
        name: "exponent",
        statement: "At small beta the logarithm of the fluctuations grows as 11/3 beta.",
        quantity: format!("ln(E[K_w^2] / E[K_w]^2) / beta at {}", deepest.name()),
        values: deepest.of_seeds(exponent(deepest)),
        measured: found.value,
        error: Some(found.error),
        paper: "5, to a constant factor of the exponential",
        threshold: Threshold::Within(3.3, 4.1),
        source: "11/3 for many layers and small beta, 3.7 exactly at n = 64, d = 17; few layers have less, 2.75 at n = 16, d = 2",
        gate: Gate::Gated,
    })
}

fn steepest(seen: &[&Configuration]) -> Option<Claim> {
    let steepest = |of: &dyn Fn(&Configuration) -> f64| seen.iter().map(|c| of(c)).fold(f64::NEG_INFINITY, f64::max);
    let seeds = seen.first()?.seeds.len();
    Some(Claim {
        name: "exponent-below-5",
        statement: "The 5 of exp(5 beta) is the exponent at large beta; at small beta a constant factor hides in it.",
        quantity: "largest ln(E[K_w^2] / E[K_w]^2) / beta of the configurations".into(),
        values: (0..seeds).map(|seed| steepest(&|c| c.of_seeds(exponent(c))[seed])).collect(),
        measured: steepest(&|c| c.estimate(exponent(c)).value),
        error: None,
        paper: "5, to a constant factor of the exponential",
        threshold: Threshold::AtMost(4.1),
        source: "exactly at most 3.71 where beta is at most 1/4",
        gate: Gate::Gated,
    })
}

/// The configurations of the beta that most of them share.
fn alike<'c>(seen: &[&'c Configuration]) -> Vec<&'c Configuration> {
    let of = |c: &Configuration| seen.iter().copied().filter(|other| other.beta() == c.beta()).collect::<Vec<_>>();
    seen.iter().map(|c| of(c)).max_by_key(Vec::len).unwrap_or_default()
}

fn collapse(seen: &[&Configuration]) -> Option<Claim> {
    let alike = alike(seen);
    let spread = |of: &dyn Fn(&Configuration) -> f64| {
        let values: Vec<f64> = alike.iter().map(|c| of(c)).collect();
        values.iter().copied().fold(f64::NEG_INFINITY, f64::max) / values.iter().copied().fold(f64::INFINITY, f64::min)
            - 1.0
    };
    let seeds = alike.first().filter(|_| alike.len() >= 2)?.seeds.len();
    Some(Claim {
        name: "collapse",
        statement: "Depth and width enter by beta, the sum of the hidden layers' 1/n, alone.",
        quantity: format!("largest E[K_w^2] / E[K_w]^2 over the smallest, less 1, at beta = {}", alike[0].beta()),
        values: (0..seeds).map(|seed| spread(&|c| c.of_seeds(weights)[seed])).collect(),
        measured: spread(&|c| c.estimate(weights).value),
        error: None,
        paper: "the same to constants",
        threshold: Threshold::AtMost(0.2),
        source: "exactly 0.129 from n = 16, d = 5 to n = 64, d = 17: what is left of a collapse is of order 1/d",
        gate: Gate::Gated,
    })
}

fn limit(seen: &[&Configuration]) -> Option<Claim> {
    let deepest = most_layers(seen).filter(|c| c.layers >= 17)?;
    let expected = theory::weights_limit(deepest.beta());
    let found = deepest.estimate(weights);
    Some(Claim {
        name: "limit",
        statement: "Many layers as wide as they are many have fluctuations that do not vanish.",
        quantity: format!("E[K_w^2] / E[K_w]^2 over its limit {expected:.4} at {}", deepest.name()),
        values: deepest.of_seeds(weights).into_iter().map(|x| x / expected).collect(),
        measured: found.value / expected,
        error: Some(found.error / expected),
        paper: "~ exp(5 beta), bounded away from 1",
        threshold: Threshold::Within(0.85, 1.05),
        source: "exactly 0.949 at n = 64, d = 17, and four standard errors",
        gate: Gate::Gated,
    })
}

fn drift_claim(first: &[&Configuration]) -> Option<Claim> {
    let of = |c: &Configuration| {
        let scale = c.layers as f64 * c.beta();
        move |m: &Means| drift(m) / scale
    };
    let worst = |of: &dyn Fn(&Configuration) -> f64| {
        let farther = |a: &f64, b: &f64| (a - 2.1).abs().total_cmp(&(b - 2.1).abs());
        first.iter().map(|c| of(c)).max_by(farther).unwrap_or(f64::NAN)
    };
    let seeds = first.first()?.seeds.len();
    Some(Claim {
        name: "drift",
        statement: "A step of gradient descent changes the kernel by a share of d beta: it is not lazy unless d^2 / n is small.",
        quantity: "-E[Delta K_w] / (eta E[K_w] d beta), of the configurations the farthest from 2.1".into(),
        values: (0..seeds).map(|seed| worst(&|c| c.of_seeds(of(c))[seed])).collect(),
        measured: worst(&|c| c.estimate(of(c)).value),
        error: None,
        paper: "~ d beta exp(5 beta) / n_0",
        threshold: Threshold::Within(1.9, 2.3),
        source: "2 (1 + O(beta)) at beta of at most 1/8, with the slack that a pilot showed",
        gate: Gate::Gated,
    })
}

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

fn fluctuations(all: &[Configuration]) -> Figure {
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

fn drift_figure(all: &[Configuration]) -> Figure {
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

fn table(settings: &Settings, all: &[Configuration]) -> Result<Table> {
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
    let mut table = Table {
        name: "moments",
        title: "Second moments over squared means, and the first step".into(),
        columns: columns.map(str::to_owned).into(),
        rows: Vec::new(),
    };
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
