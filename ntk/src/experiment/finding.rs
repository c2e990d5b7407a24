//! What the measurements say: claims with verdicts, figures, tables.

use crate::array::Array;
use crate::error::{Error, Result};

/// What an experiment found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// The paper's claims, the most important first.
    pub claims: Vec<Claim>,
    /// The paper's figures.
    pub figures: Vec<Figure>,
    /// Numbers that are read better than seen.
    pub tables: Vec<Table>,
    /// Arrays worth keeping, by name.
    pub arrays: Vec<(String, Array<f64>)>,
    /// What a reader should know before a number is believed.
    pub notes: Vec<String>,
}

/// A claim, what was measured, and what follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// A short name, no other claim's of the experiment.
    pub name: &'static str,
    /// What the paper says.
    pub statement: &'static str,
    /// What was measured of it, with its unit.
    pub quantity: String,
    /// The number of each seed, or one number of them all.
    pub values: Vec<f64>,
    /// The number that is compared: the mean of the values unless the protocol says otherwise.
    pub measured: f64,
    /// Its standard error, where there is one.
    pub error: Option<f64>,
    /// What the paper has for it, in its words or numbers.
    pub paper: &'static str,
    /// What it is held against.
    pub threshold: Threshold,
    /// Where the threshold comes from.
    pub source: &'static str,
    /// Whether a failure counts.
    pub gate: Gate,
}

/// What a number is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// From the first to the second.
    Within(f64, f64),
}

/// Whether a failure of a claim is a failure of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It is.
    Gated,
    /// It is not: the claim is known to be fragile, for the reason given.
    Informative(&'static str),
}

/// What follows from a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// It is reported only, and held.
    InformativePass,
    /// It is reported only, and did not hold.
    InformativeFail,
}

impl Threshold {
    /// Whether a number keeps it; what is not finite does not.
    pub fn holds(self, x: f64) -> bool {
        x.is_finite()
            && match self {
                Threshold::AtMost(high) => x <= high,
                Threshold::AtLeast(low) => x >= low,
                Threshold::Within(low, high) => (low..=high).contains(&x),
            }
    }
}

impl Claim {
    /// What follows.
    pub fn verdict(&self) -> Verdict {
        match (self.gate, self.threshold.holds(self.measured)) {
            (Gate::Gated, true) => Verdict::Pass,
            (Gate::Gated, false) => Verdict::Fail,
            (Gate::Informative(_), true) => Verdict::InformativePass,
            (Gate::Informative(_), false) => Verdict::InformativeFail,
        }
    }
}

impl Findings {
    /// Whether a gated claim failed.
    pub fn failed(&self) -> bool {
        self.claims.iter().any(|claim| claim.verdict() == Verdict::Fail)
    }
}

/// A figure: one or more panels side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its file name without an extension.
    pub name: &'static str,
    /// What is shown.
    pub title: String,
    /// A sentence that says what to see.
    pub caption: String,
    /// The claims that it supports, by name.
    pub claims: Vec<&'static str>,
    /// Its panels.
    pub panels: Vec<Panel>,
}

/// A panel of a figure.
#[derive(Clone, Debug, PartialEq)]
pub enum Panel {
    /// Lines, points and bands.
    Lines(Lines),
    /// Cells of colour.
    Map(Map),
}

/// Lines, points and bands over one axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines {
    /// What the panel shows, where there are several.
    pub title: String,
    /// The axis of abscissas.
    pub x: Axis,
    /// The axis of ordinates.
    pub y: Axis,
    /// What is drawn.
    pub series: Vec<Series>,
    /// Values that are marked by a line across, with their names.
    pub marks: Vec<Mark>,
}

/// An axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Quantity and unit.
    pub label: String,
    /// Whether it is logarithmic.
    pub logarithmic: bool,
}

impl Axis {
    /// A linear axis.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), logarithmic: false }
    }

    /// A logarithmic axis.
    pub fn logarithmic(label: impl Into<String>) -> Self {
        Self { label: label.into(), logarithmic: true }
    }
}

/// Something drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What it is, for the legend.
    pub name: String,
    /// Abscissa and ordinate, in order; what is not finite is a gap.
    pub points: Vec<[f64; 2]>,
    /// Lower and upper ends of an error band, one for each point; may be empty.
    pub band: Vec<[f64; 2]>,
    /// How it is drawn.
    pub style: Style,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Measured: a line.
    Line,
    /// Measured: dots with a line, for few points.
    Dots,
    /// Theory: thin dashes.
    Theory,
}

/// A value marked on an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Its name.
    pub name: String,
    /// The value.
    pub at: f64,
    /// Whether it is an abscissa, so that the line is upright.
    pub upright: bool,
}

/// A quantity over two axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// What the panel shows.
    pub title: String,
    /// Name and values of the columns.
    pub x: (Axis, Vec<f64>),
    /// Name and values of the rows.
    pub y: (Axis, Vec<f64>),
    /// The quantity's name.
    pub quantity: String,
    /// `[rows, columns]`; what is not finite is left blank.
    pub cells: Array<f64>,
    /// Lines over it, in the axes' values.
    pub overlay: Vec<Series>,
}

/// Numbers in rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its file name without an extension.
    pub name: &'static str,
    /// What it shows.
    pub title: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// One cell a column.
    pub rows: Vec<Vec<Cell>>,
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A number.
    Number(f64),
    /// A word.
    Text(String),
    /// Nothing was measured.
    Empty,
}

impl From<f64> for Cell {
    fn from(x: f64) -> Self {
        Cell::Number(x)
    }
}

impl From<usize> for Cell {
    fn from(x: usize) -> Self {
        Cell::Number(x as f64)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.to_owned())
    }
}

impl Table {
    /// Adds a row.
    ///
    /// # Errors
    /// [`Error::Bug`] if it has not one cell a column.
    pub fn push(&mut self, row: Vec<Cell>) -> Result<()> {
        if row.len() != self.columns.len() {
            return Err(Error::Bug(format!("a row of {} cells in the table `{}`", row.len(), self.name)));
        }
        self.rows.push(row);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_keeps_no_threshold() {
        for threshold in [Threshold::AtMost(1.0), Threshold::AtLeast(-1.0), Threshold::Within(-1.0, 1.0)] {
            assert!(threshold.holds(0.0));
            for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                assert!(!threshold.holds(x), "{threshold:?} {x}");
            }
        }
        assert!(Threshold::Within(1.0, 2.0).holds(2.0) && !Threshold::Within(1.0, 2.0).holds(2.1));
    }
}
