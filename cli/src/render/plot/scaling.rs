//! Several methods against a size, on logarithmic axes: two panels side by side.

use super::axis::{Axis, Scale, power_label};
use super::colour::{ALERT, AXIS, DATA, FOURTH, GRID, INK, MUTED, PAPER, THIRD};
use super::pen::{Anchor, Ink, Pen, fitted};
use super::{Cells, Figure, Plot, PlotError, raster};
use crate::render::quantity;
use plotters_backend::DrawingBackend;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 420.0;
const TOP: f64 = 118.0;
const BOTTOM: f64 = 352.0;
/// The left and right ends of the panels.
const PANELS: [[f64; 2]; 2] = [[84.0, 470.0], [560.0, 946.0]];

/// The colours of the methods, in turn.
const COLOURS: [[u8; 3]; 4] = [DATA, THIRD, ALERT, FOURTH];

/// How the amount at a tick is written.
pub(crate) type Label = fn(f64) -> String;

/// What one method takes, by size.
#[derive(Debug, Clone)]
pub(crate) struct Method {
    /// Its name, for the legend.
    pub(crate) name: String,
    /// Of each panel: size and amount, sizes ascending; what is not above 0 is left out.
    pub(crate) measured: [Vec<[f64; 2]>; 2],
    /// Of each panel: what it would take where it was not run, drawn as rings.
    pub(crate) wanted: [Vec<[f64; 2]>; 2],
}

/// A plot of methods.
#[derive(Debug, Clone)]
pub(crate) struct Scaling<'a> {
    /// What is shown.
    pub(crate) title: &'a str,
    /// One line below it.
    pub(crate) subtitle: &'a str,
    /// What the size is.
    pub(crate) size: &'a str,
    /// What the amounts are, and how they are written.
    pub(crate) panels: [(&'a str, Label); 2],
    /// The methods.
    pub(crate) methods: &'a [Method],
    /// A limit in the second panel, and what it is.
    pub(crate) limit: Option<(f64, &'a str)>,
}

impl Plot for Scaling<'_> {
    fn figure(&self) -> Result<impl Figure, PlotError> {
        Ok(Prepared::new(self))
    }
}

/// The axes of a panel.
struct Axes {
    x: Axis,
    y: Axis,
    ends: [f64; 2],
}

struct Prepared<'a> {
    of: &'a Scaling<'a>,
    axes: [Axes; 2],
    /// The sizes, each once.
    sizes: Vec<f64>,
}

fn drawn(p: &&[f64; 2]) -> bool {
    p.iter().all(|x| x.is_finite() && *x > 0.0)
}

impl<'a> Prepared<'a> {
    fn new(of: &'a Scaling<'a>) -> Self {
        let points = |panel: usize| {
            of.methods.iter().flat_map(move |m| m.measured[panel].iter().chain(&m.wanted[panel])).filter(drawn)
        };
        let range = |values: &mut dyn Iterator<Item = f64>| {
            let [low, high] = values.fold([f64::INFINITY, 0.0_f64], |[low, high], v| [low.min(v), high.max(v)]);
            if low <= high { [low, high] } else { [1.0, 10.0] }
        };
        let mut sizes: Vec<f64> = (0..2).flat_map(points).map(|p| p[0]).collect();
        sizes.sort_by(f64::total_cmp);
        sizes.dedup();
        let axes = [0, 1].map(|panel| {
            let ends = PANELS[panel];
            let x = range(&mut sizes.iter().copied());
            let limit = of.limit.filter(|_| panel == 1).map(|(limit, _)| limit);
            let y = range(&mut points(panel).map(|p| p[1]).chain(limit));
            Axes {
                x: Axis::new(Scale::Logarithmic, x, [ends[0] + 20.0, ends[1] - 20.0]),
                y: Axis::new(Scale::Logarithmic, y, [BOTTOM, TOP]).padded(),
                ends,
            }
        });
        Self { of, axes, sizes }
    }

