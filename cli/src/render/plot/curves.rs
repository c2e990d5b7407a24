//! Quantities over steps, or over any other axis: one line each.

use super::axis::{Axis, Scale, power_label};
use super::colour::{ALERT, AXIS, DATA, FOURTH, GRID, INK, MUTED, THIRD};
use super::pen::{Anchor, Ink, Pen, fitted};
use super::{Cells, Figure, PlotError, raster};
use crate::render::quantity;
use plotters_backend::DrawingBackend;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 692.0;
const TOP: f64 = 104.0;
const BOTTOM: f64 = 372.0;
const HEIGHT: f64 = 436.0;

/// The colours of the lines, in turn.
const COLOURS: [[u8; 3]; 4] = [DATA, ALERT, THIRD, FOURTH];
/// Points a line that can be told apart, two a pixel.
const MOST: usize = 1216;

/// A line.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// What it is, for the legend.
    pub(crate) name: String,
    /// Abscissa and ordinate, in order; what is not finite is a gap.
    pub(crate) points: Vec<[f64; 2]>,
    /// Whether it is a bound and not a measurement: drawn thin, in dashes.
    pub(crate) bound: bool,
}

/// A plot of lines.
#[derive(Debug, Clone)]
pub(crate) struct Curves<'a> {
    /// What is shown.
    pub(crate) title: &'a str,
    /// One line below it.
    pub(crate) subtitle: &'a str,
    /// What the axes are.
    pub(crate) axes: [&'a str; 2],
    /// How ordinates are laid out; on a logarithmic axis those of at most 0 are gaps.
    pub(crate) scale: Scale,
    /// The lines.
    pub(crate) series: &'a [Series],
}

impl Curves<'_> {
    /// The plot as an SVG document.
    ///
    /// # Errors
    /// If the drawing library fails.
    pub(crate) fn svg(&self) -> Result<String, PlotError> {
        super::svg(&Prepared::new(self))
    }

    /// The plot as PNG bytes.
    ///
    /// # Errors
    /// If the drawing library fails.
    pub(crate) fn png(&self) -> Result<Vec<u8>, PlotError> {
        super::png(&Prepared::new(self))
    }
}

/// The lines thinned and the axes chosen.
struct Prepared<'a> {
    curves: &'a Curves<'a>,
    /// Of each line the pieces between its gaps.
    pieces: Vec<Vec<Vec<[f64; 2]>>>,
    x: Axis,
    y: Axis,
}

impl<'a> Prepared<'a> {
    fn new(curves: &'a Curves<'a>) -> Self {
        let drawn =
            |p: &[f64; 2]| p[0].is_finite() && p[1].is_finite() && (curves.scale == Scale::Linear || p[1] > 0.0);
        let pieces: Vec<Vec<Vec<[f64; 2]>>> = curves
            .series
            .iter()
            .map(|series| series.points.split(|p| !drawn(p)).filter(|piece| !piece.is_empty()).map(thinned).collect())
            .collect();
        let range = |axis: usize| {
            let all = pieces.iter().flatten().flatten().map(|p| p[axis]);
            all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
        };
        let within = |axis: usize, empty: [f64; 2]| match range(axis) {
            (low, high) if low <= high => [low, high],
            _ => empty,
        };
        let x = Axis::new(Scale::Linear, within(0, [0.0, 1.0]), [LEFT, RIGHT]);
        let y = Axis::new(curves.scale, within(1, [0.1, 1.0]), [BOTTOM, TOP]).padded();
        Self { curves, pieces, x, y }
    }

