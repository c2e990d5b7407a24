//! How a finite network approaches the infinite one: distances of kernels over widths and seeds.

use autodiff::Float;

use super::{Get, kernel};
use crate::array::Array;
use crate::contraction::{self, Observer, Settings};
use crate::error::{Error, Result};
use crate::model::{Architecture, Layer};
use crate::statistics::{exponent, mean, standard_error};

/// Distances to the limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Convergence {
    /// One for each width.
    pub points: Vec<Point>,
    /// Of the logarithm of the mean distance by that of the width, fitted by least squares: -1/2 in theory.
    pub slope: f64,
    /// The standard error of the slope, from the slopes of single seeds; none of one seed.
    pub slope_error: Option<f64>,
}

/// The networks of one width.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The width of every hidden layer.
    pub width: usize,
    /// `|Theta_seed - Theta|_F / |Theta|_F` of each seed.
    pub distances: Vec<f64>,
}

impl Point {
    /// The mean over seeds.
    pub fn mean(&self) -> f64 {
        mean(&self.distances)
    }

    /// The standard error of the mean; 0 of one seed.
    pub fn error(&self) -> f64 {
        standard_error(&self.distances).unwrap_or(0.0)
    }
}

/// The network with hidden layers of another width: all weights but the last.
pub fn widened(model: &Architecture, width: usize) -> Architecture {
    let mut wide = model.clone();
    let last = wide.layers.iter().rposition(|layer| matches!(layer, Layer::Dense(_)));
    for (at, layer) in wide.layers.iter_mut().enumerate() {
        if Some(at) != last {
            widen(layer, width);
        }
    }
    wide
}

fn widen(layer: &mut Layer, width: usize) {
    let all = |layers: &mut [Layer]| layers.iter_mut().for_each(|layer| widen(layer, width));
    match layer {
        Layer::Dense(dense) => (dense.out, dense.fan_in) = (width, None),
        Layer::Conv(conv) => (conv.out, conv.fan_in) = (width, None),
        Layer::Polynomial(polynomial) => (polynomial.out, polynomial.fan_in) = (width, None),
        Layer::Recurrent(rnn) => (rnn.out, rnn.fan_in) = (width, None),
        Layer::Attention(attention) => (attention.out, attention.width) = (Some(width), Some(width * attention.heads)),
        Layer::Embedding(embedding) => embedding.out = width,
        Layer::ComplexDense(dense) => (dense.out, dense.fan_in) = (width, None),
        Layer::Residual { layers, .. } => all(layers),
        Layer::Parallel(parallel) => parallel.branches.iter_mut().for_each(|branch| all(branch)),
        _ => {}
    }
}

/// Distances of the tangent kernels (means over outputs) of networks of `widths` to the limit, over `seeds` seeds.
///
/// # Cost
/// A kernel of each width and seed.
///
/// # Errors
/// Those of the kernels; fewer than two widths, for a slope.
pub fn converge<R: Float>(
    model: &Architecture,
    x: &Array<R>,
    widths: &[usize],
    seeds: std::ops::Range<u64>,
    memory: u64,
    observer: &Observer<'_>,
) -> Result<Convergence> {
    if widths.len() < 2 || seeds.is_empty() {
        return Err(Error::usage("fewer than two widths, or no seed", "give some, such as --widths 64,128,256"));
    }
    let quiet = Observer { progress: &|_| (), stop: observer.stop };
    let missing = || Error::Bug("the kernel asked for is missing".into());
    let mut points = Vec::new();
    for &width in widths {
        let wide = widened(model, width);
        let limit = kernel(&wide, x, None, Get::Ntk, memory, &quiet)?.ntk.ok_or_else(missing)?;
        let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
        let whole = norm(&mut limit.data.iter().map(|x| x.to_f64()));
        let mut distances = Vec::new();
        for seed in seeds.clone() {
            let drawn = wide.init_as(seed, <R as autodiff::Real>::from_f64)?;
            let parameters: Vec<Array<R>> =
                drawn.into_iter().map(|(_, shape, data)| Array::new(shape, data)).collect::<Result<_>>()?;
            let settings = Settings { memory, ..Settings::default() };
            let found = contraction::kernel(&wide, &parameters, x, None, &settings, &quiet)?.kernel;
            let off = norm(&mut found.data.iter().zip(&limit.data).map(|(a, b)| a.to_f64() - b.to_f64()));
            distances.push(off / whole);
            (observer.progress)(width as f64);
        }
        points.push(Point { width, distances });
    }
    let slope = exponent(points.iter().map(|point| (point.width as f64, point.mean())));
    let count = points[0].distances.len();
    let single: Vec<f64> = (0..count)
        .map(|seed| exponent(points.iter().map(|point| (point.width as f64, point.distances[seed]))))
        .collect();
    let slope_error = standard_error(&single);
    Ok(Convergence { points, slope, slope_error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widening_keeps_the_read_out_and_the_blocks() {
        let model = Architecture::parse("resmlp:6-32x2-4:tanh").unwrap();
        let wide = widened(&model, 50);
        assert_eq!(wide, Architecture::parse("resmlp:6-50x2-4:tanh").unwrap());
    }
}
