//! Entries chosen by index.

use super::Linear;
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::op::{Operand, Samples, Signature};
use crate::real::Real;
use crate::shape::{self, Shape};

/// `y_r = x[r, index_r]`: one entry of each row, such as the log-probability of its label.
///
/// # Shape
/// `[.., c] -> [..]`, an index for each row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pick<'a> {
    /// For each row the entry to take; recorded, not differentiated.
    pub indices: &'a [u32],
}

impl Linear for Pick<'_> {
    const NAME: &'static str = "pick";

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let Operand { shape, samples } = operands[0];
        let Some((&len, rows)) = shape.split_last() else {
            return Err(Error::Axis { op: Self::NAME, axis: 0, shape: shape.into() });
        };
        if shape::count(rows) != self.indices.len() {
            let (left, right) = (shape.into(), Shape::new(&[self.indices.len()]));
            return Err(Error::Shapes { op: Self::NAME, left, right, remedy: "give one index for each row" });
        }
        if let Some(position) = self.indices.iter().position(|&i| i as usize >= len) {
            return Err(Error::Index { op: Self::NAME, index: self.indices[position], position, len });
        }
        let samples = match samples {
            Samples::Axis { axis, .. } if axis as usize == rows.len() => None,
            kept => Some(kept),
        };
        Ok(Signature { shape: rows.into(), samples })
    }

    fn apply<R: Real>(
        &self,
        _: usize,
        (shape, x): (&[usize], &[R]),
        (_, y): (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        let len = shape[shape.len() - 1];
        for ((y, &index), row) in y.iter_mut().zip(self.indices).zip(x.chunks_exact(len.max(1))) {
            match accumulate {
                Accumulate::Replace => *y = row[index as usize],
                Accumulate::Add => *y += row[index as usize],
            }
        }
    }

    fn transpose<R: Real>(
        &self,
        _: usize,
        (_, y_bar): (&[usize], &[R]),
        (shape, x_bar): (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        if accumulate == Accumulate::Replace {
            x_bar.fill(R::ZERO);
        }
        let len = shape[shape.len() - 1];
        for ((&y_bar, &index), row) in y_bar.iter().zip(self.indices).zip(x_bar.chunks_exact_mut(len.max(1))) {
            row[index as usize] += y_bar;
        }
    }
}
