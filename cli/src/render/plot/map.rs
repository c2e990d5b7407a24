//! A quantity over two axes as cells of colour, in a rectangle, with lines over it.

use super::axis::{Axis, Scale};
use super::chart::{LABEL, dashed, logarithmic, short};
use super::colour::{AXIS, INK, MUTED, OVERLAY};
use super::matrix::{Range, level, range};
use super::panels::Place;
use super::pen::{Anchor, Ink, Pen, fitted};
use super::{Cells, PlotError, raster};
use ntk::experiment::finding::{Map, Series, Style};
use plotters_backend::DrawingBackend;

/// The colour bar: its width, and what stands at its right.
const BAR: f64 = 12.0;
const BESIDE: f64 = 64.0;
/// Below lines and names over the cells, so that they are seen on light ones; no colour of a theme, as cells have none.
const SHADE: [u8; 3] = [0x10, 0x14, 0x1a];
/// Cells a side at most: more cannot be told apart.
const MOST: usize = 400;

/// A panel of cells.
pub(super) struct CellMap {
    place: Place,
    title: String,
    quantity: String,
    sides: [Side; 2],
    /// Row by row from the first of the axis on.
    cells: Vec<f64>,
    shape: [usize; 2],
    range: Range,
    /// Left, top, right and bottom of the cells.
    frame: [f64; 4],
    overlay: Vec<Series>,
}

/// An axis of cells: the middle of cell `i` is at `values[i]`.
struct Side {
    label: String,
    values: Vec<f64>,
    scale: Scale,
}

impl Side {
    /// Where a value is, in cells from the beginning; between the middles of two cells it is divided as their values are.
    fn place(&self, value: f64) -> f64 {
        let on = |x: f64| if self.scale == Scale::Logarithmic { x.log10() } else { x };
        let values = &self.values;
        if values.len() < 2 {
            return 0.5;
        }
        let up = on(values[values.len() - 1]) >= on(values[0]);
        let after = values.partition_point(|&v| if up { on(v) <= on(value) } else { on(v) >= on(value) });
        let i = after.clamp(1, values.len() - 1) - 1;
        let (a, b) = (on(values[i]), on(values[i + 1]));
        i as f64 + 0.5 + (on(value) - a) / (b - a)
    }

    /// Values with their labels: round ones where cells are evenly spaced, else those of the cells.
    fn ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        let (first, last) = (self.values[0], self.values[self.values.len() - 1]);
        let label = |v: f64| if self.scale == Scale::Logarithmic { logarithmic(v) } else { short(v) };
        let even = self.values.len() > 8
            && first < last
            && self.values.iter().enumerate().all(|(i, v)| {
                let t = i as f64 / (self.values.len() - 1) as f64;
                (Axis::new(self.scale, [first, last], [0.0, 1.0]).place(*v) - t).abs() < 1e-6
            });
        if even {
            let axis = Axis::new(self.scale, [first, last], [0.0, 1.0]);
            return axis.ticks(wanted, label).into_iter().map(|tick| (tick.value, tick.label)).collect();
        }
        let stride = self.values.len().div_ceil(wanted.max(1) * 2).max(1);
        self.values.iter().step_by(stride).map(|&v| (v, label(v))).collect()
    }
}

impl CellMap {
    /// The panel, and where it ends.
    ///
    /// # Errors
    /// If the cells are not as many as the axes say.
    pub(super) fn new(map: &Map, place: Place) -> Result<(Self, f64), PlotError> {
        let shape = [map.y.1.len(), map.x.1.len()];
        if shape.contains(&0) || map.cells.data.len() != shape[0] * shape[1] {
            return Err(PlotError(format!("{} cells on axes of {} and {}", map.cells.data.len(), shape[0], shape[1])));
        }
        let side = |(axis, values): &(ntk::experiment::finding::Axis, Vec<f64>)| Side {
            label: axis.label.clone(),
            values: values.clone(),
            scale: if axis.logarithmic { Scale::Logarithmic } else { Scale::Linear },
        };
        let sides = [side(&map.x), side(&map.y)];
        let widest = sides[1].ticks(6).iter().map(|(_, label)| raster::text_width(label, LABEL)).fold(0.0, f64::max);
        let left = place.left + 1.12 * widest + 14.0;
        let top = place.top + if map.title.is_empty() { 26.0 } else { 50.0 };
        let right = place.left + place.width - BESIDE - BAR;
        let map = Self {
            place,
            title: map.title.clone(),
            quantity: map.quantity.clone(),
            sides,
            range: range(&map.cells.data, shape),
            cells: map.cells.data.clone(),
            shape,
            frame: [left, top, right, top + place.down],
            overlay: map.overlay.clone(),
        };
        Ok((map, top + place.down + 46.0))
    }

