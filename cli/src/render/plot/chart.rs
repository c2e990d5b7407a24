//! Lines, points and bands over one axis, in a rectangle.

use super::axis::{Axis, Scale, power_label};
use super::colour::{AXIS, GRID, INK, MUTED, SERIES};
use super::panels::Place;
use super::pen::{Anchor, Ink, Pen, fitted};
use super::{PlotError, raster};
use crate::render::quantity;
use ntk::experiment::finding::{self, Lines, Series, Style};
use plotters_backend::DrawingBackend;

/// Points a line that can be told apart, two a pixel.
pub(super) const MOST: usize = 1216;
/// Decades that a logarithmic axis shows at most: what is further below the top is left out.
const DECADES: f64 = 18.0;
/// The size of labels.
pub(super) const LABEL: f64 = 13.0;
/// A line of a legend.
const LEGEND: f64 = 19.0;

/// A panel of lines, thinned, with its axes chosen.
pub(super) struct Chart {
    place: Place,
    title: String,
    labels: [String; 2],
    scales: [Scale; 2],
    x: Axis,
    y: Axis,
    /// Left, top, right and bottom of the axes.
    frame: [f64; 4],
    drawn: Vec<Drawn>,
    marks: Vec<finding::Mark>,
}

/// A point, and the ends of its band where it has one.
type Point = ([f64; 2], Option<[f64; 2]>);

/// A series as it is drawn.
struct Drawn {
    name: String,
    style: Style,
    colour: [u8; 3],
    /// Which shape its dots, or which rhythm its dashes have.
    shape: usize,
    /// Between gaps: points, and the ends of their bands where there are any.
    pieces: Vec<Vec<Point>>,
}

impl Chart {
    /// The panel, and where it ends.
    pub(super) fn new(lines: &Lines, place: Place) -> (Self, f64) {
        let scale = |axis: &finding::Axis| if axis.logarithmic { Scale::Logarithmic } else { Scale::Linear };
        let scales = [scale(&lines.x), scale(&lines.y)];
        let colours = colours(&lines.series);
        let mut drawn: Vec<Drawn> = lines
            .series
            .iter()
            .zip(colours)
            .map(|(series, (colour, shape))| Drawn {
                name: series.name.clone(),
                style: series.style,
                colour,
                shape,
                pieces: pieces(series, scales),
            })
            .collect();
        let seen = |axis: usize, value: f64| value.is_finite() && (scales[axis] == Scale::Linear || value > 0.0);
        let marks: Vec<finding::Mark> =
            lines.marks.iter().filter(|mark| seen(usize::from(!mark.upright), mark.at)).cloned().collect();
        let marked = |upright: bool| marks.iter().filter(move |mark| mark.upright == upright).map(|mark| mark.at);
        let points = || drawn.iter().flat_map(|series| series.pieces.iter().flatten());
        let abscissas = points().map(|(p, _)| p[0]).chain(marked(true));
        let x_range = range(abscissas, [0.1, 1.0]);
        let ordinates = || {
            let ends = points().flat_map(|(p, band)| [Some(p[1]), band.map(|b| b[0]), band.map(|b| b[1])]);
            ends.flatten().filter(|y| seen(1, *y)).chain(marked(false))
        };
        let mut y_range = range(ordinates(), [0.1, 1.0]);
        if scales[1] == Scale::Logarithmic {
            // A lower end of a band near zero, or a value lost in rounding, must not flatten all the rest.
            let lowest = points().map(|(p, _)| p[1]).fold(f64::INFINITY, f64::min).min(y_range[1]);
            y_range[0] = y_range[0].max(lowest / 10.0).max(y_range[1] * 10f64.powf(-DECADES));
        }
        for series in &mut drawn {
            for piece in &mut series.pieces {
                piece.retain(|(p, _)| p[1] >= y_range[0]);
            }
            series.pieces.retain(|piece| !piece.is_empty());
        }
        let title = if lines.title.is_empty() { 0.0 } else { 24.0 };
        let mut chart = Self {
            place,
            title: lines.title.clone(),
            labels: [lines.x.label.clone(), lines.y.label.clone()],
            scales,
            x: Axis::new(scales[0], x_range, [0.0, 1.0]),
            y: Axis::new(scales[1], y_range, [1.0, 0.0]).padded(),
            frame: [0.0; 4],
            drawn,
            marks,
        };
        let dots = chart.drawn.iter().any(|series| series.style == Style::Dots);
        if dots || scales[0] == Scale::Logarithmic {
            chart.x = chart.x.padded();
        }
        let widest = chart.ticks(1).iter().map(|(_, label)| raster::text_width(label, LABEL)).fold(0.0, f64::max);
        // Readers' fonts are wider than ours.
        let left = place.left + 1.12 * widest + 14.0;
        let rows = chart.legend(place.width).last().map_or(0, |entry| entry.1 + 1);
        let top = place.top + title + LEGEND * rows as f64 + 26.0;
        chart.frame = [left, top, place.left + place.width, top + place.down];
        chart.settle();
        (chart, top + place.down + 46.0)
    }

