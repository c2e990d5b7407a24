//! Means with their errors against a size, on logarithmic axes, and the power law through them.

use super::axis::{Axis, Scale, power_label};
use super::colour::{ALERT, AXIS, DATA, GRID, INK, MUTED};
use super::pen::{Anchor, Ink, Pen, fitted};
use super::{Cells, Figure, Plot, PlotError};
use crate::render::quantity;
use plotters_backend::DrawingBackend;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 692.0;
const TOP: f64 = 104.0;
const BOTTOM: f64 = 372.0;

/// A plot of a power law.
#[derive(Debug, Clone)]
pub(crate) struct Law<'a> {
    /// What is shown.
    pub(crate) title: &'a str,
    /// One line below it.
    pub(crate) subtitle: &'a str,
    /// What the axes are.
    pub(crate) axes: [&'a str; 2],
    /// Size, mean and its error.
    pub(crate) points: &'a [[f64; 3]],
    /// The exponent of the law, drawn through the middle of the points.
    pub(crate) exponent: f64,
}

impl Plot for Law<'_> {
    fn figure(&self) -> Result<impl Figure, PlotError> {
        Ok(Prepared::new(self))
    }
}

struct Prepared<'a> {
    law: &'a Law<'a>,
    /// Those of the points that a logarithm can be taken of.
    points: Vec<[f64; 3]>,
    x: Axis,
    y: Axis,
}

impl<'a> Prepared<'a> {
    fn new(law: &'a Law<'a>) -> Self {
        let good = |p: &&[f64; 3]| p.iter().all(|x| x.is_finite()) && p[0] > 0.0 && p[1] > 0.0;
        let points: Vec<[f64; 3]> = law.points.iter().filter(good).copied().collect();
        let range = |of: &dyn Fn(&[f64; 3]) -> [f64; 2]| {
            let ends = points.iter().map(of);
            let [low, high] = ends.fold([f64::INFINITY, 0.0], |[a, b], [low, high]| [low.min(a), high.max(b)]);
            if low <= high && low > 0.0 { [low, high] } else { [0.1, 1.0] }
        };
        let x = Axis::new(Scale::Logarithmic, range(&|p| [p[0], p[0]]), [LEFT + 24.0, RIGHT - 24.0]);
        let least = |p: &[f64; 3]| (p[1] - p[2]).max(0.5 * p[1]);
        let y = Axis::new(Scale::Logarithmic, range(&|p| [least(p), p[1] + p[2]]), [BOTTOM, TOP]).padded();
        Self { law, points, x, y }
    }

    /// The law at a size, through the mean of the logarithms.
    fn at(&self, size: f64) -> f64 {
        let n = self.points.len().max(1) as f64;
        let mean = |of: usize| self.points.iter().map(|p| p[of].ln()).sum::<f64>() / n;
        (mean(1) + self.law.exponent * (size.ln() - mean(0))).exp()
    }
}

impl Figure for Prepared<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH as u32, (BOTTOM + 64.0) as u32)
    }

    fn description(&self) -> String {
        format!("{}: {}", self.law.title, self.law.subtitle)
    }

    fn cells(&self) -> Vec<Cells> {
        Vec::new()
    }

    fn draw<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let Law { title, subtitle, axes, .. } = self.law;
        let room = RIGHT - 28.0;
        pen.text(&fitted(title, 19.0, room), [28.0, 38.0], Anchor::Start, 19.0, INK)?;
        pen.text(&fitted(subtitle, 13.5, room), [28.0, 61.0], Anchor::Start, 13.5, MUTED)?;
        for tick in self.y.ticks(6, power_label) {
            let y = self.y.place(tick.value);
            pen.line([LEFT, y], [RIGHT, y], Ink::new(GRID))?;
            pen.text(&tick.label, [LEFT - 10.0, y + 4.5], Anchor::End, 13.0, MUTED)?;
        }
        pen.line([LEFT, BOTTOM], [RIGHT, BOTTOM], Ink::new(AXIS))?;
        pen.text(axes[1], [LEFT, TOP - 14.0], Anchor::Start, 13.0, MUTED)?;
        pen.text(axes[0], [RIGHT, BOTTOM + 43.0], Anchor::End, 13.0, MUTED)?;
        let mut ends = [f64::INFINITY, 0.0_f64];
        for &[size, mean, error] in &self.points {
            let (x, y) = (self.x.place(size), self.y.place(mean));
            pen.line([x, BOTTOM], [x, BOTTOM + 5.0], Ink::new(AXIS))?;
            pen.text(&quantity::count(size.round() as u64), [x, BOTTOM + 21.0], Anchor::Middle, 13.0, MUTED)?;
            let low = (mean - error).max(0.5 * mean);
            pen.line([x, self.y.place(low)], [x, self.y.place(mean + error)], Ink::new(DATA).width(1.5))?;
            pen.dot([x, y], 4.0, Ink::new(DATA))?;
            ends = [ends[0].min(size), ends[1].max(size)];
        }
        if self.points.len() > 1 {
            let at = |size: f64| [self.x.place(size), self.y.place(self.at(size))];
            pen.dashes(at(ends[0]), at(ends[1]), Ink::new(ALERT))?;
        }
        Ok(())
    }
}
