//! What the measurements say: claims with verdicts, figures, tables.

use super::claim::{Claim, Judged, Verdict};
use crate::array::Array;
use crate::error::{Error, Result};

/// What an experiment found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// The paper's claims with what was measured of them, in the order of their declaration.
    pub claims: Vec<Judged>,
    /// Claims that these settings cannot judge: those declared that nothing was measured of.
    pub unjudged: Vec<Claim>,
    /// The paper's figures.
    pub figures: Vec<Figure>,
    /// Numbers that are read better than seen.
    pub tables: Vec<Table>,
    /// Arrays worth keeping, by name.
    pub arrays: Vec<(String, Array<f64>)>,
    /// What a reader should know before a number is believed.
    pub notes: Vec<String>,
}

impl Findings {
    /// Puts the claims in the order of their declaration, and finds those that were not judged.
    ///
    /// # Errors
    /// [`Error::Bug`]: a claim that was not declared, or was judged twice; one that needs no special settings and was not
    /// judged; a figure that supports none that was declared.
    pub fn complete(mut self, declared: &[Claim]) -> Result<Self> {
        let bug = |what: String| Err(Error::Bug(what));
        let place = |name: &str| declared.iter().position(|claim| claim.name == name);
        for judged in &self.claims {
            if !declared.contains(&judged.claim) {
                return bug(format!("the claim {} was not declared", judged.claim.name));
            }
        }
        self.claims.sort_by_key(|judged| place(judged.claim.name));
        if let Some(twins) = self.claims.windows(2).find(|pair| pair[0].claim.name == pair[1].claim.name) {
            return bug(format!("the claim {} was judged twice", twins[0].claim.name));
        }
        let without = |claim: &&Claim| self.claims.iter().all(|judged| judged.claim.name != claim.name);
        self.unjudged = declared.iter().filter(without).copied().collect();
        if let Some(claim) = self.unjudged.iter().find(|claim| claim.needs.is_empty()) {
            return bug(format!("the claim {} was not judged", claim.name));
        }
        if let Some(name) = self.figures.iter().flat_map(|figure| &figure.claims).find(|name| place(name).is_none()) {
            return bug(format!("a figure supports the claim {name}, which was not declared"));
        }
        Ok(self)
    }

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
    /// A table without rows.
    pub fn new(name: &'static str, title: impl Into<String>, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        Self { name, title: title.into(), columns, rows: Vec::new() }
    }

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
    use super::super::claim::{By, Gate, Threshold};
    use super::*;

    const A: Claim = Claim {
        name: "a",
        statement: "",
        quantity: "",
        paper: "",
        threshold: Threshold::AtMost(1.0),
        source: "",
        gate: Gate::Gated,
        needs: "",
    };
    const B: Claim = Claim { name: "b", needs: "two widths", ..A };

    fn findings(claims: &[Claim]) -> Findings {
        let claims = claims.iter().map(|claim| claim.judged(By::Mean, vec![0.0])).collect();
        Findings { claims, ..Findings::default() }
    }

    #[test]
    fn verdicts_and_declared_claims_are_the_same_ones() {
        let names = |found: &Findings| found.claims.iter().map(|judged| judged.claim.name).collect::<Vec<_>>();
        let all = findings(&[B, A]).complete(&[A, B]).unwrap();
        assert_eq!((names(&all), all.unjudged), (vec!["a", "b"], vec![]));
        let some = findings(&[A]).complete(&[A, B]).unwrap();
        assert_eq!((names(&some), some.unjudged), (vec!["a"], vec![B]));
        let refused = |found: Findings| found.complete(&[A, B]).unwrap_err().to_string();
        assert!(refused(findings(&[A, Claim { name: "c", ..A }])).contains("c was not declared"));
        // Of the same name, held against something else.
        let other = Claim { threshold: Threshold::AtMost(2.0), ..A };
        assert!(refused(findings(&[other])).contains("a was not declared"));
        assert!(refused(findings(&[A, B, A])).contains("a was judged twice"));
        assert!(refused(findings(&[B])).contains("a was not judged"));
        let figure = Figure {
            name: "f",
            title: String::new(),
            caption: String::new(),
            claims: vec!["a", "d"],
            panels: Vec::new(),
        };
        assert!(refused(Findings { figures: vec![figure], ..findings(&[A]) }).contains("supports the claim d"));
    }
}
