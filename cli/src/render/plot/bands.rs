//! Quantities over a logarithmic time, each with a band of its deviation.

use super::axis::{Axis, Scale, power_label};
use super::colour::{ALERT, AXIS, DATA, FOURTH, GRID, INK, MUTED, THIRD};
use super::pen::{Anchor, Ink, Pen, fitted};
use super::{Cells, Figure, Plot, PlotError, raster};
use crate::render::quantity;
use plotters_backend::DrawingBackend;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 692.0;
const TOP: f64 = 104.0;
const BOTTOM: f64 = 404.0;
const HEIGHT: u32 = 466;
const COLOURS: [[u8; 3]; 4] = [DATA, ALERT, THIRD, FOURTH];

/// A quantity over time.
#[derive(Debug, Clone)]
pub(crate) struct Band {
    /// What it is, for the legend.
    pub(crate) name: String,
    /// At each time.
    pub(crate) middle: Vec<f64>,
    /// Half the height of the band at each time; empty for none.
    pub(crate) deviation: Vec<f64>,
}

/// A plot of quantities over time.
#[derive(Debug, Clone)]
pub(crate) struct Bands<'a> {
    /// What is shown.
    pub(crate) title: &'a str,
    /// One line below it.
    pub(crate) subtitle: &'a str,
    /// What the axes are, from left to right and upwards.
    pub(crate) axes: [&'a str; 2],
    /// Ascending, all above 0.
    pub(crate) times: &'a [f64],
    /// What is drawn; no more than four can be told apart.
    pub(crate) bands: &'a [Band],
    /// Dashed lines across, such as targets.
    pub(crate) levels: &'a [f64],
}

impl Plot for Bands<'_> {
    fn figure(&self) -> Result<impl Figure, PlotError> {
        Ok(Prepared::new(self))
    }
}

struct Prepared<'a> {
    of: &'a Bands<'a>,
    x: Axis,
    y: Axis,
}

