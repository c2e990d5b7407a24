//! A quantity over a plane: colours, and lines of equal height.

use super::axis::{Axis, Scale};
use super::colour::{AXIS, ColourMap, INK, LEVELS, MUTED, NOT_A_NUMBER, OVERLAY};
use super::pen::{Anchor, Ink, Pen, fitted};
use super::{Cells, Figure, Plot, PlotError};
use crate::render::quantity;
use plotters_backend::DrawingBackend;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 84.0;
const TOP: f64 = 92.0;
/// A side of the plane.
const SIDE: f64 = 488.0;
/// Cells a side: between the points of the grid heights are interpolated.
const CELLS: usize = 244;
/// Lines of equal height.
const LINES: usize = 12;

/// A plot of heights on a grid.
#[derive(Debug, Clone)]
pub(crate) struct Surface<'a> {
    /// What is shown.
    pub(crate) title: &'a str,
    /// One line below it.
    pub(crate) subtitle: &'a str,
    /// What a height is.
    pub(crate) quantity: &'a str,
    /// What the axes are: across and up.
    pub(crate) axes: [&'a str; 2],
    /// Where the grid's points are, across and up, ascending and evenly spaced.
    pub(crate) at: [&'a [f64]; 2],
    /// Heights, `[up, across]`; what is not finite is grey.
    pub(crate) heights: &'a [f64],
    /// Points to mark, with their names.
    pub(crate) marks: &'a [([f64; 2], String)],
}

impl Plot for Surface<'_> {
    /// # Errors
    /// If the grid and the heights disagree.
    fn figure(&self) -> Result<impl Figure, PlotError> {
        Prepared::new(self)
    }
}

/// The heights on the scale that is drawn.
struct Prepared<'a> {
    surface: &'a Surface<'a>,
    /// As given, or their logarithms where they are positive and span decades.
    heights: Vec<f64>,
    logarithmic: bool,
    /// Of what is drawn.
    low: f64,
    high: f64,
    x: Axis,
    y: Axis,
}

