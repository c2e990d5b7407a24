//! A kernel matrix as colours, its samples sorted by class.

use super::axis::{Axis, Scale, count_label};
use super::colour::{AXIS, INK, MUTED, OVERLAY};
use super::matrix::{Range, Span, averaged, by_class, level, range};
use super::pen::{Anchor, Ink, Pen, fitted};
use super::{Cells, Figure, Plot, PlotError};
use crate::render::quantity;
use plotters_backend::DrawingBackend;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 104.0;
const TOP: f64 = 92.0;
/// The longer side of the matrix.
const SIDE: f64 = 488.0;
/// The shorter side is at least this, however long the matrix.
const THIN: f64 = 160.0;

/// A plot of a matrix.
#[derive(Debug, Clone)]
pub(crate) struct Heatmap<'a> {
    /// What the matrix is.
    pub(crate) title: &'a str,
    /// What an entry is, with its unit if it has one: written over the colour bar.
    pub(crate) quantity: &'a str,
    /// Entries, row by row.
    pub(crate) values: &'a [f64],
    /// Rows and columns.
    pub(crate) shape: [usize; 2],
    /// The class of every row, if there are classes.
    pub(crate) row_classes: Option<&'a [usize]>,
    /// The class of every column, if there are classes.
    pub(crate) column_classes: Option<&'a [usize]>,
    /// Names of the classes; a class beyond them is called by its number.
    pub(crate) class_names: &'a [String],
    /// What rows and columns are: `training sample`.
    pub(crate) axis_names: [&'a str; 2],
}

impl Plot for Heatmap<'_> {
    /// # Errors
    /// If the shapes disagree.
    fn figure(&self) -> Result<impl Figure, PlotError> {
        Prepared::new(self)
    }
}

/// The matrix sorted, averaged and coloured.
struct Prepared<'a> {
    heatmap: &'a Heatmap<'a>,
    rows: Vec<Span>,
    columns: Vec<Span>,
    /// Rows and columns of cells.
    cells: [usize; 2],
    indices: Vec<u8>,
    range: Range,
    /// Least and greatest finite cell.
    extremes: [f64; 2],
    /// Whether the names of columns take turns on two lines.
    staggered: bool,
    /// Width and height in pixels.
    size: [f64; 2],
}

impl<'a> Prepared<'a> {
    fn new(heatmap: &'a Heatmap<'a>) -> Result<Self, PlotError> {
        let [n, m] = heatmap.shape;
        if n == 0 || m == 0 || n.checked_mul(m) != Some(heatmap.values.len()) {
            let message = format!("{} values do not fill a {n} x {m} matrix", heatmap.values.len());
            return Err(PlotError(message));
        }
        let (row_order, rows) = by_class(n, heatmap.row_classes)?;
        let (column_order, columns) = by_class(m, heatmap.column_classes)?;
        let (cells, means) = averaged(heatmap.values, &row_order, &column_order);
        let range = range(&means, cells);
        let indices = means.iter().map(|&v| level(v, &range)).collect();
        let longest = n.max(m) as f64;
        let size = [m, n].map(|count| (SIDE * count as f64 / longest).max(THIN));
        let finite = means.iter().copied().filter(|v| v.is_finite());
        let extremes = finite.fold([f64::INFINITY, f64::NEG_INFINITY], |[a, b], v| [a.min(v), b.max(v)]);
        let mut prepared = Self { heatmap, rows, columns, cells, indices, range, extremes, staggered: false, size };
        prepared.staggered = prepared.columns.iter().any(|span| {
            let name = prepared.name(span.class);
            super::raster::text_width(&name, 13.0) > prepared.span_width(span) - 5.0
        });
        Ok(prepared)
    }

    fn span_width(&self, span: &Span) -> f64 {
        self.size[0] * (span.end - span.start) as f64 / self.heatmap.shape[1] as f64
    }

    /// From the lower edge of the matrix to the baseline of the caption.
    fn caption_drop(&self) -> f64 {
        if self.staggered { 60.0 } else { 43.0 }
    }

