//! The paper's figures.

use super::judge::{Done, accuracies, at};
use super::{CASES, Settings};
use crate::array::Array;
use crate::error::Result;
use crate::experiment::Record;
use crate::experiment::finding::{Axis, Figure, Lines, Map, Mark, Panel, Series, Style};

/// Depth scales at which the paper draws its lines.
const SCALES: f64 = 8.0;

pub(super) fn all(s: &Settings, done: &Done<'_>) -> Result<Vec<Figure>> {
    let last = s.times.len() - 1;
    let mut figures = vec![Figure {
        name: "accuracy",
        title: format!("Accuracy after T = {} steps", s.times[last]),
        caption: "Training ends at 8 xi_1 in the ordered phase (left of the critical weight) and nowhere in the chaotic one; \
                  generalization ends at 8 xi_1 and at 8 xi_*. The lines are theory."
            .into(),
        claims: vec!["ordered-trains-to", "chaotic-trains", "chaotic-generalizes-to", "critical-generalizes"],
        panels: vec![map(s, done, "train", last)?, map(s, done, "test", last)?],
    }];
    let mut times = vec![0, last / 2, last];
    times.dedup();
    figures.push(Figure {
        name: "training",
        title: "Training accuracy over time".into(),
        caption: "The region that is trained grows with time and stops at multiples of xi_1.".into(),
        claims: vec!["ordered-trains-to", "chaotic-trains"],
        panels: times.into_iter().map(|time| map(s, done, "train", time)).collect::<Result<_>>()?,
    });
    figures.push(spectra(done)?);
    Ok(figures)
}

/// Accuracies over weights and depths, of the first seed.
fn map(s: &Settings, done: &Done<'_>, of: &str, time: usize) -> Result<Panel> {
    let weights = s.map();
    let records: Vec<&Record> = weights.iter().filter_map(|&weight| done.accuracy(weight).first().copied()).collect();
    let depths = records.first().map(|r| r.values("depths").map(|l| l.data.clone())).transpose()?.unwrap_or_default();
    let columns: Vec<Vec<f64>> = records.iter().map(|r| accuracies(r, of, time)).collect::<Result<_>>()?;
    let cells = (0..depths.len()).flat_map(|l| columns.iter().map(move |column| column[l])).collect();
    let line = |name: &str, chaotic: bool| -> Result<Series> {
        let mut points = Vec::new();
        for (&weight, record) in weights.iter().zip(&records) {
            let depth = SCALES * record.get("depth_scale")?;
            let shown = (record.get("chi_1")? > 1.0) == chaotic && depth <= s.depth as f64;
            points.push([weight, if shown { depth } else { f64::NAN }]);
        }
        Ok(Series { name: name.into(), points, band: Vec::new(), style: Style::Theory })
    };
    let title = match of {
        "train" => format!("training samples, T = {}", s.times[time]),
        _ => format!("test samples, T = {}", s.times[time]),
    };
    Ok(Panel::Map(Map {
        title,
        cells: Array::new([depths.len(), columns.len()], cells)?,
        x: (Axis::linear("variance of the weights σ_w²"), weights.clone()),
        y: (Axis::linear("depth l"), depths),
        quantity: "accuracy".into(),
        overlay: vec![line("8 ξ₁", false)?, line("8 ξ*", true)?],
    }))
}

/// A line of a record over depth.
fn line(record: &Record, name: &str, style: Style, of: impl Fn(usize) -> Result<f64>) -> Result<Series> {
    let depths = record.values("depths")?.data.iter();
    let points = depths.map(|&l| Ok([l, of(l as usize)?])).collect::<Result<_>>()?;
    Ok(Series { name: name.into(), points, band: Vec::new(), style })
}

/// Condition numbers, smallest eigenvalues and predictors over depth, of the first seed.
fn spectra(done: &Done<'_>) -> Result<Figure> {
    let (mut critical, mut smallest, mut predictor) = (Vec::new(), Vec::new(), Vec::new());
    let mut marks = Vec::new();
    for case in CASES {
        let Some(record) = done.depths(case.name).first().copied() else { continue };
        let Some((_, to)) = case.slopes else {
            let kappa = |l: usize| Ok(at(record, "largest", l)? / at(record, "smallest", l)?);
            critical.push(line(record, case.name, Style::Line, kappa)?);
            let m = record.get("points")?;
            let (name, limit) = match case.activation {
                crate::model::Activation::Relu => ("(m + 3)/3", (m + 3.0) / 3.0),
                _ => ("(m + 2)/2", 0.5 * (m + 2.0)),
            };
            marks.push(Mark { name: name.into(), at: limit, upright: false });
            continue;
        };
        let (chi_1, chi_c) = (record.get("chi_1")?, record.get("chi_c")?);
        let (chaotic, end) = (chi_1 > 1.0, to as f64);
        smallest.push(line(record, case.name, Style::Line, |l| at(record, "smallest", l))?);
        let scale = at(record, "smallest", to)?;
        let share = |l: usize| if chaotic { 1.0 } else { l as f64 / end };
        let theory = |l: usize| Ok(scale * share(l) * chi_1.powf(l as f64 - end));
        smallest.push(line(record, &format!("{}, theory", case.name), Style::Theory, theory)?);
        predictor.push(line(record, case.name, Style::Line, |l| at(record, "predictor", l))?);
        let scale = at(record, "predictor", to)?;
        let theory =
            |l: usize| Ok(scale * if chaotic { l as f64 / end * (chi_c / chi_1).powf(l as f64 - end) } else { 1.0 });
        predictor.push(line(record, &format!("{}, theory", case.name), Style::Theory, theory)?);
    }
    let panel = |title: &str, x: Axis, y: &str, series, marks| {
        Panel::Lines(Lines { title: title.into(), x, y: Axis::logarithmic(y), series, marks })
    };
    Ok(Figure {
        name: "spectra",
        title: "Spectra and predictors of deep networks".into(),
        caption: "Condition numbers of critical kernels end at their limits (left). Off criticality the smallest eigenvalue falls \
                  or grows, and the predictor stays or vanishes, along the dashed asymptotics, which are drawn through the last \
                  depth."
            .into(),
        claims: vec![
            "ordered-smallest",
            "ordered-predictor",
            "critical-erf-condition",
            "critical-relu-condition",
            "chaotic-smallest",
            "chaotic-predictor",
        ],
        panels: vec![
            panel("critical", Axis::logarithmic("depth l"), "condition number κ", critical, marks),
            panel("smallest eigenvalue", Axis::linear("depth l"), "λ_min", smallest, Vec::new()),
            panel("predictor", Axis::linear("depth l"), "|P y|", predictor, Vec::new()),
        ],
    })
}
