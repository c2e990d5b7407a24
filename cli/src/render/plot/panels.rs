//! One or more panels of lines and maps, two beside each other.

use super::chart::Chart;
use super::colour::{INK, MUTED};
use super::map::CellMap;
use super::pen::{Anchor, Pen, fitted};
use super::{Cells, Figure, Plot, PlotError};
use ntk::experiment::finding::{self, Panel};
use plotters_backend::DrawingBackend;

const WIDTH: f64 = 720.0;
const MARGIN: f64 = 28.0;
/// Between two panels.
const GAP: f64 = 24.0;
/// The height of a panel's axes, alone in its row and beside another.
const DOWN: [f64; 2] = [300.0, 244.0];

/// Left, top and width of a panel, and the height of its axes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) down: f64,
}

/// A plot of panels.
pub(crate) struct Panels {
    title: String,
    subtitle: String,
    drawn: Vec<Drawn>,
    height: f64,
}

enum Drawn {
    Chart(Chart),
    Map(CellMap),
}

impl Panels {
    /// A figure of an experiment.
    ///
    /// # Errors
    /// If a map's cells are not as many as its axes say.
    pub(crate) fn new(figure: &finding::Figure) -> Result<Self, PlotError> {
        Self::of(figure.title.clone(), String::new(), &figure.panels)
    }

    /// Panels under a title.
    ///
    /// # Errors
    /// As [`Panels::new`].
    pub(super) fn of(title: String, subtitle: String, panels: &[Panel]) -> Result<Self, PlotError> {
        let columns = panels.len().clamp(1, 2);
        let width = (WIDTH - 2.0 * MARGIN - GAP * (columns - 1) as f64) / columns as f64;
        let mut top = if subtitle.is_empty() { 56.0 } else { 80.0 };
        let mut drawn = Vec::new();
        for row in panels.chunks(columns) {
            let mut below = top;
            for (i, panel) in row.iter().enumerate() {
                let left = MARGIN + i as f64 * (width + GAP);
                let place = Place { left, top, width, down: DOWN[columns - 1] };
                let (panel, bottom) = match panel {
                    Panel::Lines(lines) => {
                        let chart = Chart::new(lines, place);
                        (Drawn::Chart(chart.0), chart.1)
                    }
                    Panel::Map(map) => {
                        let map = CellMap::new(map, place)?;
                        (Drawn::Map(map.0), map.1)
                    }
                };
                drawn.push(panel);
                below = f64::max(below, bottom);
            }
            // Axes of a row end at one height, whatever stands above them.
            for panel in drawn.iter_mut().rev().take(row.len()) {
                match panel {
                    Drawn::Chart(chart) => chart.lower(below),
                    Drawn::Map(map) => map.lower(below),
                }
            }
            top = below + 18.0;
        }
        Ok(Self { title, subtitle, drawn, height: top })
    }
}

impl Plot for Panels {
    fn figure(&self) -> Result<impl Figure, PlotError> {
        Ok(self)
    }
}

impl Figure for Panels {
    fn size(&self) -> (u32, u32) {
        (WIDTH as u32, self.height.ceil() as u32)
    }

    fn description(&self) -> String {
        let panels = self.drawn.iter().map(|panel| match panel {
            Drawn::Chart(chart) => chart.description(),
            Drawn::Map(map) => map.description(),
        });
        let parts =
            std::iter::once(self.title.clone()).chain((!self.subtitle.is_empty()).then(|| self.subtitle.clone()));
        parts.chain(panels).collect::<Vec<_>>().join(". ")
    }

    fn cells(&self) -> Vec<Cells> {
        let of = |panel: &Drawn| match panel {
            Drawn::Chart(_) => Vec::new(),
            Drawn::Map(map) => map.cells(),
        };
        self.drawn.iter().flat_map(of).collect()
    }

