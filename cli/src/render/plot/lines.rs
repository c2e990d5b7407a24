//! A curve over a linear axis on a linear or logarithmic one, with a band of its errors.

use super::axis::{Axis, Scale, Tick, power_label};
use super::colour::{ALERT, AXIS, DATA, GRID, INK, MUTED};
use super::pen::{Anchor, Ink, Pen, fitted};
use super::{Cells, Figure, Plot, PlotError};
use crate::render::quantity;
use plotters_backend::DrawingBackend;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 692.0;
const TOP: f64 = 104.0;
const BOTTOM: f64 = 404.0;
const HEIGHT: u32 = 466;
/// Decades that a logarithmic axis shows at most: what is further below the top is left out.
const DECADES: f64 = 12.0;
/// Points beside each other at most: a curve needs no more, whatever its length.
const POINTS: usize = 2000;

/// A curve.
#[derive(Debug, Clone)]
pub(crate) struct Lines<'a> {
    /// What is drawn.
    pub(crate) title: &'a str,
    /// One line below it.
    pub(crate) subtitle: String,
    /// What the axes are, from left to right and upwards.
    pub(crate) axis_names: [&'a str; 2],
    /// `(x, y)`, x ascending; those that are not finite are left out, on a logarithmic axis also those not positive.
    pub(crate) points: &'a [(f64, f64)],
    /// Half the height of the band at each point; empty for none.
    pub(crate) errors: &'a [f64],
    /// A dashed line across, and what it is.
    pub(crate) level: Option<(f64, &'a str)>,
    /// Whether the upward axis is logarithmic.
    pub(crate) logarithmic: bool,
    /// Whether each point has a mark, as where there are few.
    pub(crate) marks: bool,
}

impl Plot for Lines<'_> {
    fn figure(&self) -> Result<impl Figure, PlotError> {
        Ok(Prepared::new(self))
    }
}

/// A point and the ends of its band.
#[derive(Debug, Clone, Copy)]
struct Place {
    x: f64,
    y: f64,
    low: f64,
    high: f64,
}

/// What is drawn of the points, and the axes chosen.
struct Prepared<'a> {
    lines: &'a Lines<'a>,
    /// Runs without a gap.
    runs: Vec<Vec<Place>>,
    x: Axis,
    y: Axis,
}

