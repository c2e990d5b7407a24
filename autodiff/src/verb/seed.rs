//! Tangents and cotangents as a caller gives them: do they fit, and how many directions are they?

use crate::error::{Error, Result};
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;

/// How many directions there are, and whether results have an axis for them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Block {
    /// The leading axis; none where a tangent has the shape of its primal.
    axis: Option<usize>,
}

impl Block {
    /// One direction, without an axis.
    pub(super) const ONE: Self = Self { axis: None };

    pub(super) fn directions(self) -> usize {
        self.axis.unwrap_or(1)
    }

    /// `numbers` for each direction as an array.
    pub(super) fn tensor<R: Real>(self, shape: &[usize], numbers: Vec<R>) -> Tensor<R> {
        let shape = match self.axis {
            Some(k) => Shape::new(shape).with(0, k),
            None => shape.into(),
        };
        Tensor::new(&shape, numbers).expect("a number for each entry and direction")
    }

    /// The block that a seed of this shape is, beside a value of that shape.
    fn of(seed: &[usize], value: &[usize]) -> Option<Self> {
        match seed.split_first() {
            _ if seed == value => Some(Self::ONE),
            Some((&k, rest)) if rest == value => Some(Self { axis: Some(k) }),
            _ => None,
        }
    }
}

/// The block that `tangents` are, one for each input and all alike.
pub(super) fn tangents<R: Real>(verb: &'static str, tangents: &[Tensor<R>], inputs: &[Var<'_, R>]) -> Result<Block> {
    if tangents.len() != inputs.len() {
        return Err(Error::Arguments { verb, what: "tangents", expected: inputs.len(), found: tangents.len() });
    }
    let mut first = None;
    for (at, (x, x_dot)) in inputs.iter().zip(tangents).enumerate() {
        let fits = Block::of(x_dot.shape(), x.shape()).filter(|block| *first.get_or_insert(*block) == *block);
        if fits.is_none() {
            let (primal, found) = (x.shape().into(), x_dot.shape().into());
            return Err(Error::Seed { verb, what: "tangent", at: at as u32, primal, found });
        }
    }
    Ok(first.unwrap_or(Block::ONE))
}

/// The block that a cotangent of the output is.
pub(super) fn cotangent<R: Real>(verb: &'static str, y_bar: &Tensor<R>, output: Var<'_, R>) -> Result<Block> {
    let (primal, found) = (output.shape(), y_bar.shape());
    let refused = || Error::Seed { verb, what: "cotangent", at: 0, primal: primal.into(), found: found.into() };
    Block::of(found, primal).ok_or_else(refused)
}

/// Rows `first..first + k` of the identity.
pub(super) fn units<R: Real>(first: usize, k: usize, len: usize) -> Vec<R> {
    let mut units = vec![R::ZERO; k * len];
    (0..k).for_each(|row| units[row * len + first + row] = R::ONE);
    units
}

/// An array with the axes of both shapes.
pub(super) fn joined<R: Real>(left: &[usize], right: &[usize], numbers: Vec<R>) -> Tensor<R> {
    Tensor::new(&[left, right].concat(), numbers).expect("an entry for each pair")
}
