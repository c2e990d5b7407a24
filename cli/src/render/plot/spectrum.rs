//! Eigenvalues on a logarithmic axis against their rank.

use super::axis::{Axis, Scale, Tick, count_label, power_label};
use super::colour::{ALERT, AXIS, DATA, GRID, INK, MUTED, PAPER};
use super::pen::{Anchor, Ink, Pen, fitted};
use super::{Cells, Figure, Plot, PlotError};
use crate::render::quantity;
use plotters_backend::DrawingBackend;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 692.0;
const TOP: f64 = 104.0;
const BOTTOM: f64 = 404.0;
/// Height of the rail below the axis on which zeros are marked.
const RAIL: f64 = 24.0;
/// Points nearer to the last drawn one than this are left out: a curve needs no more, whatever its length.
const APART: f64 = 1.5;

/// From so many values on ranks are laid out by equal ratios, so that power laws are straight lines and the leading
/// values stand apart; fewer fill the plot at equal distances.
const MANY: usize = 32;

/// A level below which eigenvalues mean nothing.
#[derive(Debug, Clone)]
pub(crate) struct Floor {
    /// The level, positive.
    pub(crate) value: f64,
    /// What it is: `rounding floor n ε λ₁`.
    pub(crate) label: String,
}

/// A plot of eigenvalues.
#[derive(Debug, Clone)]
pub(crate) struct Spectrum<'a> {
    /// What they are the eigenvalues of.
    pub(crate) title: &'a str,
    /// The eigenvalues in any order; those that are not finite are counted and left out.
    pub(crate) values: &'a [f64],
    /// How many there are in all, if only the largest were computed.
    pub(crate) total: Option<usize>,
    /// A dashed line, if any.
    pub(crate) floor: Option<Floor>,
}

impl Plot for Spectrum<'_> {
    fn figure(&self) -> Result<impl Figure, PlotError> {
        Ok(Prepared::new(self))
    }
}

/// The eigenvalues sorted and the axes chosen.
struct Prepared<'a> {
    spectrum: &'a Spectrum<'a>,
    /// Largest first, so zeros and then negative ones are last.
    sorted: Vec<f64>,
    positive: usize,
    zero: usize,
    x: Axis,
    y: Axis,
    x_ticks: Vec<Tick>,
}

impl<'a> Prepared<'a> {
    fn new(spectrum: &'a Spectrum<'a>) -> Self {
        let mut sorted = spectrum.values.iter().copied().filter(|v| v.is_finite()).collect::<Vec<_>>();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let positive = sorted.iter().filter(|&&v| v > 0.0).count();
        let zero = sorted.iter().filter(|&&v| v == 0.0).count();
        let sizes = sorted.iter().map(|v| v.abs()).filter(|&v| v > 0.0);
        let floor = spectrum.floor.as_ref().map(|f| f.value).filter(|v| v.is_finite() && *v > 0.0);
        let (low, high) = sizes.chain(floor).fold((f64::INFINITY, 0.0), |(low, high), v| (v.min(low), v.max(high)));
        let range = if high > 0.0 { [low, high] } else { [0.1, 10.0] };
        let y = Axis::new(Scale::Logarithmic, range, [BOTTOM, TOP]).padded();
        let n = sorted.len().max(1) as f64;
        let logarithmic = sorted.len() >= MANY;
        let scale = if logarithmic { Scale::Logarithmic } else { Scale::Linear };
        let x = Axis::new(scale, [1.0, n], [LEFT + 14.0, RIGHT - 14.0]);
        let mut x_ticks = x.ticks(8, count_label);
        if logarithmic {
            // The last rank says how many there are; it replaces a power of ten that it would touch.
            x_ticks.retain(|t| t.value < n && x.place(n) - x.place(t.value) > 44.0);
            x_ticks.push(Tick { value: n, label: count_label(n) });
        } else {
            // Ranks are whole and begin at one.
            x_ticks.retain(|t| t.value.fract() == 0.0 && t.value > 1.0 && t.value <= n);
            x_ticks.insert(0, Tick { value: 1.0, label: "1".to_string() });
            if x_ticks.get(1).is_some_and(|t| x.place(t.value) - x.place(1.0) < 24.0) {
                x_ticks.remove(1);
            }
        }
        Self { spectrum, sorted, positive, zero, x, y, x_ticks }
    }

    fn negative(&self) -> &[f64] {
        &self.sorted[self.positive + self.zero..]
    }

    fn subtitle(&self) -> String {
        let n = self.sorted.len() as u64;
        let mut parts = vec![match self.spectrum.total {
            Some(total) if total as u64 > n => {
                format!("{} largest of {}", quantity::count(n), quantity::count(total as u64))
            }
            _ => format!("n = {} eigenvalue{}", quantity::count(n), if n == 1 { "" } else { "s" }),
        }];
        if self.positive > 0 {
            parts.push(format!("largest {}", quantity::number(self.sorted[0])));
            parts.push(format!("least positive {}", quantity::number(self.sorted[self.positive - 1])));
        }
        let dropped = self.spectrum.values.len() - self.sorted.len();
        for (count, what) in [(self.negative().len(), "negative"), (self.zero, "zero"), (dropped, "not finite")] {
            if count > 0 {
                parts.push(format!("{} {what}", quantity::count(count as u64)));
            }
        }
        parts.join("  ·  ")
    }