impl<'a> Prepared<'a> {
    fn new(of: &'a Bands<'a>) -> Self {
        let ends = |band: &'a Band| {
            let deviation = band.deviation.iter().copied().chain(std::iter::repeat(0.0));
            band.middle.iter().zip(deviation).flat_map(|(y, d)| [y - d, y + d])
        };
        let all = of.bands.iter().flat_map(ends).chain(of.levels.iter().copied()).filter(|y| y.is_finite());
        let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), y| (a.min(y), b.max(y)));
        let y = Axis::new(Scale::Linear, if low <= high { [low, high] } else { [0.0, 1.0] }, [BOTTOM, TOP]).padded();
        let range = match of.times {
            [first, .., last] => [*first, *last],
            _ => [0.1, 1.0],
        };
        Self { of, x: Axis::new(Scale::Logarithmic, range, [LEFT, RIGHT - 14.0]), y }
    }

    fn axes<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let short = |v: f64| match v.abs() < 1e-300 {
            true => "0".to_owned(),
            false => quantity::shortened(&quantity::number(v)).to_owned(),
        };
        for tick in self.y.ticks(6, short) {
            let y = self.y.place(tick.value);
            pen.line([LEFT, y], [RIGHT, y], Ink::new(GRID))?;
            pen.text(&tick.label, [LEFT - 10.0, y + 4.5], Anchor::End, 13.0, MUTED)?;
        }
        pen.line([LEFT, BOTTOM], [RIGHT, BOTTOM], Ink::new(AXIS))?;
        for tick in self.x.ticks(7, power_label) {
            let x = self.x.place(tick.value);
            pen.line([x, BOTTOM], [x, BOTTOM + 5.0], Ink::new(AXIS))?;
            pen.text(&tick.label, [x, BOTTOM + 21.0], Anchor::Middle, 13.0, MUTED)?;
        }
        let [x, y] = self.of.axes;
        pen.text(&fitted(y, 13.0, 200.0), [LEFT, TOP - 14.0], Anchor::Start, 13.0, MUTED)?;
        pen.text(&fitted(x, 13.0, 400.0), [RIGHT, BOTTOM + 43.0], Anchor::End, 13.0, MUTED)
    }

    fn place(&self, time: f64, value: f64) -> [f64; 2] {
        [self.x.place(time), self.y.place(value)]
    }

    fn bands<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        for &level in self.of.levels.iter().filter(|level| level.is_finite()) {
            let y = self.y.place(level);
            pen.dashes([LEFT, y], [RIGHT, y], Ink::new(MUTED).alpha(0.9))?;
        }
        let inks = || COLOURS.into_iter().cycle();
        // Bands below lines, so that no line is hidden.
        for (band, colour) in self.of.bands.iter().zip(inks()) {
            let points = || self.of.times.iter().zip(&band.middle).zip(&band.deviation);
            let edge = |sign: f64| points().map(move |((&t, y), d)| (t, y + sign * d)).filter(|(_, y)| y.is_finite());
            let above: Vec<_> = edge(1.0).map(|(t, y)| self.place(t, y)).collect();
            let below = edge(-1.0).map(|(t, y)| self.place(t, y)).collect::<Vec<_>>().into_iter().rev();
            if above.len() > 1 {
                pen.polygon(&above.into_iter().chain(below).collect::<Vec<_>>(), Ink::new(colour).alpha(0.16))?;
            }
        }
        for (band, colour) in self.of.bands.iter().zip(inks()) {
            let points = self.of.times.iter().zip(&band.middle).filter(|(_, y)| y.is_finite());
            let points: Vec<_> = points.map(|(&t, &y)| self.place(t, y)).collect();
            pen.path(&points, Ink::new(colour).width(1.75))?;
        }
        Ok(())
    }

    /// Names at the right, the last one outermost.
    fn legend<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let (mut x, y) = (RIGHT, TOP - 14.0);
        for (band, colour) in self.of.bands.iter().zip(COLOURS).rev() {
            let name = fitted(&band.name, 13.0, 140.0);
            pen.text(&name, [x, y], Anchor::End, 13.0, MUTED)?;
            // Readers' fonts are wider than ours, so the mark keeps its distance.
            x -= 1.12 * raster::text_width(&name, 13.0) + 6.0;
            pen.path(&[[x - 18.0, y - 4.5], [x, y - 4.5]], Ink::new(colour).width(2.0))?;
            x -= 36.0;
        }
        Ok(())
    }
}

impl Figure for Prepared<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH as u32, HEIGHT)
    }

    fn description(&self) -> String {
        let names: Vec<&str> = self.of.bands.iter().map(|band| band.name.as_str()).collect();
        format!("{}: {}. {}", self.of.title, names.join(", "), self.of.subtitle)
    }

    fn cells(&self) -> Vec<Cells> {
        Vec::new()
    }

    fn draw<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let room = RIGHT - 28.0;
        pen.text(&fitted(self.of.title, 19.0, room), [28.0, 38.0], Anchor::Start, 19.0, INK)?;
        pen.text(&fitted(self.of.subtitle, 13.5, room), [28.0, 61.0], Anchor::Start, 13.5, MUTED)?;
        self.axes(pen)?;
        self.bands(pen)?;
        self.legend(pen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_cannot_be_drawn_do_not_break_a_plot() {
        for middle in [vec![], vec![f64::NAN, 1.0, 2.0], vec![0.0, f64::INFINITY, -1.0], vec![1.0, 1.0, 1.0]] {
            for deviation in [vec![], vec![0.5, f64::NAN, 0.0]] {
                let band = Band { name: "a <b>".into(), middle: middle.clone(), deviation };
                let of = Bands {
                    title: "t",
                    subtitle: "",
                    axes: ["time", "output"],
                    times: &[0.1, 1.0, 1e5],
                    bands: &[band.clone(), band],
                    levels: &[1.0, f64::NAN],
                };
                let svg = of.svg().unwrap();
                assert!(svg.contains("a &lt;b&gt;") && !svg.contains("NaN"));
                assert!(of.png().unwrap().starts_with(b"\x89PNG"));
            }
        }
    }
}