    fn draw<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let room = WIDTH - 2.0 * MARGIN;
        pen.text(&fitted(&self.title, 19.0, room), [MARGIN, 38.0], Anchor::Start, 19.0, INK)?;
        pen.text(&fitted(&self.subtitle, 13.5, room), [MARGIN, 61.0], Anchor::Start, 13.5, MUTED)?;
        self.drawn.iter().try_for_each(|panel| match panel {
            Drawn::Chart(chart) => chart.draw(pen),
            Drawn::Map(map) => map.draw(pen),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ntk::array::Array;
    use ntk::experiment::finding::{Axis, Lines, Map, Mark, Series, Style};

    fn series(name: &str, points: &[[f64; 2]], style: Style) -> Series {
        let band = points.iter().map(|p| [0.8 * p[1], 1.3 * p[1]]).collect();
        Series { name: name.into(), points: points.to_vec(), band, style }
    }

    fn lines(points: &[[f64; 2]], logarithmic: bool) -> Panel {
        let axis = |name: &str| Axis { label: name.into(), logarithmic };
        Panel::Lines(Lines {
            title: "a panel".into(),
            x: axis("width n"),
            y: axis("deviation"),
            series: vec![
                series("a <b>", points, Style::Dots),
                series("c", points, Style::Line),
                Series { band: vec![], ..series("theory", &[[1.0, 2.0], [5.0, 3.0]], Style::Theory) },
            ],
            marks: vec![
                Mark { name: "edge".into(), at: 2.0, upright: false },
                Mark { name: "onset".into(), at: 3.0, upright: true },
                Mark { name: "no number".into(), at: f64::NAN, upright: true },
            ],
        })
    }

    fn map(cells: Vec<f64>, columns: Vec<f64>) -> Panel {
        let rows = cells.len() / columns.len();
        Panel::Map(Map {
            title: "a map".into(),
            x: (Axis::logarithmic("width"), columns.clone()),
            y: (Axis::linear("depth"), (0..rows).map(|i| i as f64).collect()),
            quantity: "kappa".into(),
            cells: Array { shape: vec![rows, columns.len()], data: cells },
            overlay: vec![series("line", &[[1.0, 0.0], [10.0, 1.0]], Style::Theory)],
        })
    }

    fn plot(panels: Vec<Panel>) -> Panels {
        Panels::of("A title".into(), String::new(), &panels).unwrap()
    }

    #[test]
    fn gaps_and_numbers_that_cannot_be_drawn_do_not_break_a_plot() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        for points in [
            &[][..],
            &[[0.0, nan]],
            &[[1.0, 1.0], [2.0, nan], [3.0, -3.0]],
            &[[0.0, inf], [1.0, 1e300]],
            &[[1.0, 1.0]; 3],
        ] {
            for logarithmic in [false, true] {
                let plot = plot(vec![lines(points, logarithmic)]);
                let svg = plot.svg().unwrap();
                assert!(svg.contains("a &lt;b&gt;") && !svg.contains("NaN") && !svg.contains("inf"), "{points:?}");
                assert!(plot.png().unwrap().starts_with(b"\x89PNG"));
            }
        }
    }

    #[test]
    fn panels_stand_two_beside_each_other_and_their_axes_end_at_one_height() {
        let points = [[1.0, 1.0], [10.0, 2.0], [100.0, 8.0]];
        let one = plot(vec![lines(&points, true)]).size();
        let two = plot(vec![lines(&points, true), map(vec![1.0, 2.0, nan(), 4.0], vec![1.0, 10.0])]).size();
        let three = plot(vec![lines(&points, true), lines(&points, false), lines(&points, true)]).size();
        assert!(one.0 == WIDTH as u32 && two.1 <= one.1 && three.1 > one.1, "{one:?} {two:?} {three:?}");
        assert!(Panels::of("t".into(), String::new(), &[map(vec![1.0; 5], vec![1.0, 2.0])]).is_err());
    }

    fn nan() -> f64 {
        f64::NAN
    }

    #[test]
    fn a_million_points_are_a_small_file() {
        let points: Vec<[f64; 2]> = (0..1_000_000).map(|i| [f64::from(i), f64::from(i % 97)]).collect();
        let svg = plot(vec![lines(&points, false)]).svg().unwrap();
        assert!(svg.len() < 400_000, "{}", svg.len());
        let wide = map((0..300_000).map(f64::from).collect(), (1..=1000).map(f64::from).collect());
        assert!(plot(vec![wide]).svg().unwrap().len() < 400_000);
    }
}