    /// Moves the axes down so that the panel ends at `below`.
    pub(super) fn lower(&mut self, below: f64) {
        let by = below - (self.frame[3] + 46.0);
        self.frame[1] += by;
        self.frame[3] += by;
        self.settle();
    }

    fn settle(&mut self) {
        let [left, top, right, bottom] = self.frame;
        self.x = self.x.onto([left, right]);
        self.y = self.y.onto([bottom, top]);
    }

    /// What the panel shows, in words.
    pub(super) fn description(&self) -> String {
        let names: Vec<&str> = self.drawn.iter().map(|series| series.name.as_str()).collect();
        let title = if self.title.is_empty() { String::new() } else { format!("{}: ", self.title) };
        format!("{title}{} over {}: {}", self.labels[1], self.labels[0], names.join(", "))
    }

    fn ticks(&self, axis: usize) -> Vec<(f64, String)> {
        let of = [&self.x, &self.y][axis];
        let wanted = if axis == 1 || self.place.width > 400.0 { 6 } else { 4 };
        let label = |v: f64| if self.scales[axis] == Scale::Logarithmic { logarithmic(v) } else { short(v) };
        of.ticks(wanted, label).into_iter().map(|tick| (tick.value, tick.label)).collect()
    }

    /// Names with their rows and places, in the room that there is.
    fn legend(&self, room: f64) -> Vec<(usize, usize, f64, String)> {
        let (mut row, mut x) = (0, 0.0);
        let mut entries = Vec::new();
        for (i, series) in self.drawn.iter().enumerate().filter(|(_, series)| !series.name.is_empty()) {
            let name = fitted(&series.name, LABEL, room - 31.0);
            let width = 31.0 + 1.12 * raster::text_width(&name, LABEL);
            if x > 0.0 && x + width > room {
                (row, x) = (row + 1, 0.0);
            }
            entries.push((i, row, x, name));
            x += width + 18.0;
        }
        entries
    }

