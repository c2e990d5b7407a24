//! One network: its output, the two parts of its kernel at one input, and how a step changes it.

use autodiff::Arena;
use autodiff::kernel::gemm::Accumulate;
use autodiff::sweep::{Linearization, Pool};

use crate::array::Array;
use crate::error::Result;
use crate::model::{Activation, Architecture, Dense, Layer, Parameterization};
use crate::network::Network;

/// A rectifier network of one output whose kernel has the mean of a linear one: weights of variance 2 over the fan-in, 1 over
/// it in the read-out, biases that are trained.
pub(super) fn network(inputs: usize, width: usize, layers: usize) -> Architecture {
    let dense =
        |out, w_std| Layer::Dense(Dense { out, fan_in: None, w_std, b_std: Some(1.0), param: Parameterization::Ntk });
    let hidden = || [dense(width, std::f64::consts::SQRT_2), Layer::Activation(Activation::Relu)];
    Architecture::new([inputs], (1..layers).flat_map(|_| hidden()).chain([dense(1, 1.0)]).collect())
}

/// What one network says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// `N`
    pub(super) output: f64,
    /// `K_w = |dN/dW|^2`
    pub(super) weights: f64,
    /// `K_b = |dN/db|^2`
    pub(super) biases: f64,
    /// `N <dN/dW, dK_w/dW>`: minus the change of `K_w` by a step of gradient descent on `(N - y)^2 / 2`, over the learning
    /// rate, if `y` has nothing to do with the network.
    pub(super) drift: f64,
}

/// Networks of one architecture, in memory that is used again.
pub(super) struct Sampler<'n> {
    network: &'n Architecture,
    /// Whether an array has weights, not biases.
    is_weight: Vec<bool>,
    arena: Arena,
    pool: Pool<f64>,
    gradient: Vec<f64>,
    bent: Vec<f64>,
}

impl<'n> Sampler<'n> {
    pub(super) fn new(network: &'n Architecture) -> Result<Self> {
        let is_weight = network.parameters()?.iter().map(|(name, _)| name.starts_with('W')).collect();
        let (gradient, bent) = (Vec::new(), Vec::new());
        Ok(Self { network, is_weight, arena: Arena::new(), pool: Pool::default(), gradient, bent })
    }

    /// The first weights of a seed, biases at 0.
    pub(super) fn draw(&self, seed: u64) -> Result<Vec<Array<f64>>> {
        let drawn = self.network.init(seed)?.into_iter().zip(&self.is_weight);
        drawn
            .map(|((_, shape, entries), is_weight)| {
                Array::new(shape, if *is_weight { entries } else { vec![0.0; entries.len()] })
            })
            .collect()
    }

    /// The network with these weights at `x`.
    ///
    /// # Cost
    /// A recording, a pullback and one product with the Hessian of the output.
    pub(super) fn at(&mut self, weights: &[Array<f64>], x: &[f64]) -> Result<Sample> {
        let Self { network, is_weight, arena, pool, gradient, bent } = self;
        let tape = arena.tape();
        let input = tape.samples(x, &[1, x.len()])?;
        let leaves = weights.iter().map(|w| tape.leaf(&w.data, &w.shape)).collect::<autodiff::Result<Vec<_>>>()?;
        let output = Network::apply(*network, input, &leaves)?.sum();
        let n = output.value()[0];

        let count = weights.iter().map(Array::len).sum();
        gradient.resize(count, 0.0);
        bent.resize(count, 0.0);
        let slopes = Linearization::with_cotangent(output, &[1.0], &mut [], pool)?;
        slopes.pullback(&[1.0], &mut parts(gradient, weights), Accumulate::Replace, pool)?;
        // K_w depends on the weights through their gradients alone: dK_w/dW = 2 H g, g without its biases.
        let along: Vec<Option<&[f64]>> =
            of_each(gradient, weights).zip(&*is_weight).map(|(g, &w)| w.then_some(g)).collect();
        slopes.pullback_tangent(&along, &mut parts(bent, weights), Accumulate::Replace, pool)?;
        slopes.release(pool);

        let mut found = Sample { output: n, weights: 0.0, biases: 0.0, drift: 0.0 };
        for ((g, h), is_weight) in of_each(gradient, weights).zip(of_each(bent, weights)).zip(is_weight) {
            let square = g.iter().map(|g| g * g).sum::<f64>();
            if *is_weight {
                found.weights += square;
                found.drift += 2.0 * n * g.iter().zip(h).map(|(g, h)| g * h).sum::<f64>();
            } else {
                found.biases += square;
            }
        }
        Ok(found)
    }
}

