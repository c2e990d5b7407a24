//! The paper's figures.

use super::Settings;
use super::judge::{Done, PERCENTILES, column, deviation, rows};
use super::measure::{START, grid};
use crate::error::Result;
use crate::experiment::Record;
use crate::experiment::finding::{Axis, Figure, Lines, Panel, Series, Style};
use crate::statistics::{mean, quantile};

pub(super) fn all(s: &Settings, done: &Done<'_>) -> Result<Vec<Figure>> {
    Ok(vec![kernels(s, done)?, rate(s, done)?, functions(s, done)?, components(s, done)?])
}

/// `[x, y]` of two sides.
fn points(x: &[f64], y: impl IntoIterator<Item = f64>) -> Vec<[f64; 2]> {
    x.iter().zip(y).map(|(&x, y)| [x, y]).collect()
}

/// The mean over networks, and the band that holds eight of ten of them.
fn over_networks(name: String, x: &[f64], rows: &[&[f64]], style: Style) -> Series {
    let columns: Vec<Vec<f64>> = (0..x.len()).map(|k| column(rows, k)).collect();
    let band = columns.iter().map(|of| [quantile(of, 0.1), quantile(of, 0.9)]).collect();
    Series { name, points: points(x, columns.iter().map(|of| mean(of))), band, style }
}

fn theory(name: &str, points: Vec<[f64; 2]>) -> Series {
    Series { name: name.into(), points, band: Vec::new(), style: Style::Theory }
}

/// Figure 1: the kernel on the circle.
fn kernels(s: &Settings, done: &Done<'_>) -> Result<Figure> {
    let angles = grid(s.angles);
    let mut panels = Vec::new();
    for &width in &s.trained_widths {
        let records = done.trained(width);
        let of = |name: &str, label: &str| -> Result<Series> {
            Ok(over_networks(label.into(), &angles, &rows(&records, name)?, Style::Line))
        };
        panels.push(Panel::Lines(Lines {
            title: format!("n = {width}"),
            x: Axis::linear("angle γ (radians)"),
            y: Axis::linear("Θ(x₀, x(γ))"),
            series: vec![
                of("before", "at the start")?,
                of("after", &format!("after {} steps", s.trained_steps))?,
                theory("limit", points(&angles, done.limit("theta")?.iter().copied())),
            ],
            marks: Vec::new(),
        }));
    }
    Ok(Figure {
        name: "kernel",
        title: "The tangent kernel on a circle".into(),
        caption: "The mean over first weights, with the band of 10 to 90 %. With the width the band narrows around the limit, \
                  and training moves the kernel less."
            .into(),
        claims: vec!["kernel-converges", "kernel-mean", "kernel-inflates", "kernel-stays"],
        panels,
    })
}

/// How fast the kernel approaches the limit.
fn rate(s: &Settings, done: &Done<'_>) -> Result<Figure> {
    let limit = done.limit("theta")?;
    let widths: Vec<f64> = s.kernel_widths.iter().map(|&width| width as f64).collect();
    let (mut measured, mut band) = (Vec::new(), Vec::new());
    for &width in &s.kernel_widths {
        let records = done.kernels(width);
        measured.push(deviation(&rows(&records, "theta")?, limit));
        let each: Vec<f64> =
            records.iter().map(|&record| Ok(deviation(&rows(&[record], "theta")?, limit))).collect::<Result<_>>()?;
        let end = |pick: fn(f64, f64) -> f64| each.iter().copied().reduce(pick).unwrap_or(f64::NAN);
        band.push([end(f64::min), end(f64::max)]);
    }
    // The line of theory goes through the middle of what was measured.
    let scale = mean(&measured.iter().zip(&widths).map(|(d, w)| (d * w.sqrt()).ln()).collect::<Vec<_>>()).exp();
    Ok(Figure {
        name: "rate",
        title: "Distance of the kernel to its limit".into(),
        caption: "The relative deviation falls along the dashed line of slope -1/2; the band spans the seeds.".into(),
        claims: vec!["kernel-converges"],
        panels: vec![Panel::Lines(Lines {
            title: String::new(),
            x: Axis::logarithmic("width n"),
            y: Axis::logarithmic("relative deviation of Θ"),
            series: vec![
                Series {
                    name: "measured".into(),
                    points: points(&widths, measured.iter().copied()),
                    band,
                    style: Style::Dots,
                },
                theory("n^(-1/2)", points(&widths, widths.iter().map(|w| scale / w.sqrt()))),
            ],
            marks: Vec::new(),
        })],
    })
}

