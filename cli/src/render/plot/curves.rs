//! Quantities over steps, or over any other axis: one line each.

use super::axis::Scale;
use super::panels::Panels;
use super::{Figure, Plot, PlotError};
use ntk::experiment::finding::{self, Lines, Panel, Style};

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

/// A plot of lines: one panel of [`Panels`], with a line below its title.
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

impl Plot for Curves<'_> {
    fn figure(&self) -> Result<impl Figure, PlotError> {
        let series = |series: &Series| finding::Series {
            name: series.name.clone(),
            points: series.points.clone(),
            band: Vec::new(),
            style: if series.bound { Style::Theory } else { Style::Line },
        };
        let [x, y] = self.axes;
        let lines = Lines {
            title: String::new(),
            x: finding::Axis::linear(x),
            y: finding::Axis { label: y.to_owned(), logarithmic: self.scale == Scale::Logarithmic },
            series: self.series.iter().map(series).collect(),
            marks: Vec::new(),
        };
        Panels::of(self.title.to_owned(), self.subtitle.to_owned(), &[Panel::Lines(lines)])
    }
}