    fn subtitle(&self) -> String {
        let [n, m] = self.heatmap.shape.map(|c| quantity::count(c as u64));
        let mut parts = vec![if n == m { format!("n = {n}") } else { format!("{n} × {m} samples") }];
        if self.heatmap.row_classes.is_some() || self.heatmap.column_classes.is_some() {
            let classes = self.rows.len().max(self.columns.len());
            let name = if classes == 1 { "class" } else { "classes" };
            parts.push(format!("{classes} {name}"));
        }
        let [rows, columns] = self.cells;
        if self.cells != self.heatmap.shape {
            parts.push(format!("averaged to {rows} × {columns}"));
        }
        let Range { low, high, cut, .. } = self.range;
        let [least, greatest] = self.extremes;
        let ends = [(cut[1], "last", high, greatest), (cut[0], "first", least, low)];
        for (_, end, from, to) in ends.into_iter().filter(|end| end.0) {
            let (from, to) = (quantity::number(from), quantity::number(to));
            parts.push(format!("{end} colour {from} to {to}"));
        }
        parts.join("  ·  ")
    }

    fn name(&self, class: usize) -> String {
        self.heatmap.class_names.get(class).cloned().unwrap_or_else(|| class.to_string())
    }

    fn boundaries<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let [width, height] = self.size;
        let [n, m] = self.heatmap.shape.map(|c| c as f64);
        let ink = |spans: &[Span]| Ink::new(OVERLAY).alpha(if spans.len() > 40 { 0.25 } else { 0.6 });
        for span in self.rows.iter().skip(1) {
            let y = TOP + height * span.start as f64 / n;
            pen.line([LEFT, y], [LEFT + width, y], ink(&self.rows))?;
        }
        for span in self.columns.iter().skip(1) {
            let x = LEFT + width * span.start as f64 / m;
            pen.line([x, TOP], [x, TOP + height], ink(&self.columns))?;
        }
        pen.frame([LEFT, TOP, width, height], Ink::new(AXIS))
    }

    fn row_labels<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let count = self.heatmap.shape[0];
        let label = |pen: &mut Pen<'_, B>, text: &str, y: f64| {
            pen.text(&fitted(text, 13.0, LEFT - 34.0), [LEFT - 10.0, y + 4.5], Anchor::End, 13.0, MUTED)
        };
        let axis = Axis::new(Scale::Linear, [0.0, count as f64], [TOP, TOP + self.size[1]]);
        if self.heatmap.row_classes.is_none() {
            for tick in whole(axis.ticks(6, count_label)) {
                label(pen, &tick.1, axis.place(tick.0))?;
            }
            return Ok(());
        }
        let mut free = f64::NEG_INFINITY;
        for span in &self.rows {
            let y = axis.place((span.start + span.end) as f64 / 2.0);
            if y >= free {
                label(pen, &self.name(span.class), y)?;
                free = y + 15.0;
            }
        }
        Ok(())
    }

    fn column_labels<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let count = self.heatmap.shape[1];
        let bottom = TOP + self.size[1] + 20.0;
        let axis = Axis::new(Scale::Linear, [0.0, count as f64], [LEFT, LEFT + self.size[0]]);
        if self.heatmap.column_classes.is_none() {
            for tick in whole(axis.ticks(6, count_label)) {
                pen.text(&tick.1, [axis.place(tick.0), bottom], Anchor::Middle, 13.0, MUTED)?;
            }
        } else {
            let lines = if self.staggered { 2 } else { 1 };
            let mut free = [f64::NEG_INFINITY; 2];
            for (i, span) in self.columns.iter().enumerate() {
                let middle = axis.place((span.start + span.end) as f64 / 2.0);
                // On two lines a name has the room of its neighbours too, but never runs into the last label.
                let room = (lines as f64 * self.span_width(span) - 5.0).max(if self.staggered { 56.0 } else { 22.0 });
                let name = fitted(&self.name(span.class), 13.0, room);
                let half = super::raster::text_width(&name, 13.0) / 2.0;
                let line = i % lines;
                if middle - half >= free[line] {
                    pen.text(&name, [middle, bottom + 17.0 * line as f64], Anchor::Middle, 13.0, MUTED)?;
                    free[line] = middle + half + 6.0;
                }
            }
        }
        let [rows, columns] = self.heatmap.axis_names;
        let caption = if rows == columns { rows.to_string() } else { format!("rows: {rows}, columns: {columns}") };
        let caption = fitted(&caption, 13.0, SIDE);
        let below = TOP + self.size[1] + self.caption_drop();
        pen.text(&caption, [LEFT + self.size[0] / 2.0, below], Anchor::Middle, 13.0, MUTED)
    }

    /// Left, top, width and height of the colour bar.
    fn bar(&self) -> [f64; 4] {
        let ends = self.range.cut.map(|cut| if cut { 14.0 } else { 0.0 });
        let height = self.size[1] - ends[0] - ends[1];
        [LEFT + self.size[0] + 26.0, TOP + ends[1], 14.0, height]
    }

    fn bar_labels<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let [x, y, width, height] = self.bar();
        let Range { low, high, cut, map } = self.range;
        let palette = map.palette();
        let (last, first) =
            (palette[usize::from(level(high, &self.range))], palette[usize::from(level(low, &self.range))]);
        if cut[1] {
            pen.polygon(&[[x, y], [x + width, y], [x + width / 2.0, y - 11.0]], Ink::new(last))?;
        }
        if cut[0] {
            let end = y + height;
            pen.polygon(&[[x, end], [x + width, end], [x + width / 2.0, end + 11.0]], Ink::new(first))?;
        }
        let axis = Axis::new(Scale::Linear, [low, high], [y + height, y]);
        let digits = |v: f64| quantity::number(v).replace(".000", "");
        for tick in axis.ticks(6, digits) {
            let at = axis.place(tick.value);
            pen.line([x + width, at], [x + width + 4.0, at], Ink::new(AXIS))?;
            pen.text(quantity::shortened(&tick.label), [x + width + 9.0, at + 4.5], Anchor::Start, 13.0, MUTED)?;
        }
        // Over its bar, or, if it is long, up to the margin and over the matrix too.
        let caption = fitted(self.heatmap.quantity, 13.0, SIDE);
        if caption == fitted(self.heatmap.quantity, 13.0, WIDTH - x - 8.0) {
            return pen.text(&caption, [x, TOP - 10.0], Anchor::Start, 13.0, MUTED);
        }
        pen.text(&caption, [WIDTH - 28.0, TOP - 10.0], Anchor::End, 13.0, MUTED)
    }
}

