//! The product that all contractions end in: rows of one block of samples with rows of another.

use autodiff::Float;
use autodiff::kernel::gemm::{Accumulate, View, lower_gram};

use super::{Outputs, Problem};
use crate::network::Network;

/// Rows of a block, `[directions, samples, width]`: cotangents of a layer, or whole gradients.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'r, R> {
    pub(crate) directions: usize,
    pub(crate) samples: usize,
    pub(crate) numbers: &'r [R],
    pub(crate) width: usize,
}

impl<'r, R: Float> Rows<'r, R> {
    /// The rows of `count` directions from `first`, as a matrix.
    fn of(&self, first: usize, count: usize) -> View<'r, R> {
        let len = self.samples * self.width;
        View::new(&self.numbers[first * len..(first + count) * len], count * self.samples, self.width)
    }
}

impl<N: Network, R: Float> Problem<'_, N, R> {
    /// `Z Z'^T` for each pair of directions, for each direction, or summed over directions, as [`Outputs`] asks. `same`
    /// says that both are one block: only lower triangles are written.
    ///
    /// # Shape
    /// `-> [left, rows, right, columns]`, a tile's
    pub(crate) fn couple(&self, rows: Rows<'_, R>, columns: Rows<'_, R>, same: bool, out: &mut [R]) {
        let product = |out: &mut [R], accumulate, scale: f64, first, count| {
            let (z, z2) = (rows.of(first, count), columns.of(first, count));
            if same {
                lower_gram(out, accumulate, R::from_f64(scale), z);
            } else {
                R::gemm(out, accumulate, scale, z, z2.t());
            }
        };
        let (directions, tile) = (rows.directions, rows.samples * columns.samples);
        match self.outputs {
            Outputs::Full => product(out, Accumulate::Replace, 1.0, 0, directions),
            Outputs::Diagonal => {
                for a in 0..directions {
                    product(&mut out[a * tile..][..tile], Accumulate::Replace, 1.0, a, 1);
                }
            }
            Outputs::Trace | Outputs::SumTrace | Outputs::SumOfLogits => {
                for a in 0..directions {
                    let accumulate = if a == 0 { Accumulate::Replace } else { Accumulate::Add };
                    product(out, accumulate, self.scale(), a, 1);
                }
            }
        }
    }
}