/// Figure 2: functions after training.
fn functions(s: &Settings, done: &Done<'_>) -> Result<Figure> {
    let angles = grid(s.angles);
    let (centre, spread) = (done.limit("mean")?, done.limit("deviation")?);
    let mut panels = Vec::new();
    for &width in &s.function_widths {
        let records = done.functions(width);
        let outputs = rows(&records, "outputs")?;
        let mut series = Vec::new();
        for (q, z) in PERCENTILES {
            let of: Vec<f64> = (0..angles.len()).map(|k| quantile(&column(&outputs, k), q)).collect();
            let name = format!("{:.0} %, networks", 100.0 * q);
            series.push(Series { name, points: points(&angles, of), band: Vec::new(), style: Style::Line });
            let of = centre.iter().zip(spread).map(|(m, d)| m + z * d);
            series.push(theory(&format!("{:.0} %, limit", 100.0 * q), points(&angles, of)));
        }
        panels.push(Panel::Lines(Lines {
            title: format!("n = {width}, {} networks", outputs.len()),
            x: Axis::linear("angle γ (radians)"),
            y: Axis::linear("f(x(γ)) after training"),
            series,
            marks: Vec::new(),
        }));
    }
    Ok(Figure {
        name: "functions",
        title: "Functions learnt from four points".into(),
        caption: "Percentiles of outputs over first weights lie on those of the Gaussian of the limit (dashed); all curves meet \
                  at the four points that were learnt."
            .into(),
        claims: vec!["functions-gaussian"],
        panels,
    })
}

/// Figure 3: training along an eigenvector.
fn components(s: &Settings, done: &Done<'_>) -> Result<Figure> {
    let over_seeds = |name: String, records: &[&Record], of: &str, scale: f64| -> Result<Series> {
        let count = records.iter().map(|r| r.values(of).map(|v| v.len())).collect::<Result<Vec<_>>>()?;
        let kept = count.into_iter().min().unwrap_or(0);
        let at = |k: usize, name: &str| -> Result<Vec<f64>> {
            records.iter().map(|record| Ok(record.values(name)?.data[k])).collect()
        };
        let mut series = Series { name, points: Vec::new(), band: Vec::new(), style: Style::Line };
        for k in 0..kept {
            let values: Vec<f64> = at(k, of)?.iter().map(|v| v * scale).collect();
            let end = |pick: fn(f64, f64) -> f64| values.iter().copied().reduce(pick).unwrap_or(f64::NAN);
            series.points.push([mean(&at(k, "times")?), mean(&values)]);
            series.band.push([end(f64::min), end(f64::max)]);
        }
        Ok(series)
    };
    let (mut along, mut across) = (Vec::new(), Vec::new());
    for &width in &s.component_widths {
        let records = done.components(width);
        along.push(over_seeds(format!("n = {width}"), &records, "along", 1.0)?);
        across.push(over_seeds(format!("n = {width}"), &records, "across", 1.0 / START)?);
    }
    let records = s.component_widths.first().map(|&width| done.components(width)).unwrap_or_default();
    let mut limit = over_seeds("limit".into(), &records, "theory", 1.0)?;
    limit.style = Style::Theory;
    limit.band.clear();
    along.push(limit);
    let panel = |title: &str, y: &str, series| {
        let (title, x, y) = (title.to_owned(), Axis::linear("time × λ₂"), Axis::linear(y));
        Panel::Lines(Lines { title, x, y, series, marks: Vec::new() })
    };
    Ok(Figure {
        name: "component",
        title: "Training along the second eigenvector of the kernel".into(),
        caption: "Left: what is left along the eigenvector follows the exponential of the limit (dashed). Right: what training \
                  moves orthogonally to it, by 0.5, shrinks with the width. Bands span the seeds."
            .into(),
        claims: vec!["component-alone", "component-alone-rate", "component-decays", "narrow-faster"],
        panels: vec![panel("along", "g", along), panel("orthogonal", "|h| / 0.5", across)],
    })
}
