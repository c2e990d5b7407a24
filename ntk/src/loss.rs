//! Losses: how outputs are compared with targets, recorded on a tape for any network.
//!
//! A loss is a mean over samples, so it is a sum of parts: [`Loss::record`] records the part of some samples in a mean
//! over all. Adding the parts of batches, in their order, gives the loss of the whole set, and so do their gradients and
//! Hessians.

use std::ops::Range;

use autodiff::op::composite::log_softmax;
use autodiff::{Float, Real, Var};

use crate::array::Array;
use crate::data::{Dataset, Part};
use crate::error::{Error, Result};

/// How outputs are compared with targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The mean over samples of `-ln softmax(f)[label]`. Its targets are classes.
    CrossEntropy,
    /// `1/(2n)` times the sum over samples and outputs of `(f - y)^2`. Classes are taken as one-hot rows.
    MeanSquaredError,
}

/// What a network should say of each sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets<R> {
    /// The class of each sample.
    Classes(Vec<u32>),
    /// Values, `[n, outputs]`.
    Values(Array<R>),
}

impl Loss {
    /// The word for it on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::CrossEntropy => "ce",
            Self::MeanSquaredError => "mse",
        }
    }

    /// Records what the samples `rows` add to a mean over `total` samples.
    ///
    /// # Shape
    /// `f: [rows, outputs] -> []`
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::Usage`] where the targets are of another kind, or fewer than the rows ask for.
    pub fn record<'a, R: Real>(
        self,
        f: Var<'a, R>,
        targets: &'a Targets<R>,
        rows: Range<usize>,
        total: usize,
    ) -> Result<Var<'a, R>> {
        if rows.end > targets.rows() || f.shape().first() != Some(&rows.len()) {
            return Err(Error::Shape {
                what: format!("the outputs to compare with targets {rows:?} of {}", targets.rows()),
                expected: vec![rows.len()],
                found: f.shape().to_vec(),
                remedy: "give a target for each row of outputs".into(),
            });
        }
        match (self, targets) {
            (Self::CrossEntropy, Targets::Classes(labels)) => {
                let picked = log_softmax(f)?.pick(&labels[rows])?;
                Ok(picked.sum().scale(-1.0 / total as f64))
            }
            (Self::MeanSquaredError, Targets::Values(values)) => {
                let width = values.row_len();
                let y = &values.data[rows.start * width..rows.end * width];
                let y = f.tape().constant(y, &[rows.len(), width])?;
                if f.shape() != y.shape() {
                    return Err(unfit(self, width, f.shape().last().copied().unwrap_or(0)));
                }
                Ok(f.minus(y)?.powi(2).sum().scale(0.5 / total as f64))
            }
            (Self::CrossEntropy, Targets::Values(_)) => Err(no_classes()),
            (Self::MeanSquaredError, Targets::Classes(_)) => {
                Err(Error::usage("mse was given classes and not values", "make the targets by Targets::new"))
            }
        }
    }
}

impl<R> Targets<R> {
    /// The number of samples.
    pub fn rows(&self) -> usize {
        match self {
            Self::Classes(labels) => labels.len(),
            Self::Values(values) => values.rows(),
        }
    }
}

impl<R: Float> Targets<R> {
    /// Targets for `loss` from the labels and values of a data set, of a network with so many outputs.
    ///
    /// # Shape
    /// `labels: [n], values: [n, outputs]`
    ///
    /// # Errors
    /// [`Error::Usage`] where `ce` has no labels, fewer than two outputs or a label that is none of them, or `mse` has
    /// no values; [`Error::Shape`] where there is not one value an output.
    pub fn new(loss: Loss, labels: Option<&[usize]>, values: &Array<f64>, outputs: usize) -> Result<Self> {
        match loss {
            Loss::CrossEntropy => {
                if outputs < 2 {
                    return Err(Error::usage(
                        format!("--loss ce compares at least two outputs, and the network has {outputs}"),
                        "give the network an output for each class, or use --loss mse",
                    ));
                }
                let labels = labels.ok_or_else(no_classes)?;
                if let Some(row) = labels.iter().position(|&label| label >= outputs) {
                    return Err(Error::usage(
                        format!("sample {row} is of class {}, and the network has {outputs} outputs", labels[row]),
                        "give the network an output for each class",
                    ));
                }
                Ok(Self::Classes(labels.iter().map(|&label| label as u32).collect()))
            }
            Loss::MeanSquaredError if values.row_len() == outputs && outputs > 0 => {
                Ok(Self::Values(values.map(|&y| R::from_f64(y))))
            }
            Loss::MeanSquaredError if values.row_len() == 0 => {
                Err(Error::usage("--loss mse has no targets to compare with", "give them with --y, or name a data set"))
            }
            Loss::MeanSquaredError => Err(unfit(loss, values.row_len(), outputs)),
        }
    }

    /// The targets of a data set's training part, after [`Dataset::fit`].
    ///
    /// # Errors
    /// As [`Targets::new`].
    pub fn of(loss: Loss, data: &Dataset, outputs: usize) -> Result<Self> {
        Self::new(loss, data.labels.as_deref(), &data.targets, outputs)
    }

    /// The targets of a data set's test part, after [`Dataset::fit`].
    ///
    /// # Errors
    /// As [`Targets::new`].
    pub fn of_part(loss: Loss, part: &Part, outputs: usize) -> Result<Self> {
        Self::new(loss, part.labels.as_deref(), &part.targets, outputs)
    }

    /// The targets of the rows named, in that order.
    ///
    /// # Errors
    /// [`Error::Usage`] where a row does not exist.
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        match self {
            Self::Values(values) => values.select_rows(rows).map(Self::Values),
            Self::Classes(labels) => rows
                .iter()
                .map(|&row| labels.get(row).copied().ok_or(row))
                .collect::<std::result::Result<_, _>>()
                .map(Self::Classes)
                .map_err(|row| Error::usage(format!("target {row} was asked of {}", labels.len()), "ask for fewer")),
        }
    }
}

fn no_classes() -> Error {
    Error::usage(
        "--loss ce compares outputs with classes, and the targets are none",
        "give labels, as whole numbers from 0 or one-hot rows, or use --loss mse",
    )
}

fn unfit(loss: Loss, found: usize, outputs: usize) -> Error {
    Error::Shape {
        what: format!("a target of --loss {}", loss.name()),
        expected: vec![outputs],
        found: vec![found],
        remedy: format!("give the network {found} outputs, or a value for each of its {outputs}"),
    }
}

#[cfg(test)]
mod tests {
    use autodiff::Arena;

    use super::*;

    /// The parts of a batch of one and of the rest, added.
    fn by_parts(loss: Loss, f: &Array<f64>, targets: &Targets<f64>) -> f64 {
        let (n, width) = (f.rows(), f.row_len());
        let mut sum = 0.0;
        for rows in [0..1, 1..n] {
            let mut arena = Arena::new();
            let f = &f.data[rows.start * width..rows.end * width];
            let f = arena.tape().samples(f, &[rows.len(), width]).unwrap();
            sum += loss.record(f, targets, rows, n).unwrap().value()[0];
        }
        sum
    }

    #[test]
    fn losses_are_their_definitions_and_parts_add_up() {
        let f = Array::new([3, 2], vec![0.3, -1.0, 2.0, 0.5, -0.7, 1e3]).unwrap();
        let labels = [1, 0, 1];
        let one_hot = Array::new([3, 2], vec![0.0, 1.0, 1.0, 0.0, 0.0, 1.0]).unwrap();
        let classes = Targets::new(Loss::CrossEntropy, Some(&labels), &one_hot, 2).unwrap();
        let values = Targets::new(Loss::MeanSquaredError, Some(&labels), &one_hot, 2).unwrap();
        // -ln softmax of the right class: ln(1 + e^(other - right)).
        let ce = (1.3_f64.exp().ln_1p() + (-1.5_f64).exp().ln_1p() + 0.0) / 3.0;
        let mse = (0.09 + 4.0 + 1.0 + 0.25 + 0.49 + 999.0 * 999.0) / 6.0;
        assert!((by_parts(Loss::CrossEntropy, &f, &classes) - ce).abs() < 1e-14);
        assert!((by_parts(Loss::MeanSquaredError, &f, &values) / mse - 1.0).abs() < 1e-14);
        assert_eq!(classes.select(&[2, 0]).unwrap(), Targets::Classes(vec![1, 1]));
        assert!(classes.select(&[3]).unwrap_err().to_string().contains("target 3"));
    }

    #[test]
    fn targets_that_a_loss_cannot_use_are_refused_with_what_to_give() {
        let (none, one) = (Array::new([2, 0], vec![]).unwrap(), Array::new([2, 1], vec![0.5, 1.5]).unwrap());
        let (ce, mse) = (Loss::CrossEntropy, Loss::MeanSquaredError);
        let refuse = |loss, labels: Option<&[usize]>, values, outputs| {
            Targets::<f64>::new(loss, labels, values, outputs).unwrap_err().to_string()
        };
        assert!(refuse(ce, Some(&[0, 1]), &none, 1).contains("--loss mse"));
        assert!(refuse(ce, None, &one, 2).contains("labels"));
        assert!(refuse(ce, Some(&[0, 7]), &none, 2).contains("sample 1 is of class 7"));
        assert!(refuse(mse, None, &none, 2).contains("--y"));
        assert!(refuse(mse, None, &one, 2).contains("1 outputs"));
    }
}