    pub(super) fn draw<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let [left, top, right, bottom] = self.frame;
        let head = if self.title.is_empty() { 0.0 } else { 24.0 };
        pen.text(
            &fitted(&self.title, 15.0, self.place.width),
            [self.place.left, self.place.top + 14.0],
            Anchor::Start,
            15.0,
            INK,
        )?;
        for (i, row, x, name) in self.legend(self.place.width) {
            let (x, y) = (self.place.left + x, self.place.top + head + LEGEND * row as f64 + 12.0);
            self.mark(pen, &self.drawn[i], [x, y - 4.5])?;
            pen.text(&name, [x + 29.0, y], Anchor::Start, LABEL, MUTED)?;
        }
        self.axes(pen)?;
        self.across(pen)?;
        // Theory lies below what it explains, bands below all lines.
        for series in &self.drawn {
            self.bands(pen, series)?;
        }
        let order = |theory: bool| self.drawn.iter().filter(move |series| (series.style == Style::Theory) == theory);
        for series in order(true).chain(order(false)) {
            self.line(pen, series)?;
        }
        if self.drawn.iter().all(|series| series.pieces.is_empty()) {
            let middle = [(left + right) / 2.0, (top + bottom) / 2.0];
            pen.text("nothing to draw", middle, Anchor::Middle, 14.0, MUTED)?;
        }
        Ok(())
    }

    fn axes<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let [left, top, right, bottom] = self.frame;
        for (value, label) in self.ticks(1) {
            let y = self.y.place(value);
            pen.line([left, y], [right, y], Ink::new(GRID))?;
            pen.text(&label, [left - 10.0, y + 4.5], Anchor::End, LABEL, MUTED)?;
        }
        pen.line([left, bottom], [right, bottom], Ink::new(AXIS))?;
        let mut free = f64::NEG_INFINITY;
        for (value, label) in self.ticks(0) {
            let (x, half) = (self.x.place(value), 0.56 * raster::text_width(&label, LABEL));
            pen.line([x, bottom], [x, bottom + 5.0], Ink::new(AXIS))?;
            if x - half >= free {
                pen.text(&label, [x, bottom + 21.0], Anchor::Middle, LABEL, MUTED)?;
                free = x + half + 8.0;
            }
        }
        let [x, y] = &self.labels;
        let room = right - self.place.left;
        pen.text(&fitted(y, LABEL, room), [self.place.left, top - 12.0], Anchor::Start, LABEL, MUTED)?;
        pen.text(&fitted(x, LABEL, room), [right, bottom + 41.0], Anchor::End, LABEL, MUTED)
    }

    /// Values that are marked by a line across.
    fn across<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let [left, top, right, bottom] = self.frame;
        for mark in &self.marks {
            let name = fitted(&mark.name, LABEL, (right - left) * 0.6);
            let ink = Ink::new(MUTED);
            if mark.upright {
                let x = self.x.place(mark.at);
                pen.dashes([x, top], [x, bottom], ink)?;
                // On the side that has room.
                let (anchor, at) =
                    if x > (left + right) / 2.0 { (Anchor::End, x - 6.0) } else { (Anchor::Start, x + 6.0) };
                pen.text(&name, [at, top + 12.0], anchor, LABEL, MUTED)?;
            } else {
                let y = self.y.place(mark.at);
                pen.dashes([left, y], [right, y], ink)?;
                pen.text(&name, [right, y - 5.0], Anchor::End, LABEL, MUTED)?;
            }
        }
        Ok(())
    }

    fn at(&self, p: [f64; 2]) -> [f64; 2] {
        [self.x.place(p[0]), self.y.place(p[1])]
    }

    fn bands<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>, series: &Drawn) -> Result<(), PlotError> {
        let [_, top, _, bottom] = self.frame;
        // The band ends where the plot does; what a logarithm does not hold is below it.
        let inside = |y: f64| match self.y.place(y) {
            place if place.is_finite() => place.clamp(top, bottom),
            _ => bottom,
        };
        for piece in &series.pieces {
            let ends: Vec<(f64, [f64; 2])> =
                piece.iter().filter_map(|(p, band)| Some((self.x.place(p[0]), band.map(|b| b.map(inside))?))).collect();
            if let [(x, [low, high])] = ends[..] {
                pen.line([x, low], [x, high], Ink::new(series.colour).alpha(0.6).width(2.0))?;
            } else if ends.len() > 1 {
                let above = ends.iter().map(|(x, [_, high])| [*x, *high]);
                let below = ends.iter().rev().map(|(x, [low, _])| [*x, *low]);
                pen.polygon(&above.chain(below).collect::<Vec<_>>(), Ink::new(series.colour).alpha(0.18))?;
            }
        }
        Ok(())
    }

    fn line<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>, series: &Drawn) -> Result<(), PlotError> {
        let ink = Ink::new(series.colour);
        for piece in &series.pieces {
            let points: Vec<[f64; 2]> = piece.iter().map(|(p, _)| self.at(*p)).collect();
            match (series.style, &points[..]) {
                (Style::Line | Style::Theory, [only]) => pen.dot(*only, 2.0, ink)?,
                (Style::Theory, _) => dashed(pen, &points, series.shape, ink.width(1.4))?,
                (Style::Line, _) => pen.path(&points, ink.width(1.6))?,
                (Style::Dots, _) => {
                    pen.path(&points, ink.width(1.2).alpha(0.7))?;
                    points.iter().try_for_each(|point| shape(pen, series.shape, *point, ink))?;
                }
            }
        }
        Ok(())
    }

    /// A series' mark in the legend, around a height.
    fn mark<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>, series: &Drawn, [x, y]: [f64; 2]) -> Result<(), PlotError> {
        let (ends, ink) = ([[x, y], [x + 23.0, y]], Ink::new(series.colour));
        match series.style {
            Style::Theory => dashed(pen, &ends, series.shape, ink.width(1.4)),
            Style::Line => pen.path(&ends, ink.width(2.0)),
            Style::Dots => {
                pen.path(&ends, ink.width(1.2).alpha(0.7))?;
                shape(pen, series.shape, [x + 11.5, y], ink)
            }
        }
    }
}