    fn frame<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>, panel: usize) -> Result<(), PlotError> {
        let Axes { x, y, ends: [left, right] } = &self.axes[panel];
        let (name, label) = self.of.panels[panel];
        for tick in y.ticks(6, label) {
            let at = y.place(tick.value);
            pen.line([*left, at], [*right, at], Ink::new(GRID))?;
            pen.text(&tick.label, [left - 9.0, at + 4.5], Anchor::End, 13.0, MUTED)?;
        }
        pen.line([*left, BOTTOM], [*right, BOTTOM], Ink::new(AXIS))?;
        let mut free = f64::NEG_INFINITY;
        for &size in &self.sizes {
            let at = x.place(size);
            let label = quantity::count(size.round() as u64);
            let half = 0.56 * raster::text_width(&label, 13.0);
            pen.line([at, BOTTOM], [at, BOTTOM + 5.0], Ink::new(AXIS))?;
            if at - half >= free {
                pen.text(&label, [at, BOTTOM + 21.0], Anchor::Middle, 13.0, MUTED)?;
                free = at + half + 6.0;
            }
        }
        pen.text(&fitted(name, 13.0, 380.0), [*left, TOP - 14.0], Anchor::Start, 13.0, MUTED)?;
        pen.text(&fitted(self.of.size, 13.0, 380.0), [*right, BOTTOM + 43.0], Anchor::End, 13.0, MUTED)
    }

    fn limit<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let Some((limit, name)) = self.of.limit.filter(|(limit, _)| limit.is_finite() && *limit > 0.0) else {
            return Ok(());
        };
        let Axes { y, ends: [left, right], .. } = &self.axes[1];
        let at = y.place(limit);
        pen.dashes([*left, at], [*right, at], Ink::new(MUTED))?;
        pen.text(&fitted(name, 12.0, 300.0), [left + 6.0, at - 6.0], Anchor::Start, 12.0, MUTED)
    }

    fn method<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>, panel: usize, which: usize) -> Result<(), PlotError> {
        let Axes { x, y, .. } = &self.axes[panel];
        let (method, colour) = (&self.of.methods[which], COLOURS[which % COLOURS.len()]);
        let places = |points: &[[f64; 2]]| -> Vec<[f64; 2]> {
            points.iter().filter(drawn).map(|p| [x.place(p[0]), y.place(p[1])]).collect()
        };
        let (measured, wanted) = (places(&method.measured[panel]), places(&method.wanted[panel]));
        // What was not run goes on from what was, in dashes.
        let last = measured.iter().rfind(|p| wanted.first().is_some_and(|first| p[0] < first[0]));
        let onwards: Vec<[f64; 2]> = last.into_iter().chain(&wanted).copied().collect();
        for pair in onwards.windows(2) {
            pen.dashes(pair[0], pair[1], Ink::new(colour).width(1.25))?;
        }
        pen.path(&measured, Ink::new(colour).width(1.75))?;
        for &place in &measured {
            pen.dot(place, 3.5, Ink::new(colour))?;
        }
        for &place in &wanted {
            pen.dot(place, 4.0, Ink::new(colour))?;
            pen.dot(place, 2.5, Ink::new(PAPER))?;
        }
        Ok(())
    }

    /// Names at the right of the subtitle's line, the last one outermost.
    fn legend<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let (mut at, y) = (PANELS[1][1], 38.0);
        for (i, method) in self.of.methods.iter().enumerate().rev() {
            let name = fitted(&method.name, 13.0, 160.0);
            pen.text(&name, [at, y], Anchor::End, 13.0, MUTED)?;
            // Readers' fonts are wider than ours, so the mark keeps its distance.
            at -= 1.12 * raster::text_width(&name, 13.0) + 6.0;
            let ink = Ink::new(COLOURS[i % COLOURS.len()]);
            pen.path(&[[at - 18.0, y - 4.5], [at, y - 4.5]], ink.width(2.0))?;
            pen.dot([at - 9.0, y - 4.5], 3.5, ink)?;
            at -= 36.0;
        }
        Ok(())
    }
}

/// Powers of ten as seconds: `10 ms`, `1 s`.
pub(crate) fn seconds(value: f64) -> String {
    quantity::terse(&quantity::seconds(value))
}

/// Powers of ten in bytes, in decimal units, in which they are round: `100 MB`.
pub(crate) fn bytes(value: f64) -> String {
    const UNITS: [(f64, &str); 5] = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")];
    match UNITS.into_iter().find(|(unit, _)| (1.0..1e3).contains(&(value / unit))) {
        Some((unit, name)) => quantity::terse(&format!("{} {name}", quantity::number(value / unit))),
        None => power_label(value),
    }
}

impl Figure for Prepared<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH as u32, HEIGHT as u32)
    }

    fn description(&self) -> String {
        let names: Vec<&str> = self.of.methods.iter().map(|method| method.name.as_str()).collect();
        let panels = self.of.panels.map(|(name, _)| name).join(" and ");
        format!("{}: {panels} of {} by {}. {}", self.of.title, names.join(", "), self.of.size, self.of.subtitle)
    }

    fn cells(&self) -> Vec<Cells> {
        Vec::new()
    }

    fn draw<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        pen.text(&fitted(self.of.title, 19.0, 460.0), [28.0, 38.0], Anchor::Start, 19.0, INK)?;
        pen.text(&fitted(self.of.subtitle, 13.5, WIDTH - 56.0), [28.0, 61.0], Anchor::Start, 13.5, MUTED)?;
        self.legend(pen)?;
        for panel in 0..2 {
            self.frame(pen, panel)?;
        }
        self.limit(pen)?;
        for panel in 0..2 {
            // The first method lies on top.
            (0..self.of.methods.len()).rev().try_for_each(|which| self.method(pen, panel, which))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_was_measured_is_drawn_and_nothing_that_is_no_number() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        for points in [&[][..], &[[64.0, 1.0]], &[[32.0, nan], [64.0, 0.0]], &[[1.0, inf], [2.0, 1e300], [4.0, 1e-300]]]
        {
            let method = |name: &str| Method {
                name: name.into(),
                measured: [points.to_vec(), points.to_vec()],
                wanted: [Vec::new(), points.to_vec()],
            };
            let methods = [method("a <b>"), method("c"), method("d"), method("e"), method("f")];
            let plot = Scaling {
                title: "t",
                subtitle: "s",
                size: "n",
                panels: [("time", seconds), ("memory", bytes)],
                methods: &methods,
                limit: Some((2e9, "--memory")),
            };
            let svg = plot.svg().unwrap();
            assert!(svg.contains("a &lt;b&gt;") && svg.contains("--memory") && !svg.contains("NaN"), "{points:?}");
            assert!(plot.png().unwrap().starts_with(b"\x89PNG"));
        }
    }

    #[test]
    fn ticks_are_written_with_their_units() {
        assert_eq!(seconds(0.01), "10 ms");
        assert_eq!(seconds(1.0), "1 s");
        assert_eq!([1e3, 1e8, 2e9].map(bytes), ["1 kB", "100 MB", "2 GB"]);
        assert_eq!(bytes(1e20), "10²⁰");
    }
}