    /// Points of the values from rank `first` on, thinned to what can be told apart.
    fn points(&self, first: usize, values: &[f64]) -> Vec<[f64; 2]> {
        let mut points: Vec<[f64; 2]> = Vec::new();
        for (i, value) in values.iter().enumerate() {
            let point = [self.x.place((first + i + 1) as f64), self.y.place(value.abs())];
            let near = points.last().is_some_and(|p| (p[0] - point[0]).hypot(p[1] - point[1]) < APART);
            if !near || i + 1 == values.len() {
                points.push(point);
            }
        }
        points
    }

    fn axes<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        for tick in self.y.ticks(7, power_label) {
            let y = self.y.place(tick.value);
            pen.line([LEFT, y], [RIGHT, y], Ink::new(GRID))?;
            pen.text(&tick.label, [LEFT - 10.0, y + 4.5], Anchor::End, 13.0, MUTED)?;
        }
        let floor = self.floor_of_plot();
        pen.line([LEFT, floor], [RIGHT, floor], Ink::new(AXIS))?;
        for tick in &self.x_ticks {
            let x = self.x.place(tick.value);
            pen.line([x, floor], [x, floor + 5.0], Ink::new(AXIS))?;
            pen.text(&tick.label, [x, floor + 21.0], Anchor::Middle, 13.0, MUTED)?;
        }
        pen.text("eigenvalue", [LEFT, TOP - 14.0], Anchor::Start, 13.0, MUTED)?;
        pen.text("rank, largest first", [RIGHT, floor + 43.0], Anchor::End, 13.0, MUTED)
    }

    fn floor_of_plot(&self) -> f64 {
        if self.zero > 0 { BOTTOM + RAIL } else { BOTTOM }
    }

    fn floor_line<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let Some(floor) = self.spectrum.floor.as_ref().filter(|f| f.value.is_finite() && f.value > 0.0) else {
            return Ok(());
        };
        let y = self.y.place(floor.value);
        pen.dashes([LEFT, y], [RIGHT, y], Ink::new(MUTED).alpha(0.8))?;
        // On the left, where the curve is far above; below the line if there is no room above it.
        let label = fitted(&floor.label, 12.0, RIGHT - LEFT - 20.0);
        pen.text(&label, [LEFT + 8.0, y - 6.0], Anchor::Start, 12.0, MUTED)
    }

    fn zeros<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        if self.zero == 0 {
            return Ok(());
        }
        let y = BOTTOM + RAIL / 2.0;
        pen.line([LEFT, BOTTOM], [RIGHT, BOTTOM], Ink::new(GRID).width(1.5))?;
        pen.text("0", [LEFT - 10.0, y + 4.5], Anchor::End, 13.0, MUTED)?;
        let mut last = f64::NEG_INFINITY;
        for i in 0..self.zero {
            let x = self.x.place((self.positive + i + 1) as f64);
            if x - last >= APART {
                pen.line([x, y - 5.0], [x, y + 5.0], Ink::new(ALERT).width(1.25))?;
                last = x;
            }
        }
        Ok(())
    }

    fn curve<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let points = self.points(0, &self.sorted[..self.positive]);
        pen.path(&points, Ink::new(DATA).width(1.25).alpha(0.45))?;
        for (i, &point) in points.iter().enumerate() {
            // Dots that would merge into a thick line are drawn as a thin one.
            let gap = |j: usize| points.get(j).map_or(f64::INFINITY, |p| (p[0] - point[0]).hypot(p[1] - point[1]));
            let nearest = gap(i + 1).min(if i > 0 { gap(i - 1) } else { f64::INFINITY });
            pen.dot(point, (0.5 * nearest).clamp(1.75, 3.0), Ink::new(DATA))?;
        }
        for [x, y] in self.points(self.positive + self.zero, self.negative()) {
            triangle(pen, [x, y])?;
        }
        Ok(())
    }

    fn legend<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        if self.negative().is_empty() {
            return Ok(());
        }
        let y = TOP - 14.0;
        // The mark stands at the fixed end of the text: in an SVG the reader's font decides where the other end is.
        pen.text("negative, drawn by magnitude", [RIGHT - 15.0, y], Anchor::End, 13.0, MUTED)?;
        triangle(pen, [RIGHT - 5.0, y - 4.5])
    }
}

/// A triangle that points down, with a rim of paper so that neighbours stay apart.
fn triangle<B: DrawingBackend>(pen: &mut Pen<'_, B>, [x, y]: [f64; 2]) -> Result<(), PlotError> {
    for (r, colour) in [(5.0, PAPER), (3.75, ALERT)] {
        pen.polygon(&[[x - r, y - 0.7 * r], [x + r, y - 0.7 * r], [x, y + r]], Ink::new(colour))?;
    }
    Ok(())
}

impl Figure for Prepared<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH as u32, (self.floor_of_plot() + 62.0) as u32)
    }

    fn description(&self) -> String {
        format!("{}: {}", self.spectrum.title, self.subtitle())
    }

    fn cells(&self) -> Vec<Cells> {
        Vec::new()
    }

    fn draw<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let room = RIGHT - 28.0;
        pen.text(&fitted(self.spectrum.title, 19.0, room), [28.0, 38.0], Anchor::Start, 19.0, INK)?;
        pen.text(&fitted(&self.subtitle(), 13.5, room), [28.0, 61.0], Anchor::Start, 13.5, MUTED)?;
        self.axes(pen)?;
        self.floor_line(pen)?;
        self.zeros(pen)?;
        self.curve(pen)?;
        self.legend(pen)?;
        if self.sorted.is_empty() {
            let middle = [(LEFT + RIGHT) / 2.0, (TOP + BOTTOM) / 2.0];
            pen.text("no finite eigenvalue to draw", middle, Anchor::Middle, 14.0, MUTED)?;
        }
        Ok(())
    }
}