/// The colour and the shape of each series: measurements take turns, theory has the colour of what it explains.
///
/// That is the one whose name it contains, or shares up to a comma; the one in the same place, where there are as many. What
/// explains none of them alone is in the colour of text, and has a rhythm of dashes of its own.
fn colours(series: &[Series]) -> Vec<([u8; 3], usize)> {
    let measured: Vec<&Series> = series.iter().filter(|series| series.style != Style::Theory).collect();
    let theories = series.len() - measured.len();
    let (mut turn, mut place, mut alone) = (0, 0, 0);
    let head = |name: &str| name.split_once(',').map(|(head, _)| head.to_owned());
    let of = |series: &Series| {
        if series.style != Style::Theory {
            turn += 1;
            return (SERIES[(turn - 1) % SERIES.len()], turn - 1);
        }
        place += 1;
        let name = &series.name;
        let named = measured.iter().position(|m| !m.name.is_empty() && name.contains(&m.name));
        let shared = || measured.iter().position(|m| head(name).is_some() && head(&m.name) == head(name));
        let alike = || (theories == measured.len() && theories > 1).then_some(place - 1);
        match named.or_else(shared).or_else(alike) {
            Some(at) => (SERIES[at % SERIES.len()], 0),
            None => {
                alone += 1;
                (MUTED, alone - 1)
            }
        }
    };
    series.iter().map(of).collect()
}

/// What can be drawn of a series, cut at its gaps and thinned.
fn pieces(series: &Series, scales: [Scale; 2]) -> Vec<Vec<Point>> {
    let seen = |p: &[f64; 2]| [0, 1].iter().all(|&k| p[k].is_finite() && (scales[k] == Scale::Linear || p[k] > 0.0));
    let band = |i: usize| series.band.get(i).copied().filter(|b| b[0].is_finite() && b[1].is_finite());
    let all: Vec<Point> = series.points.iter().enumerate().map(|(i, p)| (*p, band(i))).collect();
    all.split(|(p, _)| !seen(p)).filter(|piece| !piece.is_empty()).map(thinned).collect()
}

/// At most two points a pixel: of each stretch the least and the greatest, so that no peak is lost.
fn thinned(piece: &[Point]) -> Vec<Point> {
    if piece.len() <= MOST {
        return piece.to_vec();
    }
    let mut kept = Vec::with_capacity(MOST + 2);
    for stretch in piece.chunks(piece.len().div_ceil(MOST / 2)) {
        let by = |a: &usize, b: &usize| stretch[*a].0[1].total_cmp(&stretch[*b].0[1]);
        if let (Some(low), Some(high)) = ((0..stretch.len()).min_by(by), (0..stretch.len()).max_by(by)) {
            kept.push(stretch[low.min(high)]);
            if low != high {
                kept.push(stretch[low.max(high)]);
            }
        }
    }
    kept.extend(piece.last());
    kept
}

/// The ends of numbers, or what stands for them where there are none.
fn range(values: impl Iterator<Item = f64>, empty: [f64; 2]) -> [f64; 2] {
    match values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v))) {
        (low, high) if low <= high => [low, high],
        _ => empty,
    }
}