    fn axes<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let short = |v: f64| quantity::shortened(&quantity::number(v)).to_owned();
        let label = |v: f64| if self.curves.scale == Scale::Logarithmic { logarithmic(v) } else { short(v) };
        for tick in self.y.ticks(6, label) {
            let y = self.y.place(tick.value);
            pen.line([LEFT, y], [RIGHT, y], Ink::new(GRID))?;
            pen.text(&tick.label, [LEFT - 10.0, y + 4.5], Anchor::End, 13.0, MUTED)?;
        }
        pen.line([LEFT, BOTTOM], [RIGHT, BOTTOM], Ink::new(AXIS))?;
        for tick in self.x.ticks(6, short) {
            let x = self.x.place(tick.value);
            pen.line([x, BOTTOM], [x, BOTTOM + 5.0], Ink::new(AXIS))?;
            pen.text(&tick.label, [x, BOTTOM + 21.0], Anchor::Middle, 13.0, MUTED)?;
        }
        let [x, y] = self.curves.axes;
        pen.text(&fitted(y, 13.0, 300.0), [LEFT, TOP - 14.0], Anchor::Start, 13.0, MUTED)?;
        pen.text(&fitted(x, 13.0, 300.0), [RIGHT, BOTTOM + 43.0], Anchor::End, 13.0, MUTED)
    }

    /// The ink of line `i`: bounds are in the colour of text, the others take turns.
    fn ink(&self, i: usize) -> Ink {
        if self.curves.series[i].bound {
            return Ink::new(MUTED).width(1.25);
        }
        let before = self.curves.series[..i].iter().filter(|series| !series.bound).count();
        Ink::new(COLOURS[before % COLOURS.len()]).width(1.5)
    }

    fn lines<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        // Bounds lie below what they bound.
        let order = |bound: bool| (0..self.pieces.len()).filter(move |&i| self.curves.series[i].bound == bound);
        for i in order(true).chain(order(false)) {
            for piece in &self.pieces[i] {
                let points: Vec<[f64; 2]> = piece.iter().map(|p| [self.x.place(p[0]), self.y.place(p[1])]).collect();
                match points[..] {
                    [only] => pen.dot(only, 2.0, self.ink(i))?,
                    _ if self.curves.series[i].bound => dashed(pen, &points, self.ink(i))?,
                    _ => pen.path(&points, self.ink(i))?,
                }
            }
        }
        Ok(())
    }

    /// Names at the right, the last one outermost.
    fn legend<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let (mut x, y) = (RIGHT, TOP - 14.0);
        for (i, series) in self.curves.series.iter().enumerate().rev() {
            let name = fitted(&series.name, 13.0, 180.0);
            pen.text(&name, [x, y], Anchor::End, 13.0, MUTED)?;
            // Readers' fonts are wider than ours, so the mark keeps its distance.
            x -= 1.12 * raster::text_width(&name, 13.0) + 6.0;
            let mark = [[x - 18.0, y - 4.5], [x, y - 4.5]];
            match series.bound {
                true => pen.dashes(mark[0], mark[1], self.ink(i))?,
                false => pen.path(&mark, self.ink(i).width(2.0))?,
            }
            x -= 36.0;
        }
        Ok(())
    }
}

/// At most two points a pixel: of each stretch the least and the greatest, so that no peak is lost.
fn thinned(piece: &[[f64; 2]]) -> Vec<[f64; 2]> {
    if piece.len() <= MOST {
        return piece.to_vec();
    }
    let mut kept = Vec::with_capacity(MOST + 2);
    for stretch in piece.chunks(piece.len().div_ceil(MOST / 2)) {
        let by = |a: &&[f64; 2], b: &&[f64; 2]| a[1].total_cmp(&b[1]);
        if let (Some(low), Some(high)) = (stretch.iter().min_by(by), stretch.iter().max_by(by)) {
            let mut both = [*low, *high];
            both.sort_by(|a, b| a[0].total_cmp(&b[0]));
            kept.extend(both);
        }
    }
    kept.extend(piece.last());
    kept
}