/// Ticks at whole numbers only.
fn whole(ticks: Vec<super::axis::Tick>) -> impl Iterator<Item = (f64, String)> {
    ticks.into_iter().filter(|t| t.value.fract() == 0.0).map(|t| (t.value, t.label))
}

impl Figure for Prepared<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH as u32, (TOP + self.size[1] + self.caption_drop() + 23.0) as u32)
    }

    fn description(&self) -> String {
        format!("{}: {}", self.heatmap.title, self.subtitle())
    }

    fn cells(&self) -> Vec<Cells> {
        let [left, top, width, height] = self.bar();
        let Range { low, high, map, .. } = self.range;
        let steps = 256;
        let ramp = (0..steps).map(|i| {
            let t = 1.0 - (i as f64 + 0.5) / steps as f64;
            level(low + t * (high - low), &self.range)
        });
        let palette = map.palette();
        vec![
            Cells {
                place: [LEFT, TOP, self.size[0], self.size[1]],
                rows: self.cells[0],
                columns: self.cells[1],
                indices: self.indices.clone(),
                palette: palette.clone(),
            },
            Cells { place: [left, top, width, height], rows: steps, columns: 1, indices: ramp.collect(), palette },
        ]
    }

    fn draw<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let room = WIDTH - 56.0;
        pen.text(&fitted(self.heatmap.title, 19.0, room), [28.0, 38.0], Anchor::Start, 19.0, INK)?;
        pen.text(&fitted(&self.subtitle(), 13.5, room), [28.0, 61.0], Anchor::Start, 13.5, MUTED)?;
        self.boundaries(pen)?;
        self.row_labels(pen)?;
        self.column_labels(pen)?;
        self.bar_labels(pen)
    }
}
