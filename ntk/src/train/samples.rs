//! Samples with what a network should say of them.

use autodiff::Float;

use crate::array::Array;
use crate::data::{Dataset, Part};
use crate::error::{Error, Result};
use crate::loss::{Loss, Targets};

/// Samples, the targets of a loss and, where those are classes, the labels that tell right from wrong.
#[derive(Clone, Debug)]
pub struct Samples<R> {
    /// `[n, ..input]`
    pub inputs: Array<R>,
    /// What the loss compares with.
    pub targets: Targets<R>,
    /// The class of each sample.
    pub labels: Option<Vec<u32>>,
}

impl<R: Float> Samples<R> {
    /// The training part of a data set that was fitted to a network of so many outputs.
    ///
    /// # Errors
    /// As [`Samples::new`].
    pub fn train(loss: Loss, data: &Dataset, outputs: usize) -> Result<Self> {
        Self::new(loss, &data.inputs, &data.targets, data.labels.as_deref(), outputs)
    }

    /// The test part.
    ///
    /// # Errors
    /// As [`Samples::new`].
    pub fn test(loss: Loss, part: &Part, outputs: usize) -> Result<Self> {
        Self::new(loss, &part.inputs, &part.targets, part.labels.as_deref(), outputs)
    }

    /// Samples from arrays, cast.
    ///
    /// # Shape
    /// `inputs: [n, ..input], values: [n, outputs], labels: [n]`
    ///
    /// # Errors
    /// No sample; what [`Targets::new`] refuses; not as many targets as samples.
    pub fn new(
        loss: Loss,
        inputs: &Array<f64>,
        values: &Array<f64>,
        labels: Option<&[usize]>,
        outputs: usize,
    ) -> Result<Self> {
        if inputs.rows() == 0 {
            return Err(Error::usage("there is no sample to train on", "give at least one"));
        }
        let targets = Targets::new(loss, labels, values, outputs)?;
        let counts = [targets.rows(), labels.map_or(inputs.rows(), <[usize]>::len)];
        if let Some(&found) = counts.iter().find(|&&count| count != inputs.rows()) {
            return Err(Error::Shape {
                what: "the targets".into(),
                expected: vec![inputs.rows()],
                found: vec![found],
                remedy: "give one target a sample".into(),
            });
        }
        Ok(Self {
            inputs: inputs.map(|x| <R as autodiff::Real>::from_f64(*x)),
            targets,
            labels: labels.map(|labels| labels.iter().map(|&label| label as u32).collect()),
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.inputs.rows()
    }

    /// Whether there are none; the constructor sees to it that there are some.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The samples of these numbers, in this order.
    ///
    /// # Errors
    /// A sample that does not exist.
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        let targets = self.targets.select(rows)?;
        let labels = self.labels.as_ref().map(|labels| rows.iter().map(|&row| labels[row]).collect());
        Ok(Self { inputs: self.inputs.select_rows(rows)?, targets, labels })
    }
}
