//! What a network says before training.

use autodiff::{Arena, Float};
use rayon::prelude::*;

use crate::array::Array;
use crate::error::{Error, Result};
use crate::network::{Network, record};

/// Samples that one tape holds.
const BLOCK: usize = 128;

/// The outputs of a network.
///
/// # Shape
/// `x: [n, ..input] -> [n, outputs]`
///
/// # Errors
/// What recording refuses; outputs that are not finite.
pub fn outputs<N: Network, R: Float>(network: &N, parameters: &[Array<R>], x: &Array<R>) -> Result<Array<f64>> {
    let width = x.row_len().max(1);
    let blocks: Vec<Vec<f64>> = x
        .data
        .par_chunks(BLOCK * width)
        .map(|x| {
            let mut arena = Arena::new();
            let f = record(&mut arena, network, parameters, x)?;
            Ok(f.value().iter().map(|f| f.to_f64()).collect())
        })
        .collect::<Result<_>>()?;
    let all = blocks.concat();
    let o = network.outputs()?;
    if let Some(at) = all.iter().position(|f| !f.is_finite()) {
        return Err(Error::Overflow { what: "an output", place: format!("sample {}", at / o.max(1)) });
    }
    Array::new([x.rows(), o], all)
}
