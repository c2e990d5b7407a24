//! Kernels of networks of very many equal layers, one layer after another.
//!
//! [`super::kernel`] passes a row of samples through all layers of a description. Here the layers are all the same, and their
//! kernels are wanted at many depths: pairs of samples of one variance are taken a layer further at a time.
//!
//! A pair is known by what its covariance lacks to the variance, `q - k`, which keeps its digits where deep networks have made
//! samples alike to 14 digits.

use rayon::prelude::*;

use super::phase::{Layers, Map};
use crate::error::{Error, Result};

/// Pairs that one task takes a layer further.
const BLOCK: usize = 1 << 12;

/// The kernels of pairs of samples, all of one variance, at some depth.
#[derive(Clone, Debug)]
pub struct Deep {
    layers: Layers,
    depth: usize,
    variance: f64,
    diagonal: f64,
    lacks: Vec<f64>,
    theta: Vec<f64>,
}

impl Deep {
    /// Depth 0: both kernels are the covariance of the inputs, `q` of a sample with itself, and `q - lack` of a pair.
    ///
    /// # Errors
    /// [`Error::Usage`] for a variance that is not positive, or a pair that lacks less than 0 or more than `2 q`.
    pub fn new(layers: Layers, variance: f64, lacks: Vec<f64>) -> Result<Self> {
        if !(variance.is_finite() && variance > 0.0) {
            return Err(Error::usage(format!("a variance of {variance}"), "give a number above 0"));
        }
        if let Some(lack) = lacks.iter().find(|lack| !(0.0..=2.0 * variance).contains(*lack)) {
            let what = format!("a pair of samples of variance {variance} whose covariance lacks {lack} to it");
            return Err(Error::usage(what, "give differences from 0 to twice the variance"));
        }
        let theta = lacks.iter().map(|lack| variance - lack).collect();
        Ok(Self { layers, depth: 0, variance, diagonal: variance, lacks, theta })
    }

    /// Layers that were passed.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The covariance of a sample with itself.
    pub fn variance(&self) -> f64 {
        self.variance
    }

    /// The tangent kernel of a sample with itself.
    pub fn diagonal(&self) -> f64 {
        self.diagonal
    }

    /// What the covariance of each pair lacks to [`Deep::variance`].
    pub fn lacks(&self) -> &[f64] {
        &self.lacks
    }

    /// The tangent kernel of each pair.
    pub fn theta(&self) -> &[f64] {
        &self.theta
    }

    /// Takes all pairs through a layer: `K' = W_std^2 E f f + b_std^2`, `Theta' = K' + W_std^2 E f' f' Theta`.
    ///
    /// # Cost
    /// Some 50 operations a pair in closed form; of other activations, some hundred, and a quadrature.
    ///
    /// # Errors
    /// An activation whose series does not end; a kernel that overflows.
    pub fn step(&mut self) -> Result<()> {
        let Layers { weight, bias, .. } = self.layers;
        let map = Map::at(&self.layers, self.variance)?;
        let (square, slope) = map.same();
        let variance = weight * square + bias;
        self.diagonal = variance + weight * slope * self.diagonal;
        let pairs = self.lacks.par_chunks_mut(BLOCK).zip(self.theta.par_chunks_mut(BLOCK));
        pairs.try_for_each(|(lacks, theta)| {
            for (lack, theta) in lacks.iter_mut().zip(theta) {
                let image = map.pair(*lack)?;
                *lack = weight * image.lack;
                *theta = (variance - *lack) + weight * image.slope * *theta;
            }
            Ok::<(), Error>(())
        })?;
        (self.variance, self.depth) = (variance, self.depth + 1);
        if !self.diagonal.is_finite() {
            return Err(Error::Overflow { what: "the tangent kernel", place: format!("layer {}", self.depth) });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::Array;
    use crate::contraction::Observer;
    use crate::infinite::{Get, kernel};
    use crate::model::{Activation, Architecture};

    #[test]
    fn layers_passed_one_by_one_give_the_kernel_of_the_network() {
        // Two inputs at angle a have the covariance W_std^2 cos(a)/2 + b_std^2 after the first layer of weights.
        for (activation, named, weight, bias) in [
            (Activation::Relu, "relu", 2.0, 0.04),
            (Activation::Erf, "erf", 1.5, 0.05),
            (Activation::Tanh, "tanh", 1.7, 0.05),
            (Activation::Gelu, "gelu", 1.9, 0.01),
        ] {
            let text = format!("mlp:2-3x4-1:{named},W_std={:?},b_std={:?}", f64::sqrt(weight), f64::sqrt(bias));
            let model = Architecture::parse(&text).unwrap();
            let angles: [f64; 4] = [0.0, 1e-6, 1.0, 3.0];
            let x = Array::new([4, 2], angles.iter().flat_map(|a| [a.cos(), a.sin()]).collect()).unwrap();
            let theta = kernel(&model, &x, None, Get::Both, 1 << 30, &Observer::default()).unwrap();
            let lacks = angles[1..].iter().map(|a| weight * (0.5 * a).sin().powi(2)).collect();
            let mut deep = Deep::new(Layers { activation, weight, bias }, 0.5 * weight + bias, lacks).unwrap();
            for _ in 0..4 {
                deep.step().unwrap();
            }
            let (ntk, nngp) = (theta.ntk.unwrap(), theta.nngp.unwrap());
            assert!((deep.diagonal() / ntk.data[0] - 1.0).abs() < 1e-12, "{named}");
            assert!((deep.variance() / nngp.data[0] - 1.0).abs() < 1e-12, "{named}");
            for (i, (lack, theta)) in deep.lacks().iter().zip(deep.theta()).enumerate() {
                assert!((theta / ntk.data[i + 1] - 1.0).abs() < 1e-9, "{named} {i}: {theta} {}", ntk.data[i + 1]);
                assert!((deep.variance() - lack - nngp.data[i + 1]).abs() < 1e-12, "{named} {i}");
            }
        }
    }

    #[test]
    fn samples_that_became_alike_still_differ_and_the_difference_falls_by_chi() {
        let layers = Layers { activation: Activation::Erf, weight: 1.25, bias: 0.05 };
        let fixed = layers.fixed_point().unwrap().unwrap();
        let mut deep = Deep::new(layers, fixed.variance, vec![0.9 * fixed.variance]).unwrap();
        let mut before = f64::NAN;
        for _ in 0..1500 {
            before = deep.lacks()[0];
            deep.step().unwrap();
        }
        // Below 1e-26 of the variance, where a covariance has long been the variance to all its digits.
        assert!(deep.lacks()[0] < 1e-25 && deep.lacks()[0] > 0.0);
        assert!((deep.lacks()[0] / before - fixed.chi_1).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        let layers = Layers { activation: Activation::Erf, weight: 1.0, bias: 0.1 };
        assert!(Deep::new(layers, 1.0, vec![2.5]).unwrap_err().to_string().contains("lacks 2.5"));
        assert!(Deep::new(layers, 0.0, vec![]).is_err() && Deep::new(layers, 1.0, vec![f64::NAN]).is_err());
    }
}