    /// Moves the cells down so that the panel ends at `below`.
    pub(super) fn lower(&mut self, below: f64) {
        let by = below - (self.frame[3] + 46.0);
        self.frame[1] += by;
        self.frame[3] += by;
    }

    /// What the panel shows, in words.
    pub(super) fn description(&self) -> String {
        let title = if self.title.is_empty() { String::new() } else { format!("{}: ", self.title) };
        format!("{title}{} over {} and {}", self.quantity, self.sides[0].label, self.sides[1].label)
    }

    fn bar(&self) -> [f64; 4] {
        let [_, top, right, bottom] = self.frame;
        [right + 12.0, top, BAR, bottom - top]
    }

    /// Where a point is, and whether it is on the map.
    fn at(&self, p: [f64; 2]) -> Option<[f64; 2]> {
        let [left, top, right, bottom] = self.frame;
        let (u, v) =
            (self.sides[0].place(p[0]) / self.shape[1] as f64, self.sides[1].place(p[1]) / self.shape[0] as f64);
        let inside = |t: f64| (-1e-9..=1.0 + 1e-9).contains(&t);
        (inside(u) && inside(v)).then_some([left + u * (right - left), bottom - v * (bottom - top)])
    }

    pub(super) fn cells(&self) -> Vec<Cells> {
        let [left, top, right, bottom] = self.frame;
        // More cells than a screen has: one of each few.
        let [rows, columns] = self.shape.map(|count| count.min(MOST));
        let index = |k: usize| {
            let (row, column) = (rows - 1 - k / columns, k % columns);
            let (row, column) = (row * self.shape[0] / rows, column * self.shape[1] / columns);
            level(self.cells[row * self.shape[1] + column], &self.range)
        };
        let Range { low, high, map, .. } = self.range;
        let steps = 256;
        let ramp = (0..steps).map(|i| level(low + (1.0 - (i as f64 + 0.5) / steps as f64) * (high - low), &self.range));
        let palette = map.palette();
        vec![
            Cells {
                place: [left, top, right - left, bottom - top],
                rows,
                columns,
                indices: (0..rows * columns).map(index).collect(),
                palette: palette.clone(),
            },
            Cells { place: self.bar(), rows: steps, columns: 1, indices: ramp.collect(), palette },
        ]
    }