impl<'a> Prepared<'a> {
    fn new(surface: &'a Surface<'a>) -> Result<Self, PlotError> {
        let [across, up] = surface.at.map(<[f64]>::len);
        if across < 2 || up < 2 || across * up != surface.heights.len() {
            return Err(PlotError(format!("{} heights on a grid of {across} by {up}", surface.heights.len())));
        }
        let extremes = |of: &[f64]| {
            let finite = of.iter().copied().filter(|h| h.is_finite());
            finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), h| (low.min(h), high.max(h)))
        };
        let (low, high) = extremes(surface.heights);
        let logarithmic = low > 0.0 && high / low > 10.0;
        let heights: Vec<f64> = surface.heights.iter().map(|&h| if logarithmic { h.log10() } else { h }).collect();
        let (low, high) = match extremes(&heights) {
            (low, high) if low < high => (low, high),
            (low, high) if low == high => (low - 0.5, high + 0.5),
            _ => (0.0, 1.0),
        };
        let ends = |at: &[f64]| [at[0], at[at.len() - 1]];
        let x = Axis::new(Scale::Linear, ends(surface.at[0]), [LEFT, LEFT + SIDE]);
        let y = Axis::new(Scale::Linear, ends(surface.at[1]), [TOP + SIDE, TOP]);
        Ok(Self { surface, heights, logarithmic, low, high, x, y })
    }

    fn height(&self, column: usize, row: usize) -> f64 {
        self.heights[row * self.surface.at[0].len() + column]
    }

    fn level(&self, height: f64) -> u8 {
        if !height.is_finite() {
            return NOT_A_NUMBER;
        }
        let t = (height - self.low) / (self.high - self.low);
        ((t * LEVELS as f64) as usize).min(LEVELS - 1) as u8
    }

    /// Between four points of the grid, bilinearly; not a number where one of them is none.
    fn between(&self, u: f64, v: f64) -> f64 {
        let [across, up] = self.surface.at.map(<[f64]>::len);
        let place = |t: f64, count: usize| {
            let t = t * (count - 1) as f64;
            let whole = (t as usize).min(count - 2);
            (whole, t - whole as f64)
        };
        let ((i, s), (j, t)) = (place(u, across), place(v, up));
        let row = |j: usize| (1.0 - s) * self.height(i, j) + s * self.height(i + 1, j);
        (1.0 - t) * row(j) + t * row(j + 1)
    }

    /// The pieces of the line where the height is `level`: marching squares, a square being split at its mean.
    fn contour(&self, level: f64) -> Vec<[[f64; 2]; 2]> {
        let [across, up] = self.surface.at;
        let mut pieces = Vec::new();
        for j in 0..up.len() - 1 {
            for i in 0..across.len() - 1 {
                let corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)];
                let heights = corners.map(|(i, j)| self.height(i, j) - level);
                if heights.iter().any(|h| !h.is_finite()) {
                    continue;
                }
                let crossing = |a: usize, b: usize| {
                    let t = heights[a] / (heights[a] - heights[b]);
                    let ((ia, ja), (ib, jb)) = (corners[a], corners[b]);
                    let x = self.x.place(across[ia]) + t * (self.x.place(across[ib]) - self.x.place(across[ia]));
                    let y = self.y.place(up[ja]) + t * (self.y.place(up[jb]) - self.y.place(up[ja]));
                    [x, y]
                };
                let above = heights.map(|h| h >= 0.0);
                let crossed: Vec<(usize, usize)> =
                    (0..4).map(|a| (a, (a + 1) % 4)).filter(|&(a, b)| above[a] != above[b]).collect();
                match crossed[..] {
                    [first, second] => pieces.push([crossing(first.0, first.1), crossing(second.0, second.1)]),
                    [first, second, third, fourth] => {
                        // A saddle: the mean says which corners hang together.
                        let middle = heights.iter().sum::<f64>() >= 0.0;
                        let [p, q, r, s] = [first, second, third, fourth].map(|(a, b)| crossing(a, b));
                        let pairs = if middle == above[0] { [[p, q], [r, s]] } else { [[s, p], [q, r]] };
                        pieces.extend(pairs);
                    }
                    _ => {}
                }
            }
        }
        pieces
    }

    fn axes<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        pen.frame([LEFT, TOP, SIDE, SIDE], Ink::new(AXIS))?;
        let bottom = TOP + SIDE;
        for tick in self.x.ticks(6, short) {
            let x = self.x.place(tick.value);
            pen.line([x, bottom], [x, bottom + 5.0], Ink::new(AXIS))?;
            pen.text(&tick.label, [x, bottom + 21.0], Anchor::Middle, 13.0, MUTED)?;
        }
        for tick in self.y.ticks(6, short) {
            let y = self.y.place(tick.value);
            pen.line([LEFT - 5.0, y], [LEFT, y], Ink::new(AXIS))?;
            pen.text(&tick.label, [LEFT - 10.0, y + 4.5], Anchor::End, 13.0, MUTED)?;
        }
        let [x, y] = self.surface.axes;
        let caption = fitted(&format!("across: {x}, up: {y}"), 13.0, SIDE);
        pen.text(&caption, [LEFT + SIDE / 2.0, bottom + 43.0], Anchor::Middle, 13.0, MUTED)
    }

    fn bar<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let [x, y, width, height] = BAR;
        let axis = Axis::new(Scale::Linear, [self.low, self.high], [y + height, y]);
        for tick in axis.ticks(6, |h| if self.logarithmic { short(10f64.powf(h)) } else { short(h) }) {
            let at = axis.place(tick.value);
            pen.line([x + width, at], [x + width + 4.0, at], Ink::new(AXIS))?;
            pen.text(&tick.label, [x + width + 9.0, at + 4.5], Anchor::Start, 13.0, MUTED)?;
        }
        let caption = fitted(self.surface.quantity, 13.0, WIDTH - x - 8.0);
        pen.text(&caption, [x, TOP - 10.0], Anchor::Start, 13.0, MUTED)
    }
}

/// Left, top, width and height of the colour bar.
const BAR: [f64; 4] = [LEFT + SIDE + 26.0, TOP, 14.0, SIDE];

fn short(value: f64) -> String {
    quantity::shortened(&quantity::number(value)).to_owned()
}