impl<'a> Prepared<'a> {
    fn new(lines: &'a Lines<'a>) -> Self {
        let stride = lines.points.len().div_ceil(POINTS).max(1);
        let seen = |y: f64| y.is_finite() && (!lines.logarithmic || y > 0.0);
        let level = lines.level.map(|(level, _)| level).filter(|level| seen(*level));
        let values = lines.points.iter().filter(|(x, y)| x.is_finite() && seen(*y));
        let high = values.clone().map(|p| p.1).chain(level).fold(f64::NEG_INFINITY, f64::max);
        let least = if lines.logarithmic { high * 10f64.powf(-DECADES) } else { f64::NEG_INFINITY };
        let low = values.clone().map(|p| p.1).chain(level).filter(|y| *y >= least).fold(f64::INFINITY, f64::min);
        let (first, last) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), p| (a.min(p.0), b.max(p.0)));
        let range = |low: f64, high: f64| if low <= high { [low, high] } else { [0.1, 10.0] };
        let scale = if lines.logarithmic { Scale::Logarithmic } else { Scale::Linear };
        let y = Axis::new(scale, range(low, high), [BOTTOM, TOP]).padded();
        let x = Axis::new(Scale::Linear, range(first, last), [LEFT + 14.0, RIGHT - 14.0]);
        let mut runs: Vec<Vec<Place>> = vec![Vec::new()];
        for (i, &(at, value)) in lines.points.iter().enumerate() {
            if !(at.is_finite() && seen(value) && value >= least) {
                if runs.last().is_some_and(|run| !run.is_empty()) {
                    runs.push(Vec::new());
                }
            } else if i.is_multiple_of(stride) || i + 1 == lines.points.len() {
                let error = lines.errors.get(i).copied().filter(|error| error.is_finite()).unwrap_or(0.0);
                // The band ends where the plot does.
                let inside = |value: f64| if seen(value) { y.place(value).clamp(TOP, BOTTOM) } else { BOTTOM };
                let (low, high) = (inside(value - error), inside(value + error));
                if let Some(run) = runs.last_mut() {
                    run.push(Place { x: x.place(at), y: y.place(value), low, high });
                }
            }
        }
        runs.retain(|run| !run.is_empty());
        Self { lines, runs, x, y }
    }

    fn axes<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let label = |value| if self.lines.logarithmic { power_label(value) } else { short(value) };
        for Tick { value, label } in self.y.ticks(7, label) {
            let y = self.y.place(value);
            pen.line([LEFT, y], [RIGHT, y], Ink::new(GRID))?;
            pen.text(&label, [LEFT - 10.0, y + 4.5], Anchor::End, 13.0, MUTED)?;
        }
        pen.line([LEFT, BOTTOM], [RIGHT, BOTTOM], Ink::new(AXIS))?;
        for Tick { value, label } in self.x.ticks(7, short) {
            let x = self.x.place(value);
            pen.line([x, BOTTOM], [x, BOTTOM + 5.0], Ink::new(AXIS))?;
            pen.text(&label, [x, BOTTOM + 21.0], Anchor::Middle, 13.0, MUTED)?;
        }
        pen.text(self.lines.axis_names[1], [LEFT, TOP - 14.0], Anchor::Start, 13.0, MUTED)?;
        pen.text(self.lines.axis_names[0], [RIGHT, BOTTOM + 43.0], Anchor::End, 13.0, MUTED)
    }

    fn curve<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        for run in &self.runs {
            if !self.lines.errors.is_empty() {
                let above = run.iter().map(|place| [place.x, place.high]);
                let below = run.iter().rev().map(|place| [place.x, place.low]);
                pen.polygon(&above.chain(below).collect::<Vec<_>>(), Ink::new(DATA).alpha(0.22))?;
            }
            let places: Vec<[f64; 2]> = run.iter().map(|place| [place.x, place.y]).collect();
            pen.path(&places, Ink::new(DATA).width(1.75))?;
            if self.lines.marks || places.len() == 1 {
                places.iter().try_for_each(|&place| pen.dot(place, 3.0, Ink::new(DATA)))?;
            }
        }
        Ok(())
    }

    fn level<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let Some((level, label)) = self.lines.level else { return Ok(()) };
        if !level.is_finite() || self.lines.logarithmic && level <= 0.0 {
            return Ok(());
        }
        let y = self.y.place(level);
        pen.dashes([LEFT, y], [RIGHT, y], Ink::new(ALERT).alpha(0.9))?;
        let label = fitted(label, 12.0, RIGHT - LEFT - 20.0);
        pen.text(&label, [LEFT + 8.0, y - 6.0], Anchor::Start, 12.0, ALERT)
    }
}

/// Label of a value on a linear axis.
fn short(value: f64) -> String {
    // What a tick's distance from zero leaves of zero itself.
    if value.abs() < 1e-300 {
        return "0".into();
    }
    // Ticks are round, so that most of their digits say nothing.
    let text = quantity::number(value);
    let (digits, power) = text.split_at(text.find('×').unwrap_or(text.len()));
    format!("{}{power}", quantity::shortened(digits))
}

impl Figure for Prepared<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH as u32, HEIGHT)
    }

    fn description(&self) -> String {
        format!("{}: {}", self.lines.title, self.lines.subtitle)
    }

    fn cells(&self) -> Vec<Cells> {
        Vec::new()
    }

    fn draw<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let room = RIGHT - 28.0;
        pen.text(&fitted(self.lines.title, 19.0, room), [28.0, 38.0], Anchor::Start, 19.0, INK)?;
        pen.text(&fitted(&self.lines.subtitle, 13.5, room), [28.0, 61.0], Anchor::Start, 13.5, MUTED)?;
        self.axes(pen)?;
        self.curve(pen)?;
        self.level(pen)?;
        if self.runs.is_empty() {
            let middle = [(LEFT + RIGHT) / 2.0, (TOP + BOTTOM) / 2.0];
            pen.text("nothing finite to draw", middle, Anchor::Middle, 14.0, MUTED)?;
        }
        Ok(())
    }
}