    pub(super) fn draw<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let [left, top, right, bottom] = self.frame;
        pen.text(
            &fitted(&self.title, 15.0, self.place.width),
            [self.place.left, self.place.top + 14.0],
            Anchor::Start,
            15.0,
            INK,
        )?;
        pen.frame([left, top, right - left, bottom - top], Ink::new(AXIS))?;
        let mut free = f64::INFINITY;
        for (value, label) in self.sides[1].ticks(6) {
            let y = bottom - self.sides[1].place(value) / self.shape[0] as f64 * (bottom - top);
            pen.line([left - 5.0, y], [left, y], Ink::new(AXIS))?;
            if y + 8.0 <= free {
                pen.text(&label, [left - 10.0, y + 4.5], Anchor::End, LABEL, MUTED)?;
                free = y - 8.0;
            }
        }
        let mut free = f64::NEG_INFINITY;
        for (value, label) in self.sides[0].ticks(if self.place.width > 400.0 { 6 } else { 4 }) {
            let x = left + self.sides[0].place(value) / self.shape[1] as f64 * (right - left);
            let half = 0.56 * raster::text_width(&label, LABEL);
            pen.line([x, bottom], [x, bottom + 5.0], Ink::new(AXIS))?;
            if x - half >= free {
                pen.text(&label, [x, bottom + 21.0], Anchor::Middle, LABEL, MUTED)?;
                free = x + half + 8.0;
            }
        }
        let room = right - self.place.left;
        let quantity = fitted(&self.quantity, LABEL, 0.62 * self.place.width);
        let taken = 1.12 * raster::text_width(&quantity, LABEL) + 16.0;
        let up = fitted(&self.sides[1].label, LABEL, self.place.width - taken);
        pen.text(&up, [self.place.left, top - 12.0], Anchor::Start, LABEL, MUTED)?;
        pen.text(&quantity, [self.place.left + self.place.width, top - 12.0], Anchor::End, LABEL, MUTED)?;
        pen.text(&fitted(&self.sides[0].label, LABEL, room), [right, bottom + 41.0], Anchor::End, LABEL, MUTED)?;
        self.overlay.iter().try_for_each(|series| self.over(pen, series))?;
        let [x, y, width, height] = self.bar();
        let axis = Axis::new(Scale::Linear, [self.range.low, self.range.high], [y + height, y]);
        for tick in axis.ticks(6, short) {
            let at = axis.place(tick.value);
            pen.line([x + width, at], [x + width + 4.0, at], Ink::new(AXIS))?;
            pen.text(&tick.label, [x + width + 8.0, at + 4.5], Anchor::Start, LABEL, MUTED)?;
        }
        Ok(())
    }

    /// A line over the cells, and its name at its end.
    fn over<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>, series: &Series) -> Result<(), PlotError> {
        let (shade, ink) = (Ink::new(SHADE).alpha(0.55), Ink::new(OVERLAY));
        let places: Vec<Option<[f64; 2]>> = series.points.iter().map(|p| self.at(*p)).collect();
        for piece in places.split(Option::is_none).filter(|piece| !piece.is_empty()) {
            let points: Vec<[f64; 2]> = piece.iter().flatten().copied().collect();
            match (series.style, &points[..]) {
                (_, [only]) => {
                    pen.dot(*only, 4.0, shade)?;
                    pen.dot(*only, 3.0, ink)?;
                }
                (Style::Theory, _) => {
                    pen.path(&points, shade.width(3.0))?;
                    dashed(pen, &points, 0, ink.width(1.6))?;
                }
                _ => {
                    pen.path(&points, shade.width(3.4))?;
                    pen.path(&points, ink.width(1.8))?;
                }
            }
        }
        if let Some(last) = places.iter().flatten().next_back() {
            let [left, top, right, _] = self.frame;
            let name = fitted(&series.name, LABEL, 0.6 * (right - left));
            let (anchor, x) = if last[0] > (left + right) / 2.0 {
                (Anchor::End, last[0] - 7.0)
            } else {
                (Anchor::Start, last[0] + 7.0)
            };
            let (width, y) = (1.12 * raster::text_width(&name, LABEL) + 8.0, (last[1] - 6.0).max(top + 16.0));
            let from = if anchor == Anchor::End { x + 4.0 - width } else { x - 4.0 };
            let corners = [[from, y - 12.5], [from + width, y - 12.5], [from + width, y + 4.5], [from, y + 4.5]];
            pen.polygon(&corners, shade)?;
            pen.text(&name, [x, y], anchor, LABEL, OVERLAY)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_at_the_middle_of_its_cell_and_between_two_where_its_logarithm_is() {
        let side = |scale, values: &[f64]| Side { label: String::new(), values: values.to_vec(), scale };
        let widths = side(Scale::Logarithmic, &[1.0, 10.0, 1000.0]);
        for (value, place) in [(1.0, 0.5), (10.0, 1.5), (100.0, 2.0), (1000.0, 2.5), (10f64.sqrt(), 1.0)] {
            assert!((widths.place(value) - place).abs() < 1e-12, "{value} {}", widths.place(value));
        }
        let falling = side(Scale::Linear, &[3.0, 2.0, 0.0]);
        assert_eq!([3.0, 2.5, 1.0, 0.0].map(|v| falling.place(v)), [0.5, 1.0, 2.0, 2.5]);
        assert_eq!(side(Scale::Linear, &[7.0]).place(7.0), 0.5);
        assert_eq!(widths.ticks(6).len(), 3);
    }
}
