//! Sums over parameters, in one order for any number of threads.

use rayon::prelude::*;

/// Numbers that one task adds.
const BLOCK: usize = 1 << 14;

/// The sum of `term` over `0..len`: blocks side by side, their sums one after another.
pub(crate) fn sum(len: usize, term: impl Fn(usize) -> f64 + Sync) -> f64 {
    let block = |b: usize| (b * BLOCK..((b + 1) * BLOCK).min(len)).map(&term).sum::<f64>();
    let blocks: Vec<f64> = (0..len.div_ceil(BLOCK)).into_par_iter().map(block).collect();
    blocks.iter().sum()
}

/// Runs over each number of `out` with its place, in parallel.
pub(crate) fn each<T: Send>(out: &mut [T], write: impl Fn(usize, &mut T) + Sync) {
    out.par_chunks_mut(BLOCK).enumerate().for_each(|(b, out)| {
        out.iter_mut().enumerate().for_each(|(i, x)| write(b * BLOCK + i, x));
    });
}