impl Figure for Prepared<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH as u32, (TOP + SIDE + 66.0) as u32)
    }

    fn description(&self) -> String {
        format!("{}: {}", self.surface.title, self.surface.subtitle)
    }

    fn cells(&self) -> Vec<Cells> {
        let palette = ColourMap::Sequential.palette();
        let middle = |k: usize| (k as f64 + 0.5) / CELLS as f64;
        let indices = (0..CELLS * CELLS)
            .map(|at| self.level(self.between(middle(at % CELLS), 1.0 - middle(at / CELLS))))
            .collect();
        let steps = 256;
        let ramp =
            (0..steps).map(|i| self.level(self.low + (1.0 - (i as f64 + 0.5) / steps as f64) * (self.high - self.low)));
        vec![
            Cells { place: [LEFT, TOP, SIDE, SIDE], rows: CELLS, columns: CELLS, indices, palette: palette.clone() },
            Cells { place: BAR, rows: steps, columns: 1, indices: ramp.collect(), palette },
        ]
    }

    fn draw<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let room = WIDTH - 56.0;
        pen.text(&fitted(self.surface.title, 19.0, room), [28.0, 38.0], Anchor::Start, 19.0, INK)?;
        pen.text(&fitted(self.surface.subtitle, 13.5, room), [28.0, 61.0], Anchor::Start, 13.5, MUTED)?;
        for k in 1..=LINES {
            let level = self.low + (self.high - self.low) * k as f64 / (LINES + 1) as f64;
            for [from, to] in self.contour(level) {
                pen.line(from, to, Ink::new(OVERLAY).alpha(0.55))?;
            }
        }
        for ([x, y], name) in self.surface.marks {
            let at = [self.x.place(*x), self.y.place(*y)];
            pen.dot(at, 4.5, Ink::new(OVERLAY))?;
            pen.dot(at, 3.0, Ink::new([0x1c, 0x21, 0x2b]))?;
            pen.text(name, [at[0] + 9.0, at[1] + 4.5], Anchor::Start, 13.0, OVERLAY)?;
        }
        self.axes(pen)?;
        self.bar(pen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared<'a>(surface: &'a Surface<'a>) -> Prepared<'a> {
        Prepared::new(surface).unwrap()
    }

    #[test]
    fn contours_of_a_cone_are_circles_and_stop_at_what_is_not_a_number() {
        let at: Vec<f64> = (0..81).map(|i| f64::from(i) / 40.0 - 1.0).collect();
        let heights: Vec<f64> = (0..81 * 81).map(|k| at[k % 81].hypot(at[k / 81])).collect();
        let surface = |heights| Surface {
            title: "t",
            subtitle: "",
            quantity: "loss",
            axes: ["a", "b"],
            at: [&at, &at],
            heights,
            marks: &[],
        };
        let cone = surface(&heights);
        let drawn = prepared(&cone);
        assert!(!drawn.logarithmic);
        let pieces = drawn.contour(0.5);
        let length: f64 = pieces.iter().map(|[a, b]| (a[0] - b[0]).hypot(a[1] - b[1])).sum();
        // A circle of half the radius of the plane.
        let expected = std::f64::consts::PI * SIDE / 2.0;
        assert!((length / expected - 1.0).abs() < 2e-3, "{length} {expected}");
        assert!((drawn.between(0.5, 0.75) - 0.5).abs() < 1e-12);
        let mut holed = heights.clone();
        holed[40 * 81 + 60] = f64::INFINITY;
        let pierced = surface(&holed);
        let pierced = prepared(&pierced);
        let fewer: f64 = pierced.contour(0.5).iter().map(|[a, b]| (a[0] - b[0]).hypot(a[1] - b[1])).sum();
        assert!(fewer < length && pierced.level(pierced.between(0.75, 0.5)) == NOT_A_NUMBER);
        assert!(pierced.surface.svg().unwrap().starts_with("<svg") && pierced.surface.png().unwrap().len() > 1000);
    }

    #[test]
    fn heights_over_decades_are_drawn_by_their_logarithms_and_a_flat_plane_is_one_colour() {
        let at = [0.0, 1.0];
        let of = |heights: &[f64]| {
            let marks = [([0.5, 0.5], "here".to_owned())];
            let surface = Surface {
                title: "t",
                subtitle: "",
                quantity: "q",
                axes: ["a", "b"],
                at: [&at, &at],
                heights,
                marks: &marks,
            };
            surface.svg().unwrap();
            prepared(&surface).logarithmic
        };
        assert!(of(&[1e-3, 1.0, 2.0, 1e3]));
        assert!(!of(&[2.0; 4]) && !of(&[-1.0, 0.0, 1e9, 3.0]) && !of(&[f64::NAN; 4]));
        let wrong = Surface {
            title: "",
            subtitle: "",
            quantity: "",
            axes: ["", ""],
            at: [&at, &at],
            heights: &[1.0],
            marks: &[],
        };
        assert!(wrong.svg().is_err());
    }
}