/// A dot that can be told apart without its colour: a disc, a square, a triangle or a diamond.
fn shape<B: DrawingBackend>(pen: &mut Pen<'_, B>, which: usize, [x, y]: [f64; 2], ink: Ink) -> Result<(), PlotError> {
    match which % 4 {
        0 => pen.dot([x, y], 3.4, ink),
        1 => pen.polygon(&[[x - 3.1, y - 3.1], [x + 3.1, y - 3.1], [x + 3.1, y + 3.1], [x - 3.1, y + 3.1]], ink),
        2 => pen.polygon(&[[x, y - 4.4], [x + 4.1, y + 3.0], [x - 4.1, y + 3.0]], ink),
        _ => pen.polygon(&[[x, y - 4.6], [x + 4.6, y], [x, y + 4.6], [x - 4.6, y]], ink),
    }
}

/// Dashes along a line of points, in one of three rhythms for all of it.
pub(super) fn dashed<B: DrawingBackend>(
    pen: &mut Pen<'_, B>,
    points: &[[f64; 2]],
    which: usize,
    ink: Ink,
) -> Result<(), PlotError> {
    let (dash, period) = [(5.0, 9.0), (1.6, 5.0), (11.0, 15.0)][which % 3];
    let mut gone = 0.0;
    for pair in points.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let length = (to[0] - from[0]).hypot(to[1] - from[1]);
        let at = |s: f64| [0, 1].map(|k| from[k] + (to[k] - from[k]) * s / length);
        let mut s = 0.0;
        while s < length {
            let phase = (gone + s) % period;
            let end = (s + if phase < dash { dash - phase } else { period - phase }).min(length);
            if phase < dash {
                pen.line(at(s), at(end), ink)?;
            }
            // Rounding may leave a phase a hair before its end.
            s = end.max(s + 1e-6);
        }
        gone += length;
    }
    Ok(())
}

pub(super) fn short(v: f64) -> String {
    quantity::shortened(&quantity::number(v)).to_owned()
}

/// Powers of ten, and between them numbers as they are.
pub(super) fn logarithmic(value: f64) -> String {
    let exponent = value.log10().round();
    if (value / 10f64.powf(exponent) - 1.0).abs() < 1e-9 && !(-2.0..=1.0).contains(&exponent) {
        return power_label(value);
    }
    short(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_keeps_its_peaks_and_its_ends() {
        let mut piece: Vec<Point> =
            (0..100_000).map(|i| ([f64::from(i), f64::from(i % 7)], Some([0.0, f64::from(i)]))).collect();
        piece[51_234].0[1] = 1e3;
        piece[77_777].0[1] = -1e3;
        let kept = thinned(&piece);
        assert!(kept.len() <= MOST + 2 && kept.contains(&piece[51_234]) && kept.contains(&piece[77_777]));
        assert_eq!(kept.last(), piece.last());
        assert!(kept.windows(2).all(|w| w[0].0[0] <= w[1].0[0]));
        assert!(kept.iter().all(|(p, band)| band.unwrap()[1] == p[0]), "a band stays with its point");
        assert_eq!(thinned(&piece[..10]), piece[..10]);
    }

    #[test]
    fn theory_has_the_colour_of_what_it_explains() {
        let of = |name: &str, style| Series { name: name.into(), points: vec![], band: vec![], style };
        let found = |all: &[(&str, Style)]| -> Vec<[u8; 3]> {
            let series: Vec<Series> = all.iter().map(|(name, style)| of(name, *style)).collect();
            colours(&series).into_iter().map(|(colour, _)| colour).collect()
        };
        use Style::{Dots, Line, Theory};
        assert_eq!(found(&[("n = 50", Dots), ("limit", Theory)]), [SERIES[0], MUTED]);
        assert_eq!(
            found(&[("n = 50", Dots), ("n = 100", Line), ("n = 100, theory", Theory)]),
            [SERIES[0], SERIES[1], SERIES[1]]
        );
        assert_eq!(found(&[("a", Theory), ("x", Dots), ("b", Theory), ("y", Dots)])[..2], [SERIES[0], SERIES[0]]);
        let weights =
            [("weights, measured", Dots), ("biases, measured", Dots), ("biases, limit", Theory), ("e", Theory)];
        assert_eq!(found(&[&weights[..], &[("f", Theory)]].concat())[2..], [SERIES[1], MUTED, MUTED]);
    }
}
