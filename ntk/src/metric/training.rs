//! Metrics that need no more than losses and gradients.

use autodiff::Float;
use rayon::prelude::*;

use super::{At, Metric};
use crate::array::Array;
use crate::error::Result;
use crate::network::Network;
use crate::train::{Batch, reduce};

/// The mean loss.
pub(super) struct Loss {
    pub(super) test: bool,
}

impl<N: Network, R: Float> Metric<N, R> for Loss {
    fn name(&self) -> &'static str {
        "loss"
    }

    fn columns(&self) -> Vec<String> {
        with_test("loss", self.test)
    }

    fn measure(&mut self, at: &mut At<'_, '_, '_, N, R>) -> Result<Vec<Option<f64>>> {
        let mut found = vec![Some(at.trainer.full()?.loss)];
        if self.test {
            found.push(at.test()?.map(|test| test.loss));
        }
        Ok(found)
    }
}

/// The share of samples classified rightly.
pub(super) struct Accuracy {
    pub(super) test: bool,
}

impl<N: Network, R: Float> Metric<N, R> for Accuracy {
    fn name(&self) -> &'static str {
        "accuracy"
    }

    fn columns(&self) -> Vec<String> {
        with_test("accuracy", self.test)
    }

    fn measure(&mut self, at: &mut At<'_, '_, '_, N, R>) -> Result<Vec<Option<f64>>> {
        let mut found = vec![at.trainer.full()?.accuracy()];
        if self.test {
            found.push(at.test()?.and_then(|test| test.accuracy()));
        }
        Ok(found)
    }
}

fn with_test(name: &str, test: bool) -> Vec<String> {
    let mut columns = vec![name.to_owned()];
    columns.extend(test.then(|| format!("test_{name}")));
    columns
}

/// `|g|`
pub(super) struct GradientNorm;

impl<N: Network, R: Float> Metric<N, R> for GradientNorm {
    fn name(&self) -> &'static str {
        "gradient-norm"
    }

    fn columns(&self) -> Vec<String> {
        vec!["gradient_norm".into()]
    }

    fn measure(&mut self, at: &mut At<'_, '_, '_, N, R>) -> Result<Vec<Option<f64>>> {
        Ok(vec![Some(square(&at.trainer.full()?.gradient).sqrt())])
    }
}

/// Samples whose gradients the noise is estimated from.
const NOISE_SAMPLES: usize = 256;

/// The covariance of the samples' gradients, its trace over the square of their mean.
///
/// The trace is that of the first 256 samples; the mean that of all.
///
/// # Cost
/// As many gradients of one sample.
///
/// # Source
/// McCandlish, Kaplan, Amodei et al. 2018, arXiv:1812.06162, equation 2.9: the simple noise scale.
pub(super) struct GradientNoise;

impl<N: Network, R: Float> Metric<N, R> for GradientNoise {
    fn name(&self) -> &'static str {
        "gradient-noise"
    }

    fn columns(&self) -> Vec<String> {
        ["gradient_variance", "gradient_noise_scale"].map(str::to_owned).into()
    }

    fn measure(&mut self, at: &mut At<'_, '_, '_, N, R>) -> Result<Vec<Option<f64>>> {
        let full = square(&at.trainer.full()?.gradient);
        let (task, stop) = (at.trainer.task(), at.trainer.stop());
        let weights = &at.trainer.state().weights;
        let rows: Vec<usize> = (0..task.samples().len().min(NOISE_SAMPLES)).collect();
        if rows.len() < 2 {
            return Ok(vec![None, None]);
        }
        let gradient = |rows: &[usize]| task.gradient(weights, Batch::Rows { rows, augment: None }, stop);
        let mean = gradient(&rows)?.gradient;
        // NUMERICS: differences from the mean, since near a minimum the square of the mean is small beside its parts only.
        let squares: Vec<f64> = rows
            .par_iter()
            .map(|row| {
                let own = gradient(std::slice::from_ref(row))?.gradient;
                Ok(own.iter().zip(&mean).map(|(a, b)| (Float::to_f64(*a) - Float::to_f64(*b)).powi(2)).sum())
            })
            .collect::<Result<_>>()?;
        let variance = squares.iter().sum::<f64>() / (rows.len() - 1) as f64;
        // At a point where the gradient vanishes there is no scale.
        let scale = (full > 0.0).then_some(variance / full).filter(|scale| scale.is_finite());
        Ok(vec![Some(variance), scale])
    }
}

/// How far the weights are from the first ones.
pub(super) struct WeightDistance<'m, R> {
    pub(super) start: &'m [Array<R>],
    pub(super) names: &'m [String],
}

impl<N: Network, R: Float> Metric<N, R> for WeightDistance<'_, R> {
    fn name(&self) -> &'static str {
        "weight-distance"
    }

    fn columns(&self) -> Vec<String> {
        let each = self.names.iter().map(|name| format!("weight_change_{name}"));
        std::iter::once("weight_distance".to_owned()).chain(each).collect()
    }

    fn measure(&mut self, at: &mut At<'_, '_, '_, N, R>) -> Result<Vec<Option<f64>>> {
        let weights = &at.trainer.state().weights;
        let moved: Vec<f64> = weights
            .iter()
            .zip(self.start)
            .map(|(now, start)| {
                let term = |i: usize| (Float::to_f64(now.data[i]) - Float::to_f64(start.data[i])).powi(2);
                reduce::sum(now.len(), term)
            })
            .collect();
        let relative = moved.iter().zip(self.start).map(|(moved, start)| {
            let size = square(&start.data);
            // Weights that begin at 0 have no scale.
            (size > 0.0).then(|| (moved / size).sqrt())
        });
        let total = moved.iter().sum::<f64>().sqrt();
        Ok(std::iter::once(Some(total)).chain(relative).collect())
    }
}

/// `|v|^2`
fn square<R: Float>(v: &[R]) -> f64 {
    reduce::sum(v.len(), |i| Float::to_f64(v[i]).powi(2))
}