/// Dashes along a line of points, in one rhythm for all of it.
fn dashed<B: DrawingBackend>(pen: &mut Pen<'_, B>, points: &[[f64; 2]], ink: Ink) -> Result<(), PlotError> {
    const PERIOD: f64 = 9.0;
    const DASH: f64 = 5.0;
    let mut gone = 0.0;
    for pair in points.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let length = (to[0] - from[0]).hypot(to[1] - from[1]);
        let at = |s: f64| [0, 1].map(|k| from[k] + (to[k] - from[k]) * s / length);
        let mut s = 0.0;
        while s < length {
            let phase = (gone + s) % PERIOD;
            let end = (s + if phase < DASH { DASH - phase } else { PERIOD - phase }).min(length);
            if phase < DASH {
                pen.line(at(s), at(end), ink)?;
            }
            // Rounding may leave a phase a hair before its end.
            s = end.max(s + 1e-6);
        }
        gone += length;
    }
    Ok(())
}

/// Powers of ten, and between them numbers as they are.
fn logarithmic(value: f64) -> String {
    let exponent = value.log10().round();
    if (value / 10f64.powf(exponent) - 1.0).abs() < 1e-9 && !(-2.0..=1.0).contains(&exponent) {
        return power_label(value);
    }
    quantity::shortened(&quantity::number(value)).to_owned()
}

impl Figure for Prepared<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH as u32, HEIGHT as u32)
    }

    fn description(&self) -> String {
        let names: Vec<&str> = self.curves.series.iter().map(|series| series.name.as_str()).collect();
        format!("{}: {}. {}", self.curves.title, names.join(", "), self.curves.subtitle)
    }

    fn cells(&self) -> Vec<Cells> {
        Vec::new()
    }

    fn draw<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let room = RIGHT - 28.0;
        pen.text(&fitted(self.curves.title, 19.0, room), [28.0, 38.0], Anchor::Start, 19.0, INK)?;
        pen.text(&fitted(self.curves.subtitle, 13.5, room), [28.0, 61.0], Anchor::Start, 13.5, MUTED)?;
        self.axes(pen)?;
        self.lines(pen)?;
        self.legend(pen)?;
        if self.pieces.iter().all(Vec::is_empty) {
            let middle = [(LEFT + RIGHT) / 2.0, (TOP + BOTTOM) / 2.0];
            pen.text("nothing to draw", middle, Anchor::Middle, 14.0, MUTED)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_keeps_its_peaks_and_its_ends() {
        let mut piece: Vec<[f64; 2]> = (0..100_000).map(|i| [f64::from(i), f64::from(i % 7)]).collect();
        piece[51_234][1] = 1e3;
        piece[77_777][1] = -1e3;
        let kept = thinned(&piece);
        assert!(kept.len() <= MOST + 2 && kept.contains(&[51_234.0, 1e3]) && kept.contains(&[77_777.0, -1e3]));
        assert_eq!(kept.last(), piece.last());
        assert!(kept.windows(2).all(|w| w[0][0] <= w[1][0]));
        assert_eq!(thinned(&piece[..10]), piece[..10]);
    }

    #[test]
    fn gaps_and_numbers_that_cannot_be_drawn_do_not_break_a_plot() {
        let line = |points: &[[f64; 2]]| Series { name: "a <b>".into(), points: points.to_vec(), bound: false };
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        for points in [&[][..], &[[0.0, nan]], &[[0.0, 1.0], [1.0, nan], [2.0, -3.0]], &[[0.0, inf], [1.0, 1e300]]] {
            for scale in [Scale::Linear, Scale::Logarithmic] {
                let bound = Series { bound: true, ..line(&[[0.0, 2.0], [5.0, 2.0]]) };
                let series = [line(points), bound];
                let curves = Curves { title: "t", subtitle: "", axes: ["step", "loss"], scale, series: &series };
                let svg = curves.svg().unwrap();
                assert!(svg.contains("a &lt;b&gt;") && !svg.contains("NaN"), "{points:?}");
                assert!(curves.png().unwrap().starts_with(b"\x89PNG"));
            }
        }
    }
}
