//! The same numbers in another order: axes exchanged or turned round.

use super::{Linear, across, around, copy, moved};
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::op::{Operand, Samples, Signature};
use crate::real::Real;

/// Axis `i` of the result is axis `axes[i]` of the operand.
///
/// # Shape
/// `axes = [1, 0]`: `[n, m] -> [m, n]`
///
/// # Cost
/// Every number once, in strides; `passes` where only axes of size 1 move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Permute<'a> {
    /// Every axis of the operand once.
    pub axes: &'a [u32],
}

impl Permute<'_> {
    /// For each entry of the result, in order, the place of its number in the operand.
    fn places(&self, x: &[usize], y: &[usize], mut visit: impl FnMut(usize, usize)) {
        let stride = |axis: u32| x[axis as usize + 1..].iter().product::<usize>();
        let Some((&last, outer)) = self.axes.split_last() else {
            return visit(0, 0);
        };
        let (step, len) = (stride(last), y[outer.len()]);
        let rows: usize = y[..outer.len()].iter().product();
        for row in 0..rows {
            let (mut left, mut start) = (row, 0);
            for (&axis, &size) in outer.iter().zip(y).rev() {
                start += left % size * stride(axis);
                left /= size;
            }
            (0..len).for_each(|i| visit(row * len + i, start + i * step));
        }
    }
}

impl Linear for Permute<'_> {
    const NAME: &'static str = "permute";

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let Operand { shape, samples } = operands[0];
        let twice = |i: usize| self.axes[..i].contains(&self.axes[i]);
        if let Some(&axis) = self.axes.iter().find(|&&axis| axis as usize >= shape.len()) {
            return Err(Error::Axis { op: Self::NAME, axis: axis as usize, shape: shape.into() });
        }
        if self.axes.len() != shape.len() || (0..self.axes.len()).any(twice) {
            let right = self.axes.iter().map(|&axis| axis as usize).collect::<Vec<_>>().as_slice().into();
            let remedy = "name every axis of the operand once";
            return Err(Error::Shapes { op: Self::NAME, left: shape.into(), right, remedy });
        }
        let sizes: Vec<usize> = self.axes.iter().map(|&axis| shape[axis as usize]).collect();
        let samples = match samples {
            Samples::Axis { axis, group } => {
                let to = self.axes.iter().position(|&from| from == axis).unwrap_or(0);
                Samples::Axis { axis: to as u32, group }
            }
            other => other,
        };
        Ok(Signature { shape: sizes.as_slice().into(), samples: Some(samples) })
    }

    fn apply<R: Real>(&self, _: usize, x: (&[usize], &[R]), y: (&[usize], &mut [R]), accumulate: Accumulate) {
        self.places(x.0, y.0, |to, from| moved(x.1[from], &mut y.1[to], accumulate));
    }

    fn transpose<R: Real>(&self, _: usize, y_bar: (&[usize], &[R]), x_bar: (&[usize], &mut [R]), to: Accumulate) {
        self.places(x_bar.0, y_bar.0, |from, place| moved(y_bar.1[from], &mut x_bar.1[place], to));
    }

    fn passes(&self, _: usize, x: &[usize], _: &[usize]) -> bool {
        // The axes that hold more than one entry keep their order.
        let mut long = self.axes.iter().filter(|&&axis| x[axis as usize] != 1);
        let mut last = long.next();
        long.all(|axis| {
            let rises = last < Some(axis);
            last = Some(axis);
            rises
        })
    }
}

/// The entries of an axis in opposite order; its own transpose.
///
/// # Shape
/// That of the operand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flip {
    /// The axis that is turned round.
    pub axis: usize,
}

impl Flip {
    fn turn<R: Real>(&self, shape: &[usize], from: &[R], to: &mut [R], accumulate: Accumulate) {
        let (_, len, inner) = around(shape, self.axis);
        if len * inner == 0 {
            return;
        }
        for (from, to) in from.chunks_exact(len * inner).zip(to.chunks_exact_mut(len * inner)) {
            for (from, to) in from.chunks_exact(inner).zip(to.chunks_exact_mut(inner).rev()) {
                copy(from, to, accumulate);
            }
        }
    }
}

impl Linear for Flip {
    const NAME: &'static str = "flip";

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let Operand { shape, samples } = operands[0];
        // Samples in another order are not those of the other values.
        let samples = across(Self::NAME, self.axis, shape, samples)?;
        Ok(Signature { shape: shape.into(), samples })
    }

    fn apply<R: Real>(&self, _: usize, x: (&[usize], &[R]), y: (&[usize], &mut [R]), accumulate: Accumulate) {
        self.turn(x.0, x.1, y.1, accumulate);
    }

    fn transpose<R: Real>(&self, _: usize, y_bar: (&[usize], &[R]), x_bar: (&[usize], &mut [R]), to: Accumulate) {
        self.turn(x_bar.0, y_bar.1, x_bar.1, to);
    }
}
