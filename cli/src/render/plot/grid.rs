//! A number at each point of a grid of two parameters, as colours.

use super::axis::{Axis, Scale};
use super::colour::{AXIS, INK, MUTED};
use super::matrix::{Range, level, range};
use super::pen::{Anchor, Ink, Pen, fitted};
use super::{Cells, Figure, Plot, PlotError, raster};
use crate::render::quantity;
use plotters_backend::DrawingBackend;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 84.0;
const TOP: f64 = 104.0;
const ACROSS: f64 = 508.0;
const DOWN: f64 = 300.0;

/// A plot of a table.
#[derive(Debug, Clone)]
pub(crate) struct Grid<'a> {
    /// What is shown.
    pub(crate) title: &'a str,
    /// One line below it.
    pub(crate) subtitle: &'a str,
    /// What an entry is, written over the colour bar.
    pub(crate) quantity: &'a str,
    /// Entries, row by row from the top; what is not finite is grey.
    pub(crate) values: &'a [f64],
    /// Labels of the rows, from the top.
    pub(crate) rows: &'a [String],
    /// Labels of the columns.
    pub(crate) columns: &'a [String],
    /// What rows and columns are.
    pub(crate) axes: [&'a str; 2],
}

impl Plot for Grid<'_> {
    fn figure(&self) -> Result<impl Figure, PlotError> {
        Ok(Prepared::new(self))
    }
}

struct Prepared<'a> {
    grid: &'a Grid<'a>,
    range: Range,
}

impl<'a> Prepared<'a> {
    fn new(grid: &'a Grid<'a>) -> Self {
        Self { grid, range: range(grid.values, [grid.rows.len(), grid.columns.len()]) }
    }

    /// Left, top, width and height of the colour bar.
    fn bar(&self) -> [f64; 4] {
        [LEFT + ACROSS + 26.0, TOP, 14.0, DOWN]
    }
}

impl Figure for Prepared<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH as u32, (TOP + DOWN + 66.0) as u32)
    }

    fn description(&self) -> String {
        format!("{}: {}", self.grid.title, self.grid.subtitle)
    }

    fn cells(&self) -> Vec<Cells> {
        let Range { low, high, map, .. } = self.range;
        let steps = 256;
        let ramp = (0..steps).map(|i| {
            let t = 1.0 - (i as f64 + 0.5) / f64::from(steps);
            level(low + t * (high - low), &self.range)
        });
        vec![
            Cells {
                place: [LEFT, TOP, ACROSS, DOWN],
                rows: self.grid.rows.len(),
                columns: self.grid.columns.len(),
                indices: self.grid.values.iter().map(|&v| level(v, &self.range)).collect(),
                palette: map.palette(),
            },
            Cells { place: self.bar(), rows: 256, columns: 1, indices: ramp.collect(), palette: map.palette() },
        ]
    }

    fn draw<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let Grid { title, subtitle, rows, columns, axes, .. } = self.grid;
        let room = WIDTH - 56.0;
        pen.text(&fitted(title, 19.0, room), [28.0, 38.0], Anchor::Start, 19.0, INK)?;
        pen.text(&fitted(subtitle, 13.5, room), [28.0, 61.0], Anchor::Start, 13.5, MUTED)?;
        pen.frame([LEFT, TOP, ACROSS, DOWN], Ink::new(AXIS))?;
        let mut free = f64::NEG_INFINITY;
        for (i, label) in rows.iter().enumerate() {
            let y = TOP + DOWN * (i as f64 + 0.5) / rows.len() as f64;
            if y >= free {
                pen.text(label, [LEFT - 10.0, y + 4.5], Anchor::End, 13.0, MUTED)?;
                free = y + 15.0;
            }
        }
        let mut free = f64::NEG_INFINITY;
        for (i, label) in columns.iter().enumerate() {
            let x = LEFT + ACROSS * (i as f64 + 0.5) / columns.len() as f64;
            let half = raster::text_width(label, 13.0) / 2.0;
            if x - half >= free {
                pen.text(label, [x, TOP + DOWN + 20.0], Anchor::Middle, 13.0, MUTED)?;
                free = x + half + 10.0;
            }
        }
        pen.text(axes[0], [LEFT, TOP - 12.0], Anchor::Start, 13.0, MUTED)?;
        pen.text(axes[1], [LEFT + ACROSS, TOP + DOWN + 43.0], Anchor::End, 13.0, MUTED)?;
        let [x, y, width, height] = self.bar();
        let Range { low, high, .. } = self.range;
        let short = |v: f64| quantity::shortened(&quantity::number(v)).to_owned();
        let axis = Axis::new(Scale::Linear, [low, high], [y + height, y]);
        for tick in axis.ticks(6, short) {
            let at = axis.place(tick.value);
            pen.line([x + width, at], [x + width + 4.0, at], Ink::new(AXIS))?;
            pen.text(&tick.label, [x + width + 9.0, at + 4.5], Anchor::Start, 13.0, MUTED)?;
        }
        pen.text(self.grid.quantity, [x + width, TOP - 12.0], Anchor::End, 13.0, MUTED)
    }
}