fn of_each<'v>(flat: &'v [f64], weights: &'v [Array<f64>]) -> impl Iterator<Item = &'v [f64]> {
    let mut rest = flat;
    weights.iter().map(move |w| rest.split_off(..w.len()).unwrap_or_default())
}

fn parts<'v>(flat: &'v mut [f64], weights: &[Array<f64>]) -> Vec<Option<&'v mut [f64]>> {
    let mut rest = flat;
    weights.iter().map(|w| rest.split_off_mut(..w.len())).collect()
}

/// `[1, 1, ..]`, whose square over their number is 1.
pub(super) fn input(inputs: usize) -> Vec<f64> {
    vec![1.0; inputs]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contraction::{Observer, Settings, kernel};

    #[test]
    fn the_two_parts_are_the_kernel_and_the_drift_is_its_slope_along_the_gradient() {
        let network = network(3, 7, 4);
        let mut sampler = Sampler::new(&network).unwrap();
        let (weights, x) = (sampler.draw(5).unwrap(), input(3));
        let found = sampler.at(&weights, &x).unwrap();
        let at = Array::new([1, 3], x.clone()).unwrap();
        let theta = kernel(&network, &weights, &at, None, &Settings::default(), &Observer::default()).unwrap().kernel;
        assert!((found.weights + found.biases - theta.data[0]).abs() < 1e-12 * theta.data[0]);

        // A step along the weights' gradient, by central differences of K_w.
        let step = |h: f64, sampler: &mut Sampler<'_>| {
            let moved: Vec<Array<f64>> = of_each(&sampler.gradient.clone(), &weights)
                .zip(&weights)
                .zip(&sampler.is_weight)
                .map(|((g, w), is_weight)| {
                    let by = if *is_weight { h } else { 0.0 };
                    Array::new(w.shape.clone(), w.data.iter().zip(g).map(|(w, g)| w + by * g).collect()).unwrap()
                })
                .collect();
            let gradient = sampler.gradient.clone();
            let k = sampler.at(&moved, &x).unwrap().weights;
            sampler.gradient = gradient;
            k
        };
        let h = 1e-5;
        let slope = (step(h, &mut sampler) - step(-h, &mut sampler)) / (2.0 * h);
        assert!((found.output * slope - found.drift).abs() < 1e-8 * found.drift.abs(), "{} {}", slope, found.drift);
        assert!(found.drift != 0.0 && found.biases > 0.0);
    }

    #[test]
    fn moments_of_many_networks_are_the_exact_ones() {
        let (width, layers, count) = (8, 4, 6000);
        let network = network(2, width, layers);
        let mut sampler = Sampler::new(&network).unwrap();
        let (mut sums, mut squares) = ([0.0; 4], [0.0; 4]);
        for seed in 0..count {
            let weights = sampler.draw(seed).unwrap();
            let found = sampler.at(&weights, &input(2)).unwrap();
            let (w, b) = (found.weights / layers as f64, found.biases / super::super::theory::biases_mean(layers));
            for (i, x) in [w, b, w * w, b * b].into_iter().enumerate() {
                sums[i] += x / count as f64;
                squares[i] += x * x / count as f64;
            }
        }
        let expected =
            [1.0, 1.0, super::super::theory::weights(width, layers), super::super::theory::biases(width, layers)];
        for i in 0..4 {
            let error = ((squares[i] - sums[i] * sums[i]) / count as f64).sqrt();
            assert!((sums[i] - expected[i]).abs() < 3.0 * error, "{i}: {} +- {error}, not {}", sums[i], expected[i]);
        }
    }
}
